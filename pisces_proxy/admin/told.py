"""What the admin API answers. Money in integer nano-dollars, times in UTC, lists under `data`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from ..ledger import EntryKind, Period
from ..pricing import Measures, Tier
from ..storage import Attempt, GroupBy, UsageGroup
from ..task import Status, TaskType
from ..usage import Usage


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The root of all answers."""


class Mistake(Told, frozen=True):
    code: str
    message: str
    param: str | None = None


class Problem(Told, frozen=True):
    """Every answer from 400 on. `param` names the offending member or parameter."""

    error: Mistake


class Account(Told, frozen=True):
    """`available_nano` = balance + credit line - reserved; null for an unlimited account. Not `enabled`: its keys are
    refused."""

    name: str
    enabled: bool
    unlimited: bool
    credit_line_nano: int
    balance_nano: int
    reserved_nano: int
    available_nano: int | None
    credited_nano: int
    spent_nano: int
    created_at: datetime


class Accounts(Told, frozen=True):
    data: list[Account]
    next_cursor: str | None


class Key(Told, frozen=True):
    """`hint`: the last characters of the secret, which nobody has any more. `quota_spent_nano` and `quota_reserved_nano` count
    against the quota: in its period (the day or month in UTC, or ever) as it is now."""

    id: str
    name: str
    account: str
    hint: str
    kind: Literal["live", "test"]
    enabled: bool
    models: list[str] | None
    rpm: int | None
    tpm: int | None
    concurrency: int | None
    quota_nano: int | None
    quota_period: Period
    quota_spent_nano: int
    quota_reserved_nano: int
    expires_at: datetime | None
    networks: list[str]
    images_as_text: bool
    created_at: datetime


class KeyMade(Told, frozen=True):
    """`secret` is shown this once."""

    key: Key
    secret: str


class Keys(Told, frozen=True):
    data: list[Key]
    next_cursor: str | None


class UsageSums(Told, frozen=True):
    by: GroupBy
    since: datetime | None
    until: datetime | None
    data: list[UsageGroup]
    next_cursor: str | None


class Request(Told, frozen=True):
    """One request. `status` is what the client got: 499 where it left first. `upstream_cost_nano` is what its channel pays,
    and `margin_nano` what is left; null where the channel does not say."""

    request_id: str
    at: datetime
    key: str
    account: str
    endpoint: str
    model: str
    upstream_model: str
    channel: str
    provider: str
    protocol: str
    upstream_protocol: str
    stream: bool
    status: int
    error: str | None
    usage: Usage
    cost_nano: int
    upstream_cost_nano: int | None
    margin_nano: int | None
    flags: list[str]
    total_ms: float
    first_byte_ms: float | None
    upstream_ms: float | None
    client_request_id: str | None


class RequestInFull(Request, frozen=True):
    """With its attempts, and the price lines that were frozen when it was billed."""

    price_lines: list[dict[str, Any]]
    measures: Measures
    warnings: list[str]
    attempts: list[Attempt]


class Requests(Told, frozen=True):
    """The newest first."""

    data: list[Request]
    next_cursor: str | None


class Entry(Told, frozen=True):
    """A row of the ledger. `key` is the key's id, `request_id` what the row belongs to."""

    id: int
    at: datetime
    kind: EntryKind
    account: str
    key: str
    request_id: str
    amount_nano: int
    note: str
    actor: str


class Ledger(Told, frozen=True):
    data: list[Entry]
    next_after: int | None


class Verified(Told, frozen=True):
    """Every balance recomputed from its rows; `problems` name what is off."""

    ok: bool
    accounts: int
    rows: int
    problems: list[str]


class Channel(Told, frozen=True):
    """`off`: by the configuration; `disabled`: by an operator; `resting`: after failures, until then and for that reason."""

    name: str
    provider: str
    state: Literal["ready", "resting", "disabled", "off"]
    reason: str | None
    resting_until: datetime | None
    failures: int
    keys: int
    keys_resting: int
    priority: int
    weight: int
    wires: list[str]
    models: dict[str, str]


class Channels(Told, frozen=True):
    data: list[Channel]


class Rates(Told, frozen=True):
    """Nano-dollars per million of each unit; `images` and `seconds` by kind."""

    free: bool
    units: dict[str, int]
    tiers: list[Tier]
    images: dict[str, int]
    seconds: dict[str, int]


class Price(Told, frozen=True):
    """What a model costs now, and by channel what its upstream charges. `rates` is null for a model without a price."""

    model: str
    source: str | None
    rates: Rates | None
    costs: dict[str, Rates]


class Prices(Told, frozen=True):
    data: list[Price]
    next_cursor: str | None


class Task(Told, frozen=True):
    """A task. `phase` is how far the gateway is with it; `hold_nano` what is held while it runs, `cost_nano` what it cost;
    `note` what became of it upstream after it was given up."""

    id: str
    type: TaskType
    status: Status
    progress: int
    phase: str
    model: str
    account: str
    key: str
    request_id: str
    channel: str
    upstream_model: str
    hold_nano: int
    cost_nano: int
    webhook: str
    error_code: str
    error_message: str
    note: str
    created_at: datetime
    completed_at: datetime | None
    deadline: datetime


class Tasks(Told, frozen=True):
    """The newest first."""

    data: list[Task]
    next_cursor: str | None


class Submission(Told, frozen=True):
    channel: str
    model: str
    at: datetime
    status: int | None
    error: str | None
    ms: float


class DeliveryAttempt(Told, frozen=True):
    at: datetime
    status: int | None
    error: str
    ms: float


class Delivery(Told, frozen=True):
    """A webhook on its way: `waiting`, `delivered`, `failed` after its last attempt, `disabled` by a receiver that said 410."""

    id: str
    event: str
    url: str
    state: str
    created_at: datetime
    next_at: datetime
    tries: list[DeliveryAttempt]


class TaskInFull(Task, frozen=True):
    """With its submissions to channels, and every attempt to tell of its end."""

    tries: list[Submission]
    deliveries: list[Delivery]


class Deliveries(Told, frozen=True):
    data: list[Delivery]


class HookSecret(Told, frozen=True):
    """What receivers verify webhooks with. The one before signs too until `previous_until`."""

    account: str
    secret: str
    previous_until: datetime | None


class Audit(Told, frozen=True):
    """One change: who (`cli`, or an admin token's name), what, on what, with which values."""

    id: int
    at: datetime
    actor: str
    action: str
    target: str
    detail: dict[str, Any]


class Audits(Told, frozen=True):
    data: list[Audit]
    next_after: int | None


class Reloaded(Told, frozen=True):
    channels: int
