"""What a request may cost, held before it starts; what it did cost, settled when it ends.

The hold is an estimate: the prompt by rule of thumb and the longest answer that the client allows (where it names no limit,
`[defaults] hold_tokens`, or the model's `max_output` where that is less), at the dearest rate they may come to, over the
channels that may be tried. The settlement is the real usage. So a balance never goes below zero by what was estimated; an
answer longer than its estimate may take it there, by the difference, and the next request finds it empty.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from .calls import Call, Incoming
from .config import Config, Defaults
from .errors import BalanceExhausted, Forbidden
from .ledger import Period, Refusal, Reservation
from .media_calls import MediaCall
from .plugin import LocalProvider, TaskFacade
from .pricebook import PriceBook, cost_price
from .pricing import Rates, price, upper_bound
from .records import prompt_estimate
from .routing import Candidate, Target
from .storage import Account, Key, Storage
from .usage import Usage

READ = 32_768  # bytes of a body from which on it is worth reading for an estimate
COUNTED = 8192  # and at most so many count against tokens per minute before they are there
HELD = 3600.0  # seconds after which a hold that nobody settled is given back


class Billing:
    """Prices, accounts and holds of the configuration in force."""

    book: PriceBook
    _defaults: Defaults
    _longest: Mapping[str, int]

    def __init__(self, storage: Storage, config: Config, owner: str) -> None:
        self._storage = storage
        self._owner = owner
        self._accounts: dict[str, Account | None] = {}
        self.use(config)

    def use(self, config: Config) -> None:
        """From now on."""
        self.book = PriceBook(config.prices)
        self._defaults = config.defaults
        self._longest = {name: info.max_output for name, info in config.models.items() if info.max_output}

    def forget(self) -> None:
        """Accounts may have changed."""
        self._accounts.clear()

    async def reserve(self, call: Incoming, candidates: Sequence[Candidate]) -> None:
        """Hold what the request may cost. Raises BalanceExhausted, and Forbidden for a model that has no price."""
        key = call.key
        if key.kind == "test" or call.operation.kind == "count":
            return
        account = await self._account(key.account)
        unlimited = account is None or account.unlimited
        if unlimited and key.quota_nano is None:
            return
        amount = max(self._bound(call, candidate) for candidate in candidates)
        if amount == 0:
            return
        call.reserved = True
        refusal = await self._storage.reserve(
            Reservation(
                request_id=call.request_id,
                account=key.account,
                key=key.id,
                amount_nano=amount,
                at=call.now,
                expires_at=call.now + HELD,
                owner=self._owner,
                quota_nano=key.quota_nano,
                period=key.quota_period,
            )
        )
        if refusal is not None:
            raise self.short(refusal, amount, key.quota_period, call.now)

    async def reserving(self, key: Key) -> bool:
        """Whether what this key asks for must be held first."""
        if key.kind == "test":
            return False
        account = await self._account(key.account)
        return key.quota_nano is not None or not (account is None or account.unlimited)

    def priced(self, model: str, target: Target, rates: Rates | None) -> None:
        """Raises Forbidden for a model that has no price and does not run here."""
        if rates is None and not isinstance(target.provider, LocalProvider):
            raise _unpriced(model)

    async def _account(self, name: str) -> Account | None:
        if name not in self._accounts:
            self._accounts[name] = await self._storage.find_account(name)
        return self._accounts[name]

    def _bound(self, call: Incoming, candidate: Candidate) -> int:
        rates = self.rates(call.operation.model, candidate.target, candidate.model, call.now)
        if rates is None:
            if isinstance(candidate.target.provider, LocalProvider):
                return 0
            raise _unpriced(call.operation.model)
        if isinstance(call, MediaCall):
            usage, measures = call.expected()
            return upper_bound(rates, usage.input, usage.output, also=_MEDIA, searches=usage.searches, measures=measures)
        return upper_bound(rates, _prompt(call), self._answer(call), also=_ALSO)

    def _answer(self, call: Incoming) -> int:
        """How long an answer is held for, in tokens."""
        declared = call.max_output()
        if declared is not None:
            return declared
        held = self._defaults.hold_tokens
        return min(held, self._longest.get(call.operation.model, held))

    def rates(self, model: str, target: Target, upstream: str, at: float) -> Rates | None:
        """A model's sale price at a channel, None where nobody has set one."""
        found = self.book.lookup(model, at, upstream=upstream, provider=target.channel.provider)
        if found is None or not isinstance(target.provider, LocalProvider):
            return found
        # what runs in this process costs nothing unless a table says so: the built-in book knows namesakes
        return found if model in self.book.tables or upstream in self.book.tables else None

    def short(self, refusal: Refusal, amount: int, period: Period, now: float) -> BalanceExhausted:
        whose, cure = "The balance of this account", "Add credit"
        if refusal.short == "quota":
            whose, cure = "The quota of this key", "Raise it" if period == "total" else f"Wait until {_next(period, now)}"
        return BalanceExhausted(
            f"{whose} is too low: this request may cost {_usd(amount)} USD and {_usd(refusal.available_nano)} USD are left. "
            f"{cure}, or ask for a shorter answer.",
            status=self._defaults.balance_status,
            code="insufficient_quota",
        )

    def price(self, call: Incoming, target: Target | None, usage: Usage) -> None:
        """Put the cost and its lines on the request's row; they stay as they are whatever prices become."""
        record = call.record
        if target is None or call.key.kind == "test" or call.operation.kind == "count":
            return
        if usage.output == 0 and (record.error is not None or record.status >= 400) and record.status != 499:
            return  # it failed with nothing to show for it
        rates = self.rates(record.model, target, record.upstream_model, record.at)
        if rates is not None:
            record.cost_nano, lines = price(usage, rates, measures=call.measures)
            record.price_lines = [msgspec.structs.asdict(line) for line in lines]
        paid = cost_price(target.channel.cost, record.at, record.model, record.upstream_model)
        if paid is not None:
            record.upstream_cost_nano = price(usage, paid, measures=call.measures)[0]


