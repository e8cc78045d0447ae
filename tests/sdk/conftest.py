"""One gateway in front of the four vendors for a whole module; what each plays is set by the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from gateways import House, channel, open_house
from sdk.talks.anthropic_messages import AnthropicTalk
from sdk.talks.gemini import GeminiTalk
from sdk.talks.openai_chat import OpenAIChatTalk
from sdk.talks.openai_responses import OpenAIResponsesTalk
from sdk.talks.talk import Talk
from upstreams.server import Upstream
from upstreams.vendors import VENDORS, ThinkingChat

TALKS: tuple[type[Talk], ...] = (OpenAIChatTalk, OpenAIResponsesTalk, AnthropicTalk, GeminiTalk)
WIRES = tuple(vendor.wire for vendor in VENDORS)
ALOUD = "thinking aloud"  # a second upstream on openai.chat, one that shows its thinking


@dataclass
class Stage:
    """The gateway and, by wire, the vendors behind it."""

    house: House
    upstreams: dict[str, Upstream]

    def talk(self, kind: type[Talk], wire: str, stream: bool = False) -> Talk:
        return kind(self.house.url, self.house.key, self.upstreams[wire].vendor.model, stream)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with _staged(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage of its own, for tests after which a channel has to rest."""
    async with _staged(tmp_path) as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def open_pair(tmp_path: Path) -> AsyncIterator[Callable[[str, str], Awaitable[Stage]]]:
    """Two channels for one model, the first preferred."""
    async with AsyncExitStack() as stack:

        async def opened(first: str, second: str) -> Stage:
            by_wire = {vendor.wire: vendor for vendor in VENDORS}
            upstreams = {
                name: await stack.enter_async_context(Upstream(by_wire[wire]()))
                for name, wire in (("first", first), ("second", second))
            }
            model = upstreams["second"].vendor.model
            channels = [
                channel(upstream, model, name=name, more=f"priority = {10 if name == 'first' else 1}")
                for name, upstream in upstreams.items()
            ]
            return Stage(await stack.enter_async_context(open_house(tmp_path, *channels)), upstreams)

        yield opened


@asynccontextmanager
async def _staged(folder: Path) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        upstreams = {vendor.wire: await stack.enter_async_context(Upstream(vendor())) for vendor in VENDORS}
        upstreams[ALOUD] = await stack.enter_async_context(Upstream(ThinkingChat()))
        channels = [channel(upstream) for name, upstream in upstreams.items() if name != ALOUD]
        flags = 'flags = { reasoning = "effort", reasoning_echo = "tools" }'
        channels.append(channel(upstreams[ALOUD], name="aloud", more=flags))
        house = await stack.enter_async_context(open_house(folder, *channels))
        yield Stage(house, upstreams)


# the SDKs' own affairs: google-genai subclasses aiohttp's ClientSession, anthropic calls a model and a mode old
SDK_WARNINGS = (
    "ignore:Inheritance class AiohttpClientSession:DeprecationWarning",
    "ignore:The model 'claude:DeprecationWarning",
    "ignore:Using Claude:UserWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "sdk" in item.path.parts:
            for warning in SDK_WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(warning))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every SDK against every vendor, streamed and not."""
    names = metafunc.fixturenames
    if "kind" in names:
        metafunc.parametrize("kind", TALKS, ids=[talk.wire for talk in TALKS])
    if "wire" in names:
        metafunc.parametrize("wire", WIRES, ids=[f"to {wire}" for wire in WIRES])
    if "stream" in names:
        metafunc.parametrize("stream", [False, True], ids=["whole", "streamed"])
