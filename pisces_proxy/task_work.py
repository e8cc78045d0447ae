"""Everything that serves tasks, made and run: the engine, the webhooks, what clients ask of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from .background import running
from .config import size
from .fetch import Fetcher
from .fetch import session as guarded_session
from .mediawire import Driver, MediaWire
from .task import Task
from .task_desk import TaskDesk
from .task_results import Results
from .task_steps import Steps
from .tasks import Tasks
from .upstream import Upstream
from .webhook import Delivery
from .webhooks import Webhooks, notice

if TYPE_CHECKING:
    from .gateway import Gateway


class TaskWork:
    """What a gateway knows of its tasks."""

    def __init__(self, engine: Tasks, desk: TaskDesk, results: Results, webhooks: Webhooks) -> None:
        self.engine = engine
        self.desk = desk
        self.results = results
        self.webhooks = webhooks


@asynccontextmanager
async def task_work(gateway: Gateway, upstream: Upstream, fetcher: Fetcher) -> AsyncIterator[TaskWork]:
    """Made, and running until the block is left."""
    server = gateway.config.server
    async with AsyncExitStack() as stack:
        outside = await stack.enter_async_context(guarded_session(server.dev))
        webhooks = Webhooks(gateway.storage, outside, gateway.tasks, gateway.owner, server.dev)
        work = _made(gateway, upstream, fetcher, webhooks, await gateway.storage.secret("links"))
        async with running(work.engine.run(), webhooks.run()):
            yield work


def _made(gateway: Gateway, upstream: Upstream, fetcher: Fetcher, webhooks: Webhooks, secret: bytes) -> TaskWork:
    server, registry = gateway.config.server, gateway.registry
    formats: dict[str, MediaWire | Driver] = {**registry.media, **registry.drivers}
    steps = Steps(
        upstream=upstream,
        fetcher=fetcher,
        world=lambda: gateway.world,
        formats=formats,
        store=gateway.media.store,
        limit=size(server.max_result),
    )
    results = Results(steps, fetcher, formats, secret)
    if server.public_url:
        steps.callback = results.callback

    async def notices(task: Task, now: float) -> list[Delivery]:
        return notice(task, results.url, now)

    async def keeping(task: Task) -> Task:
        driver = formats.get(task.driver)
        wanted = server.media or (isinstance(driver, Driver) and driver.fleeting)
        return await results.kept(task, gateway.media.store, size(server.max_result)) if wanted else task

    engine = Tasks(
        storage=gateway.storage,
        steps=steps,
        books=gateway.books,
        background=gateway.tasks,
        owner=gateway.owner,
        keeping=keeping,
        notice=notices,
        told=webhooks.wake,
    )
    desk = TaskDesk(
        storage=gateway.storage,
        tasks=engine,
        billing=gateway.billing,
        results=results,
        formats=formats,
        public_url=server.public_url,
        dev=server.dev,
        private=server.fetch_private,
    )
    return TaskWork(engine, desk, results, webhooks)
