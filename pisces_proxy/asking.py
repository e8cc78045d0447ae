"""Plans carried out: each step of one becomes requests to a channel's upstream, its answers go back in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote, urljoin

import msgspec

from .calls import base_of, headers_for, refusal, refuse_losses
from .chat import Loss
from .dialect import Dialect
from .errors import PiscesError, UpstreamBroken, UpstreamTimeout
from .fetch import REDIRECTS, Fetcher
from .forms import Form
from .plans import Ask, Fetch, Got, Lost, Plan, Step, Wait, with_losses
from .routing import Target
from .sites import same_origin, same_site
from .storage import Attempt
from .uploads import framed
from .upstream import Exchange, Timeouts, Upstream

USUAL = 120.0  # a channel's first_byte_timeout where nobody has set one
PATIENCE = 300.0  # for pictures: nothing comes of one before it is done, and a second try would be paid for as well
AT_ONCE = 8  # asks of one tuple that run together
_MOVED = frozenset({301, 302, 303, 307, 308})
R = TypeVar("R")


class _Run:
    """One plan on its way: who hears of its answers, and what it has left away so far."""

    def __init__(self, attempt: Attempt, now: Callable[[], float], strict: bool) -> None:
        self.losses: list[Loss] = []
        self._attempt = attempt
        self._now = now
        self._strict = strict

    def lose(self, losses: tuple[Loss, ...]) -> None:
        refuse_losses(self._strict, losses)
        self.losses += losses

    def answered(self, status: int) -> None:
        self._attempt.status = status
        if self._attempt.first_byte_ms is None:
            self._attempt.first_byte_ms = self._now()


class Asker:
    """A channel's upstream, as one format reaches it with one key for one model."""

    def __init__(
        self, upstream: Upstream, fetcher: Fetcher, target: Target, wire: Dialect, model: str, key: str, limit: int
    ) -> None:
        self._upstream = upstream
        self._fetcher = fetcher
        self._target = target
        self._wire = wire
        self._model = model
        self._key = key
        self._limit = limit
        self._at_once = asyncio.Semaphore(AT_ONCE)
        channel = target.channel
        first_byte = channel.first_byte_timeout
        if wire.kind == "image" and first_byte == USUAL:
            first_byte = PATIENCE
        self.timeouts = Timeouts(channel.connect_timeout, first_byte, channel.idle_timeout, channel.total_timeout)
        self.base, self._path = base_of(target, wire)

    async def run(self, plan: Plan[R], attempt: Attempt, now: Callable[[], float], *, strict: bool = False) -> R:
        """Carry a plan out. Raises what the plan raises; an answer that it cannot read is the upstream's fault. `strict`: what
        it would leave away is refused instead."""
        run = _Run(attempt, now, strict)
        try:
            async with asyncio.timeout(self.timeouts.total):
                return with_losses(await self._steps(plan, run), run.losses)
        except TimeoutError:
            raise UpstreamTimeout(f"The upstream was not done within {self.timeouts.total:.0f} s.") from None
        except msgspec.MsgspecError as error:
            raise UpstreamBroken(f"The upstream's answer cannot be read: {error}") from None
        finally:
            plan.close()

    async def _steps(self, plan: Plan[R], run: _Run) -> R:
        try:
            step = next(plan)
            while True:
                try:
                    outcome = await self._outcome(step, run)
                except PiscesError as error:
                    step = plan.throw(error)
                else:
                    step = plan.send(outcome)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    async def _outcome(self, step: Step, run: _Run) -> Any:
        match step:
            case Ask():
                return await self._asked(step, run)
            case Fetch(url=url):
                return await self.fetch(url)
            case Wait(seconds=seconds):
                return await asyncio.sleep(seconds)
            case Lost(losses=losses):
                run.lose(losses)
            case tuple():
                return await self._together(step, run)

    async def _together(self, asks: tuple[Ask, ...], run: _Run) -> tuple[Got, ...]:
        """All of them; the first that fails ends the others."""

        async def one(ask: Ask) -> Got:
            async with self._at_once:
                return await self._asked(ask, run)

        works = [asyncio.ensure_future(one(ask)) for ask in asks]
        try:
            return tuple(await asyncio.gather(*works))
        finally:
            for work in works:
                work.cancel()

    async def _asked(self, ask: Ask, run: _Run) -> Got:
        got = await self.ask(ask)
        run.answered(got.status)
        if not 200 <= got.status < 300:
            raise self.refusal(got)
        return got

    def refusal(self, got: Got) -> PiscesError:
        return refusal(self._wire, got.status, got.headers, got.body)

    # -- one request

    async def ask(self, ask: Ask) -> Got:
        """Any answer, whole."""
        url = self._url(ask)
        if not same_origin(url, self.base):
            if isinstance(ask.body, Form):
                raise UpstreamBroken("Forms are sent to the channel's own upstream only.")
            return await self._fetcher.ask(ask.method, url, self._headers(ask, url), ask.body, self._limit)
        exchange = await self.open(ask)
        try:
            headers = {name.lower(): value for name, value in exchange.headers.items()}
            return Got(status=exchange.status, headers=headers, body=await exchange.read(self._limit))
        finally:
            exchange.close()

    async def open(self, ask: Ask) -> Exchange:
        """The answer of the channel's own upstream, as it comes, whatever its status."""
        url, headers = self._url(ask), self._headers(ask, self._url(ask))
        proxy = self._target.channel.proxy
        if isinstance(ask.body, Form):
            form = framed(ask.body)
            headers["Content-Type"] = form.content_type
            return await self._upstream.send(ask.method, url, headers, form.chunks(), self.timeouts, proxy, form.length)
        return await self._upstream.send(ask.method, url, headers, ask.body, self.timeouts, proxy)

    async def fetch(self, url: str) -> Got:
        """A file that the vendor handed out; credentials go to the channel's own upstream only."""
        for _ in range(REDIRECTS + 1):
            got = await self.ask(Ask(method="GET", url=url, authorize=same_origin(url, self.base)))
            if got.status in _MOVED and "location" in got.headers:
                url = urljoin(url, got.headers["location"])
                continue
            if got.status != 200:
                raise UpstreamBroken(f"A result could not be fetched from the upstream ({got.status}).")
            return got
        raise UpstreamBroken("A result of the upstream redirects without end.")

    def _url(self, ask: Ask) -> str:
        if ask.url:
            return urljoin(self.base, ask.url)
        return self.base + self._path.replace("{model}", quote(self._model, safe="")) + ask.path

    def _headers(self, ask: Ask, url: str) -> dict[str, str]:
        typed = {"Content-Type": ask.mime} if ask.body else {}
        if not ask.authorize or not same_site(url, self.base):
            return {"Accept-Encoding": "identity", **typed, **ask.headers}
        headers = {**headers_for(self._target, self._wire, self._key, ask.headers)}
        if not ask.body:
            headers.pop("Content-Type", None)
        elif ask.headers.get("Content-Type") is None:
            headers |= typed
        return headers
