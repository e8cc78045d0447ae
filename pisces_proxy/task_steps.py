"""One step of one task: hand it over, look how it is, find it again, give it up. What is asked of whom; nothing is stored.

Each step takes a task and returns it changed. `handed_over` calls `before` just before a channel is asked, so that a
process that dies while it asks leaves a row that says so.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import msgspec

from . import routing
from .asking import Asker
from .attempts import clock, noted
from .delivery import inlined
from .driving import UNREADABLE
from .errors import ClientError, PiscesError, UpstreamBroken, UpstreamError, UpstreamTimeout
from .fetch import Fetcher
from .log import log
from .media import Asset, Pictures
from .media_store import MediaStore
from .mediawire import Driver, MediaWire
from .plans import Got
from .plugin import LocalProvider
from .pricebook import cost_price
from .pricing import Rates
from .routing import Rest, Target
from .storage import Attempt
from .task import Progress, Task, Try, Way, advance, ended
from .upstream import Upstream
from .world import World

Before = Callable[[Task], Awaitable[Task | None]]
LOST = (
    "The connection to the upstream was lost while the task was handed over, and it cannot be told whether it runs. It was not "
    "handed over again, so that nothing is made and paid for twice. Nothing is charged; please start a new one."
)
LOCAL = "local"  # the driver of what runs in this process
_TIMEOUTS = frozenset({408, 504, 524})  # statuses by which a proxy says that it does not know what became of a request


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds. `busy`: between rounds over channels that are overloaded; `late`: looks at a task that has been given up."""

    tick: float = 0.5
    lease: float = 60.0
    parked: float = 600.0
    busy: tuple[float, ...] = (5.0, 15.0, 45.0)
    late: tuple[float, ...] = (300.0, 1800.0, 7200.0)
    poll: float = 30.0
    misses: int = 5
    at_once: int = 8
    speed: float = 1.0