def _unpriced(model: str) -> Forbidden:
    return Forbidden(
        f"The model {model!r} has no price, so accounts with a balance cannot use it. "
        'Add [price."..."] to channels.toml, with free = true if it costs nothing.',
        param="model",
        code="model_without_price",
    )


_ALSO = ("cache_write", "cache_write_1h")
_MEDIA = ("audio_input", "image_input", "audio_output", "image_output")


def tokens_estimate(call: Incoming) -> int:
    """What a request counts against tokens per minute until it is known: the prompt, and what it may answer, within
    reason."""
    if isinstance(call.wire, TaskFacade):
        return 0
    if isinstance(call, MediaCall):
        return min(call.expected()[0].total, COUNTED)
    declared = call.max_output()
    return _prompt(call) + min(1024 if declared is None else declared, COUNTED)


def _prompt(call: Incoming) -> int:
    """The prompt in tokens, by rule of thumb. Large ones are read, for they may hold images; for small ones the bytes tell
    enough, and a little more than there is."""
    size = len(call.operation.body)
    return size // 4 if size < READ or not isinstance(call, Call) else prompt_estimate(call)


def _next(period: Period, now: float) -> str:
    """When a day or a month begins anew, in UTC."""
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    begin = today + timedelta(days=1) if period == "day" else (today.replace(day=1) + timedelta(days=31)).replace(day=1)
    return begin.strftime("%Y-%m-%dT%H:%M:%SZ")


def _usd(nano: int) -> str:
    return f"{nano / 1e9:.6f}".rstrip("0").rstrip(".") or "0"


def owner_of_this_process() -> str:
    """Who holds: lets a later start give back what a killed process held. Host, process, and when it began."""
    import os
    import socket

    return f"{socket.gethostname()}:{os.getpid()}:{time.time_ns()}"


def dead(owner: str, me: str) -> bool:
    """Whether the process behind an owner is certainly gone: of this host, and with no such process (or with `me` in its
    place)."""
    import os
    import socket

    host, _, rest = owner.rpartition(":")[0].rpartition(":")
    if host != socket.gethostname() or not rest.isdigit():
        return False
    if owner != me and int(rest) == os.getpid():
        return True
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
