"""Money as rows: what a storage keeps of it, and what it answers. Integers in nano-dollars, everywhere.

`credit` and `adjust` change a balance by their amount, `settle` takes its amount (the request's final cost), `reserve` and
`release` leave the balance as it is and say what is spoken for. A balance is the sum of its rows.
"""

from __future__ import annotations

from typing import Literal

import msgspec

EntryKind = Literal["credit", "reserve", "settle", "release", "adjust"]
Period = Literal["total", "day", "month"]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `id` grows with time; `amount_nano` is positive, but for `adjust`, which may take. `key` is the key's id,
    `request_id` what it belongs to, for credits and adjustments the caller's own id. `at` in unix seconds."""

    id: int
    at: float
    kind: EntryKind
    account: str
    key: str = ""
    request_id: str = ""
    amount_nano: int = 0
    note: str = ""
    actor: str = ""


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """Where an account stands. `available_nano` = balance + credit line - reserved; None for an unlimited account."""

    account: str
    balance_nano: int = 0
    reserved_nano: int = 0
    credited_nano: int = 0
    spent_nano: int = 0
    credit_line_nano: int = 0
    unlimited: bool = False

    @property
    def available_nano(self) -> int | None:
        return None if self.unlimited else self.balance_nano + self.credit_line_nano - self.reserved_nano


class Reservation(msgspec.Struct, frozen=True, kw_only=True):
    """An amount to be held for a request until it settles, or until `expires_at` (unix seconds). `quota_nano` is the
    key's own limit for `period`, None for none; periods are in UTC. `owner` names the process that holds it."""

    request_id: str
    account: str
    key: str
    amount_nano: int
    at: float
    expires_at: float
    owner: str = ""
    quota_nano: int | None = None
    period: Period = "total"


class Spend(msgspec.Struct, frozen=True, kw_only=True):
    """What a key has spent in a period, and what its running requests hold beside that."""

    spent_nano: int = 0
    reserved_nano: int = 0


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why nothing was reserved: whose money is short, and how much there is."""

    short: Literal["balance", "quota"]
    available_nano: int


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """Every balance recomputed from its rows. `problems` name what is off, one sentence each."""

    accounts: int
    rows: int
    problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.problems


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A finished answer under an idempotency key, to be replayed byte for byte. `body` is None where it was too large
    to keep; `headers` are those to send again."""

    request_id: str
    status: int
    headers: dict[str, str]
    body: bytes | None
    stream: bool = False


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an idempotency key: `new` (ours to run), `running` (somewhere), `done` (with its answer), `other`
    (used with another request). `request_id` is that of the request that runs or ran. `asked_at`, for the holder: when
    another request last asked for the same."""

    state: Literal["new", "running", "done", "other"]
    request_id: str = ""
    stored: Stored | None = None
    asked_at: float = 0.0


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a stream that another process runs. `headers` are those of the answer."""

    headers: dict[str, str]
    data: bytes


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """One change made by an operator: who (`cli`, an admin token's name), what, on what, with which values."""

    id: int = 0
    at: float
    actor: str
    action: str
    target: str
    detail: dict[str, object] = {}
