"""Everything that lives as long as the process: opened in order, swapped on reload, closed in reverse."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec

from . import auth, restarts
from .auth import Authenticator, Credential
from .background import Background, running
from .billing import Billing, dead, owner_of_this_process, tokens_estimate
from .calls import Call, Incoming, extension, told_in_band
from .config import Config, load, seconds
from .engine import Answer, Engine
from .errors import ConfigError, ModelNotFound, NotFound, PiscesError, RateLimited
from .fetch import Fetcher
from .fetch import session as fetch_session
from .following import lost
from .idempotency import REPLAYED, Idempotency, Tape, checked, fingerprint
from .ledger import Stored
from .limits import limits_of
from .log import log
from .media_calls import ASKING, MediaCall
from .media_work import MediaWork, media_work
from .paths import Paths
from .records import CLIENT_LEFT, Books
from .registry import Registry
from .relay import ClientLeft, Hearts, Sink
from .seals import Seals
from .storage import Key, Storage
from .task_work import TaskWork, task_work
from .upstream import connect
from .world import World

PRUNED = 5_000  # usage rows dropped at a time
SETTLING = 0.5  # seconds after the start until what can wait is done
SWEEP = 30.0  # seconds between two looks for reservations that nobody settled
WATCH = 0.5  # seconds between two looks at whether another process changed something


class Gateway:
    """The running gateway. Make one with `opened`."""

    world: World
    engine: Engine
    media: MediaWork
    work: TaskWork
    seals: Seals

    def __init__(self, config: Config, registry: Registry, storage: Storage, source: str | None) -> None:
        self.config = self._started = config
        self.max_body = config.max_body
        self.registry = registry
        self.storage = storage
        self.paths = Paths(registry.endpoints)
        self.tasks = Background()
        self.warmed = asyncio.Event()
        self.hearts = Hearts(seconds(config.server.heartbeat))
        self.owner = owner_of_this_process()
        self.billing = Billing(storage, config, self.owner)
        self.books = Books(storage, registry.hooks.hook.pisces_finished, self.billing.price)
        self.books.counting = config.server.metrics
        self.limiter = registry.limiter(config.server.limits)
        self.once = Idempotency(storage, self.tasks, self.owner)
        self._auth = Authenticator(storage, config.server.key_prefix)
        self._source = source
        self._seen = -1
        self._reloaded = ""
        self._told = ""
        self._hooked = {
            name: bool(getattr(registry.hooks.hook, name).get_hookimpls())
            for name in ("pisces_operation", "pisces_route", "pisces_authenticate")
        }

    # -- what a request asks of it

    async def authenticate(
        self, found: list[Credential], headers: Mapping[str, str], query: Mapping[str, str], remote: str | None, now: float
    ) -> Key:
        if self._hooked["pisces_authenticate"]:
            asked = self.registry.hooks.hook.pisces_authenticate(headers=headers, query=query)
            if asked is not None and (key := await asked) is not None:
                return key  # type: ignore[no-any-return]
        return await self._auth.key(auth.chosen(found), remote, now)

    async def dispatch(self, call: Incoming, sink: Sink) -> Answer | None:
        """Answer a call by its kind: an Answer, or None where it went to the sink."""
        match call.operation.kind:
            case kind if kind in ASKING:
                if kind == "task.remix":
                    await self.work.desk.remixing(call)
                return await (self._once_to_its_end(call, sink) if call.idempotency_key else self._run(call, sink))
            case kind if kind.startswith("task."):
                return await self.work.desk.answer(call)
            case "models" if isinstance(call, Call):
                return self._models(call)
            case "model" if isinstance(call, Call):
                return self._model(call)
            case "unsupported":
                raise NotFound(f"{call.endpoint.description or 'This endpoint'} is not served by this gateway.")
            case kind:
                raise NotFound(f"No part of this gateway serves {kind!r} requests.")

    async def _once_to_its_end(self, call: Incoming, sink: Sink) -> Answer | None:
        """A stream that breaks off elsewhere never ends as if all were said."""
        try:
            return await self._once(call, sink)
        except PiscesError as error:
            if not sink.opened:
                raise
            await self._settled(call, error.status, error)
            if not isinstance(call, Call):
                await sink.abort()
                raise ClientLeft from None
            await sink.write(told_in_band(call, error))
            await sink.close()
            return None

    async def _once(self, call: Incoming, sink: Sink) -> Answer | None:
        """A request that may come again: run it, join the run, or replay its answer."""
        scope, key = f"{call.key.account}/{call.key.id}", checked(call.idempotency_key)
        where = call.record.endpoint + str(sorted(call.operation.path.items()))
        if call.operation.upload is None:
            print_ = fingerprint(call.endpoint.method, where, call.operation)
        else:  # files may be large
            print_ = await asyncio.to_thread(fingerprint, call.endpoint.method, where, call.operation)
        claim = await self.once.claim(scope, key, print_, call.request_id, call.now)
        tape = self.once.tape(scope, key)
        if claim.state == "done" and claim.stored is not None:
            return await self._replay(call, sink, claim.stored)
        if claim.state == "running":
            if not call.operation.stream or (tape is not None and not tape.whole):
                raise self.once.refuse_second()
            heard = tape is None and await self.once.follow(scope, key, print_, call.request_id, claim, sink) is None
            if heard or tape is not None:
                call.record.flags.append("attached")
                await self.books.settle(call, 200, None)
                return None if tape is None else await self._listen(call, sink, tape, REPLAYED)
        tape = Tape(call.request_id, print_)
        call.detached = True
        self.once.start(scope, key, tape, lambda tape: self._run_taped(call, tape))
        return await self._listen(call, sink, tape, {})

    async def _listen(self, call: Incoming, sink: Sink, tape: Tape, extra: Mapping[str, str]) -> Answer | None:
        await tape.begun()
        if tape.stream:
            await tape.play(sink, extra)
            return None
        if tape.error is not None:
            raise tape.error
        return Answer(tape.status, b"".join(tape.parts), {**tape.headers, **extra})

    async def _run_taped(self, call: Incoming, tape: Tape) -> None:
        """The request itself, whoever listens."""
        try:
            answer = await self._run(call, tape)
            tape.spoiled = call.record.error is not None
            if answer is not None:
                tape.put(answer.status, answer.headers, answer.body)
        except PiscesError as error:
            await self.refused(call, error)
            tape.fail(error)
        except asyncio.CancelledError:
            call.detached = False
            await asyncio.shield(self.left(call))
            raise
        finally:
            call.detached = False
            self.ended(call)

    async def _replay(self, call: Incoming, sink: Sink, stored: Stored) -> Answer | None:
        if stored.body is None:
            raise lost(stored)
        call.record.flags.append("replayed")
        await self.books.settle(call, stored.status, None)
        if not stored.stream:
            return Answer(stored.status, stored.body, {**stored.headers, **REPLAYED})
        await sink.open({**stored.headers, **REPLAYED})
        await sink.write(stored.body)
        await sink.close()
        return None

    async def _limit(self, call: Incoming) -> None:
        """Let the request through its key's limits, or raise RateLimited; either way the headers say what is left."""
        limits = limits_of(call.key, self.config.defaults)
        if not (limits.rpm or limits.tpm or limits.concurrency):
            return
        now = time.time()
        try:
            call.lease = await self.limiter.take(call.key.id, limits, tokens_estimate(call))
        except RateLimited:
            call.headers |= call.wire.limit_headers(await self.limiter.standing(call.key.id, limits), now)
            raise
        call.headers |= call.wire.limit_headers(call.lease.standing, now)

    async def _run(self, call: Incoming, sink: Sink) -> Answer | None:
        if self._hooked["pisces_operation"]:
            self.registry.hooks.hook.pisces_operation(operation=call.operation, key=call.key)
        auth.check_model(call.key, call.operation.model)
        if call.operation.kind != "count":  # counting is free, and eats nothing of what paid calls have
            await self._limit(call)
        candidates = self.world.candidates(call.operation, call.key, asyncio.get_running_loop().time())
        if self._hooked["pisces_route"] and len(candidates) > 1:
            channels = [candidate.target.channel for candidate in candidates]
            chosen = self.registry.hooks.hook.pisces_route(operation=call.operation, key=call.key, channels=channels)
            if chosen is not None:
                by_name = {candidate.target.channel.name: candidate for candidate in candidates}
                candidates = [by_name[channel.name] for channel in chosen if channel.name in by_name]
        if isinstance(call, Call) and call.operation.kind == "count":
            return await self.engine.count(call, candidates)
        if call.wire.kind == "task":
            return await self.work.desk.create(call, candidates)
        await self.billing.reserve(call, candidates)
        if isinstance(call, MediaCall):
            return await self.media.engine.run(call, candidates, sink)
        assert isinstance(call, Call)
        return await self.engine.run(call, candidates, sink)

    def _models(self, call: Call) -> Answer:
        told = extension(call, "", ())
        body = call.wire.encode_models(self.world.models(call.key), call.operation.query, told)
        return Answer(200, body, {"Content-Type": "application/json"})

    def _model(self, call: Call) -> Answer:
        wanted = call.operation.model.casefold()
        for model in self.world.models(call.key):
            if model.id.casefold() == wanted:
                return Answer(200, call.wire.encode_model(model, extension(call, "", ())), {"Content-Type": "application/json"})
        raise ModelNotFound(f"The model {call.operation.model!r} does not exist, or this key may not use it.", param="model")

    async def refused(self, call: Incoming, error: PiscesError) -> None:
        """A request that ended in an error before anything was sent: its row still gets written, where the storage can."""
        if call.operation.kind in ASKING and not call.detached:
            await self._settled(call, error.status, error)

    async def left(self, call: Incoming) -> None:
        """A client that did not wait for its answer."""
        if call.draining or call.settled or call.detached:
            return  # settled, or will be by the work that reads on
        call.record.flags.append("client_left")
        await self._settled(call, CLIENT_LEFT, None)

    async def _settled(self, call: Incoming, status: int, error: PiscesError | None) -> None:
        try:
            await self.books.settle(call, status, None, error)
        except PiscesError as failure:
            self.books.metrics.add("rows_lost")
            log.error("row_lost", request_id=call.request_id, error=failure.message)

    def ended(self, call: Incoming) -> None:
        if call.detached:
            return
        if call.lease is not None:
            call.lease.release()
        if call.settled and not call.told:
            call.told = True
            self.books.tell(call)

    async def ready(self) -> None:
        await self.storage.ready()

    # -- what keeps it current

    def reload(self, mark: str = "") -> None:
        """Take the configuration file anew: a valid one swaps in whole, an invalid one changes nothing. Raises ConfigError.
        `mark`: that of the setting that asks others for the same, so that this process does not do it twice."""
        self._reloaded = mark or self._reloaded
        config = load(self._source)
        self.world = World(config, self.registry, self.world)
        self.config, self.max_body = config, config.max_body
        self.books.counting = config.server.metrics
        self.billing.use(config)
        log.info("reloaded", channels=len(config.channels), restart_for=restarts.needed_for(self._started, config))

    async def warm(self) -> None:
        """Read the built-in prices before a request has to wait for them, but not beside the first one."""
        try:
            await asyncio.sleep(SETTLING)
            await asyncio.to_thread(self.billing.book.load)
        finally:
            self.warmed.set()

    async def sweep(self) -> None:
        """Give back what nobody will settle any more: at start what killed processes held, and what has expired."""
        dead_ones = lambda owner: dead(owner, self.owner)  # noqa: E731
        while True:
            try:
                released = await self.storage.sweep(time.time(), dead_ones)
                if released:
                    log.info("reservations_released", count=released)
                await self._prune()
            except PiscesError as error:
                log.warning("sweep_failed", error=error.message)
            await asyncio.sleep(SWEEP)

    async def _prune(self) -> None:
        """Drop usage rows older than the retention, few at a time so that no request waits behind them."""
        kept = seconds(self.config.server.retention)
        gone = PRUNED if kept else 0
        while gone == PRUNED:
            gone = await self.storage.prune(time.time() - kept, limit=PRUNED)
            await asyncio.sleep(0.1)

    async def watch(self) -> None:
        """See what other processes change: keys, channels taken out, reloads asked for; tell them about health."""
        while True:
            await asyncio.sleep(WATCH)
            try:
                await self.look()
                await self._tell_health()
            except PiscesError as error:
                log.warning("storage_unreadable", error=error.message)
            except Exception as error:  # whatever it was: a gateway that looks no more takes no reload and no new key
                log.error("watch_failed", exc_info=error)

    async def look(self) -> None:
        """Take over what has changed in the storage, by whoever."""
        version = await self.storage.version()
        if version == self._seen:
            return
        self._seen = version
        self._auth.forget()
        self.billing.forget()
        await self._take_settings()

    async def _take_settings(self) -> None:
        off = await self.storage.setting("channels_off")
        self.world.disable({name: True for name in msgspec.json.decode(off)} if off else {})
        asked = await self.storage.setting("reload") or ""
        if asked != self._reloaded:
            self._reloaded = asked
            await self._reload_asked(asked)

    async def _reload_asked(self, asked: str) -> None:
        try:
            self.reload()
            result = f"ok {restarts.said(restarts.needed_for(self._started, self.config))}".rstrip()
        except ConfigError as error:
            log.error("reload_refused", why=error.message)
            result = error.message
        await self.storage.set_setting("reload_result", f"{asked} {result}")

    async def _tell_health(self) -> None:
        """Put the channels' health where `pisces channels` finds it, when it has changed."""
        now = asyncio.get_running_loop().time()
        health = {}
        for target in self.world.routes.targets:
            wait, reason = target.resting(now)
            if reason and not target.disabled:
                health[target.channel.name] = {"until": round(time.time() + wait), "reason": reason}
        told = msgspec.json.encode({name: state["reason"] for name, state in health.items()}).decode()
        if told != self._told:
            self._told = told
            await self.storage.set_setting("health", msgspec.json.encode(health).decode())


