"""What clients may ask about tasks: start, look, list, cancel, delete, remix. Rows are read; no upstream is waited for."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any, get_args
from urllib.parse import urlsplit

import msgspec

from .billing import Billing
from .calls import Incoming, extension, refuse_losses
from .chat import Loss
from .engine import Answer
from .errors import BadRequest, ClientError, Conflict, NotFound, Unsupported
from .fetch import Guarded
from .ledger import Reservation
from .media import Asset, Image, Video
from .mediawire import Driver, MediaWire, TaskFacade
from .plans import Lost, Plan
from .plugin import LocalProvider
from .pricing import Rates
from .routing import Candidate, Target
from .storage import Storage
from .task import Status, Task, TaskType, Way
from .task_bill import hold
from .task_results import Results
from .task_steps import LOCAL
from .task_views import view_of
from .tasks import Tasks, new_id
from .webhooks import checked

DEADLINE = 3600.0  # seconds until a task counts as failed, where its driver does not say
SLACK = 86400.0  # seconds beyond the deadline for which a hold is kept: a task may be parked, or its gateway stopped
MOST = 100  # tasks in one answer
RESOLVED = 2.0  # seconds that we wait for a name's addresses
_JSON = {"Content-Type": "application/json"}
_STATUSES: tuple[str, ...] = get_args(Status)


class TaskDesk:
    """Tasks as clients see them. `dev`: webhooks and files may be anywhere."""

    def __init__(
        self,
        *,
        storage: Storage,
        tasks: Tasks,
        billing: Billing,
        results: Results,
        formats: Mapping[str, MediaWire | Driver],
        public_url: str,
        dev: bool,
        private: bool,
    ) -> None:
        self._storage = storage
        self._tasks = tasks
        self._billing = billing
        self._results = results
        self._formats = formats
        self._public_url = public_url.rstrip("/")
        self._dev = dev
        self._private = private

    async def answer(self, call: Incoming) -> Answer:
        """Everything but a creation: nothing is billed, so no row is written."""
        call.settled = call.told = True
        match call.operation.kind:
            case "task.get":
                return self._told(call, await self.own(call))
            case "task.list":
                return await self._list(call)
            case "task.cancel":
                return await self._cancel(call)
            case "task.delete":
                return await self._delete(call)
            case kind:
                raise NotFound(f"No part of this gateway serves {kind!r} requests.")

    # -- looking

    async def own(self, call: Incoming) -> Task:
        """The task of a path. Whose it is not, to that one it is not there."""
        id = _facade(call).task_id(call.operation)
        task = await self._storage.task(id)
        if task is None or task.account != call.key.account:
            raise NotFound(f"There is no task {id!r}.", param="id", code="task_not_found")
        return task

    def _told(self, call: Incoming, task: Task, *, created: bool = False) -> Answer:
        facade = _facade(call)
        body = facade.encode_task(self._view(call, task), created=created, extension=extension(call, task.channel, ()))
        wait = {} if task.over else facade.wait_headers(_seconds_to_wait(task))
        status = facade.accepted if created else 200
        return Answer(status, body, {**_JSON, **call.headers, "Cache-Control": "no-store", **wait})

    def _view(self, call: Incoming, task: Task) -> Any:
        origin = self._origin(call)
        return view_of(msgspec.structs.replace(task, origin=origin), self._results.url, f"{origin}/v1/tasks/{task.id}")

    def _origin(self, call: Incoming) -> str:
        """Where this client reaches the gateway."""
        if self._public_url:
            return self._public_url
        headers = call.operation.headers
        host = headers.get("x-forwarded-host", "").partition(",")[0].strip() or headers.get("host", "")
        scheme = headers.get("x-forwarded-proto", "").partition(",")[0].strip()
        return f"{scheme if scheme in ('http', 'https') else 'http'}://{host}"

    async def _list(self, call: Incoming) -> Answer:
        facade, query = _facade(call), call.operation.query
        limit = _limit(query.get("limit"))
        order = query.get("order") or "desc"
        if order not in ("asc", "desc"):
            raise BadRequest("order is asc or desc.", param="order", code="invalid_value")
        found = await self._storage.tasks(
            account=call.key.account,
            type=_type(facade.lists or query.get("type")),
            status=_status(query.get("status")),
            after=query.get("after") or None,
            limit=limit + 1,
            ascending=order == "asc",
        )
        views = [self._view(call, task) for task in found[:limit]]
        body = facade.encode_list(views, len(found) > limit, extension(call, "", ()))
        return Answer(200, body, {**_JSON, **call.headers, "Cache-Control": "no-store"})

    # -- ending

    async def _cancel(self, call: Incoming) -> Answer:
        task = await self.own(call)
        cancelled = await self._tasks.cancel(task)
        if cancelled.status != "cancelled":
            raise Conflict(f"The task is over already: it has {cancelled.status}.", code="task_over")
        return self._told(call, cancelled)

    async def _delete(self, call: Incoming) -> Answer:
        """A task that runs is cancelled; one that is over goes, with its results."""
        task = await self.own(call)
        if task.over:
            await self._storage.delete_task(task.id)
        else:
            task = await self._tasks.cancel(task)
        body = _facade(call).encode_deleted(self._view(call, task), extension(call, task.channel, ()))
        return Answer(200, body, {**_JSON, **call.headers})

    # -- starting

    async def remixing(self, call: Incoming) -> None:
        """Before a remix is routed: it goes where its source was made."""
        source = await self.own(call)
        if source.status != "completed" or not isinstance(source.request, Video):
            raise BadRequest("Only a completed video can be remixed.", param="id", code="task_not_completed")
        call.operation.model = call.record.model = source.model

    async def create(self, call: Incoming, candidates: Sequence[Candidate]) -> Answer:
        """Take a task in: its row and its hold together. Nobody upstream has been asked when this returns."""
        facade = _facade(call)
        remix = call.operation.kind == "task.remix"
        source = await self.own(call) if remix else None
        request: Any
        if source is not None:
            request, webhook = _remix(source, facade.decode_remix(call.operation)), ""
            candidates = [each for each in candidates if each.target.channel.name == source.channel]
        else:
            request, webhook = facade.decode_create(call.operation)
        request = _held_in_row(msgspec.structs.replace(request, model=call.operation.model))
        if webhook:
            checked(webhook, self._dev)
        await self._check_files(request)
        return await self._take_in(call, request, webhook, candidates, source)

    async def _take_in(
        self, call: Incoming, request: Video | Image, webhook: str, candidates: Sequence[Candidate], source: Task | None
    ) -> Answer:
        id = new_id()
        type: TaskType = "video" if isinstance(request, Video) else "image"
        ways = self._ways(call, request, type, candidates, id)
        holding = await self._billing.reserving(call.key)
        if holding:
            self._check_prices(call, ways, candidates)
        amount = hold(request, ways) if holding else 0
        task = Task(
            id=id,
            account=call.key.account,
            key=call.key.id,
            key_name=call.key.name,
            test=call.key.kind == "test",
            type=type,
            facade=call.wire.name,
            model=call.operation.model,
            request=request,
            request_id=call.request_id,
            client_request_id=call.record.client_request_id,
            endpoint=call.record.endpoint,
            losses=request.losses,
            remixed_from=source.id if source is not None else "",
            webhook=webhook,
            origin=self._origin(call),
            created_at=call.now,
            deadline=call.now + max(self._deadline(way) for way in ways),
            hold_nano=amount,
            ways=ways,
            next_at=call.now,
        )
        await self._store(call, task)
        self._tasks.wake()
        return self._told(call, task, created=True)

    async def _store(self, call: Incoming, task: Task) -> None:
        reservation = None
        if task.hold_nano:
            reservation = Reservation(
                request_id=task.request_id,
                account=task.account,
                key=task.key,
                amount_nano=task.hold_nano,
                at=task.created_at,
                expires_at=task.deadline + SLACK,
                quota_nano=call.key.quota_nano,
                period=call.key.quota_period,
            )
        call.settled = call.told = True  # its row is written when the task ends, also where the client does not wait for this
        try:
            refusal = await self._storage.add_task(task, reservation)
            if refusal is not None:
                raise self._billing.short(refusal, task.hold_nano, call.key.quota_period, task.created_at)
        except Exception:
            call.settled = call.told = False
            raise

    def _ways(
        self, call: Incoming, request: Video | Image, type: str, candidates: Sequence[Candidate], id: str
    ) -> tuple[Way, ...]:
        """Who can make it, in the order of the candidates. Raises what the first of them has against the request."""
        ways: list[Way] = []
        failure: ClientError | None = None
        for candidate in candidates:
            try:
                way = self._way(candidate, type)
                if way is not None:
                    lost = self._try_out(request, way, candidate, id)
                    refuse_losses(call.strict, (*request.losses, *lost))
                    rates = self._billing.rates(call.operation.model, candidate.target, candidate.model, call.now)
                    ways.append(msgspec.structs.replace(way, rates=rates))
            except ClientError as error:
                failure = failure or error
        if not ways:
            raise failure or Unsupported(
                f"No channel makes {type}s with {call.operation.model!r}. GET /v1/models lists models.", param="model"
            )
        return tuple(ways)

    def _way(self, candidate: Candidate, type: str) -> Way | None:
        target, model = candidate.target, candidate.model
        if isinstance(target.provider, LocalProvider):
            made = Way(channel=target.channel.name, model=model, driver=LOCAL)
            return made if type in target.provider.makes else None
        for name in target.wires:
            form = self._formats.get(name)
            if form is not None and form.kind == type and target.provider.serves(name, model):
                driver = name if isinstance(form, Driver) else ""
                return Way(channel=target.channel.name, model=model, wire=name, driver=driver)
        return None

    def _try_out(self, request: Video | Image, way: Way, candidate: Candidate, id: str) -> tuple[Loss, ...]:
        """Write the upstream's request without sending it: what it has no place for is told now, not in a minute. Gives back
        what is left away."""
        form = self._formats.get(way.wire)
        if form is None:
            return ()
        profile = candidate.target.profile(way.wire, way.model)
        whole = form.takes_urls or not any(asset.url for asset in _files(request))  # else files are yet to be fetched
        if isinstance(form, Driver):
            if whole:
                form.submit(request, way.model, profile, id)
            return form.losses(request, way.model, profile)
        try:
            return _left_away(form.plan(request, way.model, profile))
        except ClientError:
            if whole:
                raise
            return ()  # it may be for want of the files

    def _check_prices(self, call: Incoming, ways: Sequence[Way], candidates: Sequence[Candidate]) -> None:
        targets: dict[str, Target] = {each.target.channel.name: each.target for each in candidates}
        for way in ways:
            rates: Rates | None = way.rates
            self._billing.priced(call.operation.model, targets[way.channel], rates)

    def _deadline(self, way: Way) -> float:
        form = self._formats.get(way.wire)
        return form.deadline if isinstance(form, Driver) else DEADLINE

    async def _check_files(self, request: Video | Image) -> None:
        """Names that lead inside are refused here; upstreams that fetch them would only say that they cannot."""
        if self._private or self._dev:
            return
        hosts = {urlsplit(asset.url).hostname or "" for asset in _files(request) if asset.url}
        await asyncio.gather(*(_check_host(host) for host in hosts))


async def _check_host(host: str) -> None:
    try:
        async with asyncio.timeout(RESOLVED):
            await Guarded().resolve(host)
    except (socket.gaierror, TimeoutError):
        return  # a name that only its upstream may know: it says so itself
    except OSError:
        raise BadRequest(
            f"{host} leads to a private address. Send a public https URL.", param="url", code="invalid_url"
        ) from None


def _facade(call: Incoming) -> TaskFacade:
    assert isinstance(call.wire, TaskFacade)
    return call.wire


def _left_away(plan: Plan[Any]) -> tuple[Loss, ...]:
    """What a plan tells before it asks for the first time."""
    losses: list[Loss] = []
    try:
        step = next(plan)
        while isinstance(step, Lost):
            losses += step.losses
            step = plan.send(None)
    finally:
        plan.close()
    return tuple(losses)


def _files(request: Video | Image) -> tuple[Asset, ...]:
    if isinstance(request, Video):
        return request.assets
    return (*request.images, request.mask) if request.mask is not None else request.images


def _held_in_row(request: Video | Image) -> Video | Image:
    """With the bytes of uploaded files: the temporary file is gone when the request has been answered."""

    def held(asset: Asset) -> Asset:
        return msgspec.structs.replace(asset, data=asset.content(), file=None) if asset.file is not None else asset

    if isinstance(request, Video):
        return msgspec.structs.replace(request, assets=tuple(held(asset) for asset in request.assets))
    mask = held(request.mask) if request.mask is not None else None
    return msgspec.structs.replace(request, images=tuple(held(asset) for asset in request.images), mask=mask)


def _remix(source: Task, prompt: str) -> Video:
    assert isinstance(source.request, Video)
    upstream = str(source.state.get("id", ""))
    return msgspec.structs.replace(source.request, prompt=prompt, assets=(), remix_of=upstream, losses=())


def _seconds_to_wait(task: Task) -> int:
    """Between 2 and 5, as documented for clients; nearer to the next look where that is known."""
    return round(max(2.0, min(5.0, task.next_at - time.time() + 0.5)))


def _limit(written: str | None) -> int:
    if not written:
        return 20
    if not written.isdigit() or not 1 <= int(written) <= MOST:
        raise BadRequest(f"limit is a whole number from 1 to {MOST}.", param="limit", code="invalid_value")
    return int(written)


def _type(written: str | None) -> TaskType | None:
    match written:
        case None | "":
            return None
        case "image" | "video":
            return written
        case _:
            raise BadRequest("type is image or video.", param="type", code="invalid_value")


def _status(written: str | None) -> Status | None:
    if not written:
        return None
    if written not in _STATUSES:
        raise BadRequest(f"status is one of {', '.join(_STATUSES)}.", param="status", code="invalid_value")
    return written  # type: ignore[return-value]