class Steps:
    """What asks channels about tasks."""

    def __init__(
        self,
        *,
        upstream: Upstream,
        fetcher: Fetcher,
        world: Callable[[], World],
        formats: Mapping[str, MediaWire | Driver],
        store: MediaStore,
        limit: int,
    ) -> None:
        self._upstream = upstream
        self._fetcher = fetcher
        self._world = world
        self._formats = formats
        self._store = store
        self._limit = limit
        self.pace = Pace()
        self.callback: Callable[[Task], str] | None = None  # where upstreams may call, on gateways that they can reach

    # -- handing over

    async def handed_over(self, task: Task, before: Before) -> Task | None:
        """Offer a task to its channels in order until one takes it. None where somebody else has written it meanwhile."""
        failure: PiscesError | None = None
        for way, target, key, rest in self._offers(task):
            asking = msgspec.structs.replace(
                task, phase="submitting", channel=way.channel, upstream_model=way.model, driver=way.driver, key_mark=mark(key)
            )
            if way.driver == "":  # it is made while we ask
                asking = advance(asking, Progress(status="in_progress"), time.time())
            saved = await before(asking)
            if saved is None:
                return None
            started = time.time()
            try:
                after = await self._submit(saved, way, target, key, rest)
                return _tried(after, way, started, None)
            except PiscesError as error:
                task = _tried(saved, way, started, error)
                failure = error
                if isinstance(error, UpstreamError) and _unknown(error):
                    return self._parked(task, error)
                if isinstance(error, ClientError) and error.kind != "unsupported":
                    break
        return self._refused(task, failure)

    def _offers(self, task: Task) -> Iterator[tuple[Way, Target, str, Rest]]:
        """Each way with a key; once more with the next key where the last one was refused."""
        for way in task.ways:
            target = self._target(way.channel, task.test)
            for _ in target.keys if target is not None and target.available(clock()) else ():
                taken = target.take_key(clock()) if target is not None else None
                if target is None or taken is None:
                    break
                yield way, target, *taken
                if taken[1].available(clock()):
                    break

    async def _submit(self, task: Task, way: Way, target: Target, key: str, rest: Rest) -> Task:
        routing.tried(target, rest)
        try:
            after = await self._accepted(task, way, target, key)
        except PiscesError as error:
            routing.failed(target, rest, error, clock())
            raise
        except BaseException:
            routing.released(target, rest)
            raise
        routing.succeeded(target, rest)
        return after

    async def _accepted(self, task: Task, way: Way, target: Target, key: str) -> Task:
        now = time.time()
        if isinstance(target.provider, LocalProvider):
            return await self._begun_here(task, way, target.provider, now)
        form = self._formats[way.wire]
        request = task.request if form.takes_urls else await inlined(task.request, self._fetcher)
        asker = self._asker(target, form, way.model, key)
        if isinstance(form, MediaWire):
            return await self._made_at_once(task, asker, form, request, way, target)
        profile = target.profile(way.wire, way.model)
        ask = form.submit(request, way.model, profile, task.id)
        if self.callback is not None:
            ask = form.with_callback(ask, self.callback(task))
        got = await asker.ask(ask)
        if not 200 <= got.status < 300:
            raise _with_status(asker.refusal(got), got.status)
        try:
            state = {**form.remembered(request, way.model), **form.submitted(got)}
        except UNREADABLE as error:
            raise UpstreamBroken(f"The upstream's answer cannot be read ({type(error).__name__}: {error}).") from None
        losses = (*task.request.losses, *form.losses(request, way.model, profile))
        return self._running(msgspec.structs.replace(task, losses=losses), state, now, now + form.deadline, form.delay(0))

    async def _begun_here(self, task: Task, way: Way, provider: LocalProvider, now: float) -> Task:
        if task.type == "video":
            state = provider.begin(task.request, way.model, task.id, now)
            return self._running(task, state, now, task.deadline, 0.3)
        result = await provider.make(await inlined(task.request, self._fetcher), way.model)
        return await self._made(task, result)

    async def _made_at_once(self, task: Task, asker: Asker, wire: MediaWire, request: Any, way: Way, target: Target) -> Task:
        attempt = Attempt(channel=way.channel, upstream_model=way.model)
        plan = wire.plan(request, way.model, target.profile(way.wire, way.model))
        result = await asker.run(plan, attempt, lambda: (time.time() - task.created_at) * 1000)
        return await self._made(task, result)

    async def _made(self, task: Task, result: Any) -> Task:
        assert isinstance(result, Pictures)
        assets = tuple([await self._kept(task, picture.asset) for picture in result.pictures])
        task = msgspec.structs.replace(task, losses=(*task.request.losses, *result.losses))
        said = Progress(status="completed", assets=assets, usage=result.usage, measures=result.measures)
        return advance(task, said if assets else _empty(), time.time())

    async def _kept(self, task: Task, asset: Asset) -> Asset:
        """With its bytes in the store: a row is no place for them."""
        if asset.url:
            return asset
        url = await self._store.put(asset, task.origin)
        return msgspec.structs.replace(asset, data=b"", file=None, url=url)

    def _running(self, task: Task, state: Mapping[str, Any], now: float, deadline: float, delay: float) -> Task:
        return msgspec.structs.replace(
            task, phase="running", state=state, submitted_at=now, deadline=deadline, next_at=now + delay * self.pace.speed
        )

    def _parked(self, task: Task, error: UpstreamError) -> Task:
        """Nobody knows whether the channel has it: it is never handed over again."""
        now = time.time()
        log.warning("task_parked", task=task.id, channel=task.channel, error=error.message)
        form = self._formats.get(task.driver)
        if not isinstance(form, Driver):
            return ended(task, "failed", now, "submission_lost", LOST)  # its result was in the answer that is lost
        wait = min(5.0 * self.pace.speed, self.pace.parked) if form.finds else self.pace.parked
        return msgspec.structs.replace(
            task, phase="parked", polls=0, submitted_at=now, next_at=now + wait, deadline=now + self.pace.parked
        )

    def _refused(self, task: Task, failure: PiscesError | None) -> Task:
        """Nobody took it: once more in a while where that may help, else it has failed."""
        now, rounds = time.time(), task.polls
        if failure is None:  # every channel rests: nobody was asked
            return msgspec.structs.replace(task, phase="new", next_at=now + self._rest(task))
        busy = isinstance(failure, UpstreamError) and failure.status in (429, 503)
        if busy and rounds < len(self.pace.busy):
            again = now + max(self.pace.busy[rounds], self._rest(task))
            return msgspec.structs.replace(task, phase="new", polls=rounds + 1, next_at=again)
        return ended(task, "failed", now, failure.code or failure.kind, failure.message)

    def _rest(self, task: Task) -> float:
        """Seconds until the first of its channels may be tried again."""
        targets = [self._target(way.channel, task.test) for way in task.ways]
        waits = [target.resting(clock())[0] for target in targets if target is not None]
        return max(self.pace.tick, min(waits, default=5.0))

    def lost(self, task: Task) -> Task:
        """The process that was handing it over is gone. What runs in this process can be begun again; of another channel nobody
        knows."""
        if task.driver == LOCAL:
            return msgspec.structs.replace(task, phase="new")
        broken = UpstreamBroken("The gateway was stopped while it was handing the task over.")
        return self._parked(_tried(task, Way(channel=task.channel, model=task.upstream_model), time.time(), broken), broken)

    # -- looking

    async def looked_at(self, task: Task) -> Task:
        """How it is now, as far as its channel tells."""
        now = time.time()
        try:
            progress = await self._progress(task)
        except UpstreamError as error:
            return self._missed(task, error, now)
        except PiscesError as error:  # a refusal that only shows here (content, a wrong parameter)
            return ended(task, "failed", now, error.code or error.kind, error.message)
        if progress.status == "completed" and not progress.assets:
            progress = _empty()
        after = advance(task, progress, now)
        return self._again(msgspec.structs.replace(after, misses=0), now)

    async def _progress(self, task: Task) -> Progress:
        target = self._target(task.channel, task.test)
        if target is None:
            raise UpstreamBroken(f"The channel {task.channel!r} is not configured any more.")
        if isinstance(target.provider, LocalProvider):
            return target.provider.look(task.state, time.time())
        driver, asker = self._of(task, target)
        got = await self._patiently(asker.ask(driver.poll(task.state)))
        if not 200 <= got.status < 300:
            raise _with_status(asker.refusal(got), got.status)
        try:
            return driver.read(got, task.state)
        except UNREADABLE as error:
            raise UpstreamBroken(f"The upstream's answer cannot be read ({type(error).__name__}: {error}).") from None

    async def _patiently(self, asking: Awaitable[Got]) -> Got:
        try:
            async with asyncio.timeout(self.pace.poll):
                return await asking
        except TimeoutError:
            raise UpstreamTimeout(f"The upstream did not answer within {self.pace.poll:.0f} s.") from None

    def _missed(self, task: Task, error: UpstreamError, now: float) -> Task:
        """A look that told nothing. An upstream that keeps saying that it knows no such task is believed."""
        unknown = error.upstream_status in (404, 410)
        misses = task.misses + 1 if unknown else task.misses
        if misses >= self.pace.misses:
            return ended(task, "failed", now, "task_lost", "The upstream does not know this task any more. Nothing is charged.")
        return self._again(msgspec.structs.replace(task, misses=misses), now)

    def _again(self, task: Task, now: float) -> Task:
        if task.over:
            return task
        form = self._formats.get(task.driver)
        delay = form.delay(task.polls) if isinstance(form, Driver) else 0.5
        jitter = random.uniform(0.85, 1.15)
        return msgspec.structs.replace(task, polls=task.polls + 1, next_at=now + delay * jitter * self.pace.speed)

    # -- finding, giving up

    async def found(self, task: Task) -> Task:
        """A parked task, looked for where its channel can be asked; given up when that has taken too long."""
        now = time.time()
        state = await self._state_of_lost(task)
        if state is not None:
            form = self._formats[task.driver]
            assert isinstance(form, Driver)
            return self._running(msgspec.structs.replace(task, polls=0), state, now, now + form.deadline, 0.0)
        if now < task.deadline:
            wait = min(5.0 * 2**task.polls, 60.0) * self.pace.speed
            return msgspec.structs.replace(task, polls=task.polls + 1, next_at=min(now + wait, task.deadline))
        return ended(task, "failed", now, "submission_lost", LOST)

    async def _state_of_lost(self, task: Task) -> Mapping[str, Any] | None:
        target = self._target(task.channel, task.test)
        form = self._formats.get(task.driver)
        if target is None or not isinstance(form, Driver) or (ask := form.find(task.id, task.request)) is None:
            return None
        _, asker = self._of(task, target)
        try:
            got = await self._patiently(asker.ask(ask))
            state = form.found(got, task.id)
            return None if state is None else {**form.remembered(task.request, task.upstream_model), **state}
        except (PiscesError, *UNREADABLE) as error:
            log.info("task_not_found_yet", task=task.id, error=str(error))
            return None

    async def called_off(self, task: Task) -> None:
        """Ask the upstream to stop, where it can; whatever it says, the task is over for its owner."""
        target = self._target(task.channel, task.test)
        form = self._formats.get(task.driver)
        ask = form.cancel(task.state) if isinstance(form, Driver) and task.state else None
        if target is None or ask is None:
            return
        _, asker = self._of(task, target)
        try:
            got = await self._patiently(asker.ask(ask))
            log.info("task_called_off", task=task.id, status=got.status)
        except PiscesError as error:
            log.warning("task_not_called_off", task=task.id, error=error.message)

    # -- whom to ask

    def asker_of(self, task: Task) -> Asker | None:
        """Who a task's results are fetched with."""
        target = self._target(task.channel, task.test)
        form = self._formats.get(task.driver or (task.way.wire if task.way else ""))
        if target is None or form is None or isinstance(target.provider, LocalProvider):
            return None
        return self._asker(target, form, task.upstream_model, _key(target, task.key_mark))

    def provider_of(self, task: Task) -> LocalProvider | None:
        target = self._target(task.channel, task.test)
        return target.provider if target is not None and isinstance(target.provider, LocalProvider) else None

    def provider_name(self, task: Task) -> str:
        target = self._target(task.channel, task.test)
        return target.channel.provider if target is not None else ""

    def costs_of(self, task: Task) -> Rates | None:
        """What its channel pays for it."""
        target = self._target(task.channel, task.test)
        return cost_price(target.channel.cost, task.created_at, task.model, task.upstream_model) if target else None

    def _of(self, task: Task, target: Target) -> tuple[Driver, Asker]:
        form = self._formats.get(task.driver)
        if not isinstance(form, Driver):
            raise UpstreamBroken(f"No plugin drives {task.driver!r} tasks any more.")
        return form, self._asker(target, form, task.upstream_model, _key(target, task.key_mark))

    def _asker(self, target: Target, form: MediaWire | Driver, model: str, key: str) -> Asker:
        return Asker(self._upstream, self._fetcher, target, form, model, key, self._limit)

    def _target(self, channel: str, test: bool) -> Target | None:
        world = self._world()
        routes = world.local if test else world.routes
        return next((target for target in routes.targets if target.channel.name == channel), None)


