"""Values as rows, and back. What reports sum or filter by has a column; the rest of a record is JSON in one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from operator import attrgetter
from typing import Any, TypeVar

import msgspec

from pisces_proxy.ledger import Audit, Balance, Entry, Heard, Stored
from pisces_proxy.storage import Account, Key, Record, UsageGroup
from pisces_proxy.usage import Usage

Row = Sequence[Any]
Changing = TypeVar("Changing", Account, Key)

ACCOUNT = Account.__struct_fields__
KEY = Key.__struct_fields__
ENTRY = Entry.__struct_fields__
AUDIT = Audit.__struct_fields__
USAGE = Usage.__struct_fields__
COLUMNS = (
    "request_id",
    "at",
    "key",
    "account",
    "model",
    "channel",
    "protocol",
    "upstream_protocol",
    "stream",
    "status",
    "cost_nano",
    "upstream_cost_nano",
    "total_ms",
)
REQUEST = (*COLUMNS, *USAGE, "rest")
# of a day's row: what else it sums up than requests; in the order of UsageGroup's fields
DAY_SUMS = ("errors", "input", "output", "cached_input", "reasoning", "cost_nano", "upstream_cost_nano", "margin_nano")
STORED = ("request_id", "status", "headers", "stream", "body")

# every other field of a record, also of one that gains some: nothing is ever dropped
_REST = tuple(name for name in Record.__struct_fields__ if name not in COLUMNS and name != "usage")
_Rest = msgspec.defstruct(
    "_Rest",
    [
        (field.name, field.type, field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory())
        for field in msgspec.structs.fields(Record)
        if field.name in _REST
    ],
    omit_defaults=True,
)
_encode = msgspec.json.Encoder().encode
_decode_rest = msgspec.json.Decoder(_Rest).decode
_decode_names = msgspec.json.Decoder(tuple[str, ...]).decode
_decode_headers = msgspec.json.Decoder(dict[str, str]).decode
_decode_detail = msgspec.json.Decoder(dict[str, object]).decode
_columns, _counts, _rest = attrgetter(*COLUMNS), attrgetter(*USAGE), attrgetter(*_REST)


def placeholders(names: Sequence[str]) -> str:
    return ", ".join("?" * len(names))


def account_row(account: Account) -> Row:
    return msgspec.structs.astuple(account)


def to_account(row: Row) -> Account:
    values = dict(zip(ACCOUNT, row, strict=True))
    return Account(**values | {name: bool(values[name]) for name in ("unlimited", "enabled")})


def key_row(key: Key) -> Row:
    return [to_column(name, getattr(key, name)) for name in KEY]


def to_column(name: str, value: object) -> Any:
    """A key's field as its column holds it."""
    return _encode(value).decode() if name in ("models", "networks") and value is not None else value


def to_key(row: Row) -> Key:
    values: dict[str, Any] = dict(zip(KEY, row, strict=True))
    values["models"] = None if values["models"] is None else _decode_names(values["models"])
    values["networks"] = _decode_names(values["networks"])
    values |= {name: bool(values[name]) for name in ("enabled", "images_as_text")}
    return Key(**values)


def changed(before: Changing, changes: Mapping[str, object], fixed: Collection[str]) -> Changing:
    """The same with these fields set. Raises ValueError for a field or a value that it cannot have."""
    what = type(before).__name__.lower()
    if unknown := sorted(name for name in changes if name in fixed or name not in before.__struct_fields__):
        raise ValueError(f"{what}: there is no field {unknown[0]!r} that can be set")
    try:
        return msgspec.convert(msgspec.to_builtins(before) | dict(changes), type(before))
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


def request_row(record: Record) -> Row:
    return (*_columns(record), *_counts(record.usage), _encode(_Rest(*_rest(record))))


def to_record(row: Row) -> Record:
    values = dict(zip(REQUEST, row, strict=True))
    usage = {name: values.pop(name) for name in USAGE}
    usage["estimated"] = bool(usage["estimated"])
    values["stream"] = bool(values["stream"])
    rest = msgspec.structs.asdict(_decode_rest(values.pop("rest")))
    return Record(**values, **rest, usage=Usage(**usage))


def to_group(row: Row) -> UsageGroup:
    return UsageGroup(**dict(zip(UsageGroup.__struct_fields__, row, strict=True)))


def to_balance(row: Row) -> Balance:
    account, balance, reserved, credited, spent, line, unlimited = row
    return Balance(
        account=account,
        balance_nano=balance,
        reserved_nano=reserved,
        credited_nano=credited,
        spent_nano=spent,
        credit_line_nano=line,
        unlimited=bool(unlimited),
    )


def to_entry(row: Row) -> Entry:
    return Entry(**dict(zip(ENTRY, row, strict=True)))


def stored_row(stored: Stored) -> Row:
    """As `replays` sets it: without the request's id, which stands there already."""
    return (stored.status, _encode(stored.headers), stored.stream, stored.body)


def headers_column(headers: Mapping[str, str]) -> bytes:
    return _encode(headers)


def to_heard(pieces: Sequence[Row]) -> Heard | None:
    """Pieces that follow each other, as one."""
    if not pieces:
        return None
    return Heard(headers=_decode_headers(pieces[0][0]), data=b"".join(data for _, data in pieces))


def to_stored(row: Row) -> Stored:
    request_id, status, headers, stream, body = row
    return Stored(request_id=request_id, status=status, headers=_decode_headers(headers), body=body, stream=bool(stream))


def audit_row(audit: Audit) -> Row:
    return (audit.at, audit.actor, audit.action, audit.target, _encode(audit.detail))


def to_audit(row: Row) -> Audit:
    values = dict(zip(AUDIT, row, strict=True))
    return Audit(**values | {"detail": _decode_detail(values["detail"])})
