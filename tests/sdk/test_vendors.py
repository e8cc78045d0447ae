"""The control: each SDK against its own vendor's fake, no gateway between. What fails here is the fake's fault."""

from __future__ import annotations

import pytest
from sdk.conftest import TALKS
from sdk.talks.talk import Talk
from upstreams import script
from upstreams.server import Upstream, Vendor
from upstreams.vendors import VENDORS, ThinkingChat

PAIRS = [(talk, vendor) for talk in TALKS for vendor in (*VENDORS, ThinkingChat) if talk.wire == vendor.wire]


@pytest.mark.parametrize(("talks", "vendor"), PAIRS, ids=[vendor.__name__ for _, vendor in PAIRS])
async def test_an_sdk_and_its_vendors_fake_understand_each_other(talks: type[Talk], vendor: type[Vendor], stream: bool) -> None:
    async with Upstream(vendor()) as upstream, talks(upstream.origin, "upstream-key", vendor.model, stream) as talk:
        talk.tools = talk.thinking = True
        upstream.play(script.thinking)
        asked = await talk.ask("Think, then look.")
        told = await talk.tell({asked.calls[0][0]: "18 °C"})
    assert [name for _, name, _ in asked.calls] == ["get_weather"]
    assert asked.finish == talks.finishes["calls"]
    assert told.text == "It says: 18 °C"
    assert upstream.heard[-1].proven is not False
