"""What callers of the admin API may send: queries and bodies. Each member's limits stand here, and so in the OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ..ledger import Period
from ..storage import GroupBy
from ..task import Status, TaskType

MOST_NANO = 10**17  # a hundred million dollars: sums of such amounts stay far inside 64 bits

Name = Annotated[str, Meta(min_length=1, max_length=200, description="1 to 200 printable characters.")]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339 with a time zone.")]
# in a query: read later, for there msgspec would take any number for unix seconds, and so a year for a minute of 1970
Written = Annotated[str, Meta(description="RFC 3339 with a time zone.", extra_json_schema={"format": "date-time"})]
Count = Annotated[int, Meta(ge=0, le=10**12, description="0: no limit.")]
Nano = Annotated[int, Meta(ge=0, le=MOST_NANO, description="Nano-dollars.")]
Limit = Annotated[int, Meta(ge=1, le=1000, description="Rows in one answer.")]
Cursor = Annotated[str, Meta(max_length=400, description="`next_cursor` of the page before.")]
After = Annotated[int, Meta(ge=0, le=2**63 - 1, description="Rows behind this id: `next_after` of the page before.")]
Id = Annotated[str, Meta(min_length=1, max_length=200, description="Yours. The same one again changes nothing.")]
Note = Annotated[str, Meta(max_length=1000, description="For people.")]
_Usd = Meta(description="US dollars as a decimal string, at most nine decimals. Instead of amount_nano.")
_ONE_AMOUNT = Meta(extra_json_schema={"oneOf": [{"required": ["amount_nano"]}, {"required": ["usd"]}]})


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The root of all that is sent: an unknown member is an error."""


class Nothing(Asked, frozen=True):
    """No query."""


class Page(Asked, frozen=True):
    limit: Limit = 100
    cursor: Cursor | None = None


class KeysQuery(Page, frozen=True):
    account: str | None = None


class UsageQuery(Page, frozen=True):
    """`since` counts from there, `until` up to but without it (give it, and pages agree). `key` is a key's name."""

    limit: Limit = 1000
    by: GroupBy = "model"
    since: Written | None = None
    until: Written | None = None
    key: str | None = None
    account: str | None = None
    model: str | None = None
    channel: str | None = None


class RequestsQuery(Page, frozen=True):
    since: Written | None = None
    until: Written | None = None
    key: str | None = None
    account: str | None = None
    model: str | None = None
    channel: str | None = None


class LedgerQuery(Asked, frozen=True):
    limit: Limit = 100
    after: After = 0
    account: str | None = None
    request_id: str | None = None


class AuditsQuery(Asked, frozen=True):
    limit: Limit = 100
    after: After = 0


class PricesQuery(Page, frozen=True):
    model: str | None = None


class TasksQuery(Page, frozen=True):
    account: str | None = None
    type: TaskType | None = None
    status: Status | None = None


class AccountNew(Asked, frozen=True):
    """An account. Without `unlimited` it spends what is credited, and as far below zero as its credit line goes."""

    name: Name
    enabled: bool = True
    unlimited: bool = False
    credit_line_nano: Nano = 0


class AccountChange(Asked, frozen=True):
    """What is left out stays. `enabled` false: the account's keys are refused until it is true again."""

    enabled: bool | UnsetType = UNSET
    unlimited: bool | UnsetType = UNSET
    credit_line_nano: Nano | UnsetType = UNSET


class CreditNew(Asked, frozen=True):
    """Money that came in: `amount_nano` or `usd`."""

    id: Id
    amount_nano: Annotated[int, Meta(ge=1, le=MOST_NANO, description="Nano-dollars.")] | UnsetType = UNSET
    usd: Annotated[str, Meta(pattern=r"^(?=.*[1-9])[0-9]{1,8}(\.[0-9]{1,9})?$"), _Usd] | UnsetType = UNSET
    note: Note = ""


class AdjustmentNew(Asked, frozen=True):
    """A correction, up or down: `amount_nano` or `usd`."""

    id: Id
    amount_nano: Annotated[int, Meta(ge=-MOST_NANO, le=MOST_NANO, description="Nano-dollars.")] | UnsetType = UNSET
    usd: Annotated[str, Meta(pattern=r"^-?[0-9]{1,8}(\.[0-9]{1,9})?$"), _Usd] | UnsetType = UNSET
    note: Note = ""


CreditBody = Annotated[CreditNew, _ONE_AMOUNT]
AdjustmentBody = Annotated[AdjustmentNew, _ONE_AMOUNT]

_Models = Annotated[tuple[Name, ...], Meta(min_length=1, max_length=1000, description="The only ones. null: all.")]
_Networks = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=50)], ...],
    Meta(max_length=100, description="Addresses or CIDR ranges it may be used from. Empty: anywhere."),
]

_AsText = Annotated[bool, Meta(description="Gemini clients of this key get pictures as base64 in `parts[].text`.")]


class KeyNew(Asked, frozen=True):
    """A key. null, for limits and models: none of its own. A `test` key is served by local providers, free."""

    name: Name
    account: Name = "default"
    kind: Literal["live", "test"] = "live"
    models: _Models | None = None
    rpm: Count | None = None
    tpm: Count | None = None
    concurrency: Count | None = None
    quota_nano: Nano | None = None
    quota_period: Period = "total"
    expires_at: Moment | None = None
    networks: _Networks = ()
    images_as_text: _AsText = False


class KeyChange(Asked, frozen=True):
    """What is left out stays; null takes a limit away."""

    name: Name | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    models: _Models | UnsetType | None = UNSET
    rpm: Count | UnsetType | None = UNSET
    tpm: Count | UnsetType | None = UNSET
    concurrency: Count | UnsetType | None = UNSET
    quota_nano: Nano | UnsetType | None = UNSET
    quota_period: Period | UnsetType = UNSET
    expires_at: Moment | UnsetType | None = UNSET
    networks: _Networks | UnsetType = UNSET
    images_as_text: _AsText | UnsetType = UNSET