def mark(key: str) -> str:
    """What a row may hold of a channel's key: enough to find it again."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def _key(target: Target, wanted: str) -> str:
    """The key that a task was handed over with: other keys may not see it."""
    return next((key for key, _ in target.keys if mark(key) == wanted), target.keys[0][0])


def _tried(task: Task, way: Way, started: float, error: PiscesError | None) -> Task:
    told = noted(error) if error is not None else None
    status = getattr(error, "upstream_status", 0) if error is not None else 200
    made = Try(
        channel=way.channel, model=way.model, at=started, status=status or None, error=told,
        ms=round((time.time() - started) * 1000, 3),
    )  # fmt: skip
    return msgspec.structs.replace(task, tries=(*task.tries, made))


def _unknown(error: UpstreamError) -> bool:
    """Whether the channel may have taken the task although it did not say so."""
    if error.upstream_status:
        return error.upstream_status in _TIMEOUTS
    return error.final or (isinstance(error, UpstreamBroken | UpstreamTimeout) and error.details.get("sent") != "no")


def _with_status(error: PiscesError, status: int) -> PiscesError:
    if isinstance(error, UpstreamError) and not error.upstream_status:
        error.upstream_status = status
    return error


def _empty() -> Progress:
    message = "The upstream says that it is done and gave no result. Nothing is charged."
    return Progress(status="failed", error_code="no_result", error_message=message)