@asynccontextmanager
async def opened(config: Config, registry: Registry, *, source: str | None = None) -> AsyncIterator[Gateway]:
    """A gateway with its storage, connections and background work. Raises ConfigError, StorageUnavailable."""
    storage = registry.storage(config.server.database)
    gateway = Gateway(config, registry, storage, source)
    async with AsyncExitStack() as stack:
        await storage.open()
        stack.push_async_callback(storage.close)
        gateway.seals = Seals([await storage.secret("seals")])
        gateway.world = World(config, registry)
        upstream = await stack.enter_async_context(connect())
        fetching = await stack.enter_async_context(fetch_session(config.server.fetch_private))
        fetcher = Fetcher(fetching, config.server.fetch_private)
        gateway.engine = Engine(
            upstream=upstream,
            fetcher=fetcher,
            wires=registry.wires,
            books=gateway.books,
            hearts=gateway.hearts,
            tasks=gateway.tasks,
        )
        gateway.media = await stack.enter_async_context(media_work(gateway, upstream, fetcher))
        await gateway.limiter.open()
        stack.push_async_callback(gateway.limiter.close)
        gateway._reloaded = await storage.setting("reload") or ""
        await gateway._take_settings()
        gateway.work = await stack.enter_async_context(task_work(gateway, upstream, fetcher))
        for lifespan in registry.hooks.hook.pisces_lifespan(app=gateway):
            await stack.enter_async_context(asynccontextmanager(lambda made=lifespan: made)())
        async with running(gateway.hearts.run(), gateway.watch(), gateway.sweep(), gateway.warm()):
            yield gateway
            await gateway.tasks.close(seconds(config.server.grace))
