"""Values as rows, and back. What reports sum or filter by has a column; the rest of a record is JSON in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from pisces_proxy.storage import Account, Key, Record, UsageGroup
from pisces_proxy.usage import Usage

Row = Sequence[Any]

ACCOUNT = Account.__struct_fields__
KEY = Key.__struct_fields__
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
    "total_ms",
)
REQUEST = (*COLUMNS, *USAGE, "rest")

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
_columns, _counts, _rest = attrgetter(*COLUMNS), attrgetter(*USAGE), attrgetter(*_REST)


def placeholders(names: Sequence[str]) -> str:
    return ", ".join("?" * len(names))


def account_row(account: Account) -> Row:
    return msgspec.structs.astuple(account)


def to_account(row: Row) -> Account:
    name, unlimited, created_at = row
    return Account(name=name, unlimited=bool(unlimited), created_at=created_at)


def key_row(key: Key) -> Row:
    return [to_column(name, getattr(key, name)) for name in KEY]


def to_column(name: str, value: object) -> Any:
    """A key's field as its column holds it."""
    return _encode(value).decode() if name in ("models", "networks") and value is not None else value


def to_key(row: Row) -> Key:
    values: dict[str, Any] = dict(zip(KEY, row, strict=True))
    values["models"] = None if values["models"] is None else _decode_names(values["models"])
    values["networks"] = _decode_names(values["networks"])
    values["enabled"] = bool(values["enabled"])
    return Key(**values)


def changed(key: Key, changes: Mapping[str, object]) -> Key:
    """The key with these fields set. Raises ValueError for a field or a value that a key cannot have."""
    if unknown := sorted((changes.keys() - set(KEY)) | (changes.keys() & {"id"})):
        raise ValueError(f"a key has no field {unknown[0]!r} that can be set")
    try:
        return msgspec.convert(msgspec.to_builtins(key) | dict(changes), Key)
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
