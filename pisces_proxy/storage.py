"""What a storage must promise: verbs of the gateway, not of SQL. Each is one transaction and safe to repeat.

`pisces_proxy.testing.StorageContract` is the specification; every storage must pass it.
"""

from __future__ import annotations

import abc
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from .ledger import Audit, Balance, Claim, Entry, Heard, Period, Refusal, Reservation, Spend, Stored, Verification
from .pricing import NOTHING, Measures
from .task_storage import TaskStorage
from .usage import Usage

GroupBy = Literal["model", "key", "channel", "account", "day"]


# it stands in paths, tables, files and ledgers; the letters of any language
ACCOUNT_NAME = re.compile(r"[\w.@:-]{1,100}")
ACCOUNT_NAMES = "1 to 100 letters, digits or `._@:-`"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Who pays. `unlimited`: no balance is asked; `credit_line_nano`: how far below zero it may go (postpaid); not
    `enabled`: its keys are refused. Times are unix seconds, here and everywhere in storage."""

    name: str
    unlimited: bool = False
    credit_line_nano: int = 0
    enabled: bool = True
    created_at: float = 0.0


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A client's key. The secret itself is nowhere: `digest` is its SHA-256 (hex), `hint` its last four characters.

    None means no limit of its own. `kind` test: served by local providers only, never billed. `quota_nano` in
    nano-dollars, `expires_at` unix seconds, `networks` in CIDR. `images_as_text`: its Gemini clients look for pictures in
    text parts (see Profile).
    """

    id: str
    name: str
    account: str
    digest: str
    hint: str = ""
    kind: Literal["live", "test"] = "live"
    models: tuple[str, ...] | None = None
    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None
    quota_nano: int | None = None
    quota_period: Period = "total"
    expires_at: float | None = None
    networks: tuple[str, ...] = ()
    enabled: bool = True
    created_at: float = 0.0
    images_as_text: bool = False


class Attempt(msgspec.Struct, kw_only=True):
    """One try at one channel. Milliseconds since the request came; None where it never got there."""

    channel: str
    upstream_model: str
    status: int | None = None
    error: str | None = None
    started_ms: float = 0.0
    first_byte_ms: float | None = None
    total_ms: float | None = None


class Record(msgspec.Struct, kw_only=True):
    """How one request went: the usage row. `protocol` is the client's wire, `upstream_protocol` the channel's. `flags`
    say what is special (`usage_estimated`, `client_left`, `translated`, `test_key`, ...); milliseconds throughout.
    `status` is what the client got: 499 where it left first."""

    request_id: str
    at: float
    key: str = ""
    account: str = ""
    endpoint: str = ""
    model: str = ""
    upstream_model: str = ""
    channel: str = ""
    provider: str = ""
    protocol: str = ""
    upstream_protocol: str = ""
    stream: bool = False
    status: int = 0
    error: str | None = None
    usage: Usage = Usage()
    cost_nano: int = 0
    upstream_cost_nano: int | None = None
    price_lines: list[dict[str, object]] = []
    warnings: list[str] = []
    flags: list[str] = []
    attempts: list[Attempt] = []
    total_ms: float = 0.0
    first_byte_ms: float | None = None
    upstream_ms: float | None = None
    client_request_id: str | None = None
    measures: Measures = NOTHING

    @property
    def margin_nano(self) -> int | None:
        """What is left of its price once the channel is paid; None where the channel does not say what it costs."""
        return None if self.upstream_cost_nano is None else self.cost_nano - self.upstream_cost_nano


class UsageGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over records; `name` is the model, key, channel, account or day (YYYY-MM-DD, UTC). `upstream_cost_nano` and
    `margin_nano` (cost less upstream cost) count the requests whose channel says what it pays."""

    name: str
    requests: int = 0
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost_nano: int = 0
    upstream_cost_nano: int = 0
    margin_nano: int = 0


class Storage(TaskStorage):
    """Errors: StorageUnavailable where the database cannot be read or written; ValueError for a name that is taken.

    Verbs that an operator's change goes through take its `audit`: it is written in the transaction of the change, and only
    where something changes.
    """

    @abc.abstractmethod
    async def open(self) -> None:
        """Connect, and bring the schema up to date."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Write what is still queued, then let go."""

    @abc.abstractmethod
    async def ready(self) -> None:
        """Raise StorageUnavailable unless a write would work."""

    @abc.abstractmethod
    async def version(self) -> int:
        """A number that changes whenever accounts, keys or settings change, by whichever process."""

    @abc.abstractmethod
    async def secret(self, name: str) -> bytes:
        """32 random bytes of this installation, made on first asking, the same for all who share the database."""

    @abc.abstractmethod
    async def setting(self, name: str) -> str | None: ...

    @abc.abstractmethod
    async def set_setting(self, name: str, value: str | None, *, audit: Audit | None = None) -> None: ...

    @abc.abstractmethod
    async def add_account(self, account: Account, *, audit: Audit | None = None) -> None: ...

    @abc.abstractmethod
    async def accounts(self) -> Sequence[Account]: ...

    @abc.abstractmethod
    async def find_account(self, name: str) -> Account | None: ...

    @abc.abstractmethod
    async def add_key(self, key: Key, *, audit: Audit | None = None) -> None: ...

    @abc.abstractmethod
    async def find_key(self, digest: str) -> Key | None: ...

    @abc.abstractmethod
    async def keys(self) -> Sequence[Key]: ...

    @abc.abstractmethod
    async def change_key(self, id: str, changes: Mapping[str, object], *, audit: Audit | None = None) -> Key | None:
        """Set these fields of a key; the key as it is now, None where there is none."""

    @abc.abstractmethod
    async def delete_key(self, id: str, *, audit: Audit | None = None) -> bool: ...

    @abc.abstractmethod
    async def finish(self, record: Record) -> None:
        """The request's one row, committed when this returns. A second one for the same request id changes nothing."""

    @abc.abstractmethod
    async def record(self, request_id: str) -> Record | None: ...

    @abc.abstractmethod
    async def records(
        self,
        *,
        since: float = 0.0,
        until: float | None = None,
        limit: int = 100,
        before: str | None = None,
        key: str | None = None,
        account: str | None = None,
        model: str | None = None,
        channel: str | None = None,
    ) -> Sequence[Record]:
        """The newest first; `before` is the request id to go on behind."""

    @abc.abstractmethod
    async def usage(
        self,
        *,
        since: float = 0.0,
        until: float | None = None,
        by: GroupBy = "model",
        key: str | None = None,
        account: str | None = None,
        model: str | None = None,
        channel: str | None = None,
    ) -> Sequence[UsageGroup]:
        """Sums, most requests first (days: newest first). What was pruned still counts, in whole days."""

    # -- money

    @abc.abstractmethod
    async def change_account(self, name: str, changes: Mapping[str, object], *, audit: Audit | None = None) -> Account | None:
        """Set `unlimited`, `credit_line_nano` or `enabled`; the account as it is now, None where there is none."""

    @abc.abstractmethod
    async def credit(
        self, account: str, amount_nano: int, *, id: str, note: str = "", actor: str = "", audit: Audit | None = None
    ) -> Balance:
        """Add to a balance. The same `id` again changes nothing. ValueError for an unknown account or an amount below 1."""

    @abc.abstractmethod
    async def adjust(
        self, account: str, amount_nano: int, *, id: str, note: str = "", actor: str = "", audit: Audit | None = None
    ) -> Balance:
        """Correct a balance, up or down. The same `id` again changes nothing."""

    @abc.abstractmethod
    async def balance(self, account: str) -> Balance | None: ...

    @abc.abstractmethod
    async def reserve(self, reservation: Reservation) -> Refusal | None:
        """Hold an amount, atomically: None where it is held, never more than is available. Again for the same request:
        held once. An unlimited account without a quota still gets its row."""

    @abc.abstractmethod
    async def spend(self, key_id: str, period: Period, at: float) -> Spend:
        """What counts against a quota of this period (in UTC) at that moment; nothing for a key that nobody knows."""

    @abc.abstractmethod
    async def settle(self, record: Record, key_id: str) -> None:
        """The end of a request in one transaction: its usage row (as `finish`), a `settle` row over `record.cost_nano`, the
        reservation gone, the key's and the account's sums moved. Committed when this returns; a second one changes nothing."""

    @abc.abstractmethod
    async def release(self, request_id: str) -> None:
        """Give a reservation back whose request cost nothing and leaves no usage row. Safe to repeat."""

    @abc.abstractmethod
    async def sweep(self, now: float, dead: Callable[[str], bool] | None = None) -> int:
        """Release reservations that have expired, and those whose owner is `dead`; how many. A request that settles
        afterwards still settles."""

    @abc.abstractmethod
    async def ledger(
        self, *, account: str | None = None, after: int = 0, limit: int = 1000, request_id: str | None = None
    ) -> Sequence[Entry]:
        """Rows in the order they were written, behind the id `after`."""

    @abc.abstractmethod
    async def verify(self) -> Verification:
        """Recompute every sum from its rows."""

    # -- the same request again

    @abc.abstractmethod
    async def claim(
        self,
        scope: str,
        key: str,
        fingerprint: str,
        request_id: str,
        now: float,
        expires_at: float,
        *,
        owner: str = "",
        dead: Callable[[str], bool] | None = None,
    ) -> Claim:
        """Take an idempotency key for a request, or learn what became of the one that has it. An expired one is free again,
        and one that still runs by an `owner` that is `dead`; the holder's own claim once more extends it."""

    @abc.abstractmethod
    async def keep(self, scope: str, key: str, stored: Stored, expires_at: float | None = None) -> None:
        """The answer of the request that holds the key, until `expires_at` (default: as long as it was claimed for)."""

    @abc.abstractmethod
    async def unclaim(self, scope: str, key: str, request_id: str) -> None:
        """The request ended with nothing worth replaying: the key is free again."""

    @abc.abstractmethod
    async def publish(
        self, scope: str, key: str, request_id: str, headers: Mapping[str, str], offset: int, data: bytes
    ) -> None:
        """The holder's next bytes, for other processes; the first piece brings the headers. They stay until the request
        ends. Safe to repeat."""

    @abc.abstractmethod
    async def published(self, request_id: str, offset: int) -> Heard | None:
        """What a running request has published from there on; None where there is nothing new."""

    # -- who changed what

    @abc.abstractmethod
    async def audits(self, *, after: int = 0, limit: int = 100) -> Sequence[Audit]:
        """In the order they were written."""

    @abc.abstractmethod
    async def prune(self, before: float, *, limit: int = 10_000) -> int:
        """Drop usage rows (not ledger rows) and expired idempotency keys older than that, at most `limit` at a time; how
        many."""
