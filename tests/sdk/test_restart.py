"""Signatures travel with the client: a conversation goes on after a restart, and on a second node."""

from __future__ import annotations

from pathlib import Path

import pytest
from gateways import channel, open_house
from sdk.talks.talk import Talk
from upstreams import script
from upstreams.server import Upstream
from upstreams.vendors import SIGNED


@pytest.mark.parametrize("vendor", SIGNED)
async def test_a_signature_survives_a_restart_between_two_turns(kind: type[Talk], vendor: type, tmp_path: Path) -> None:
    async with Upstream(vendor()) as upstream:
        upstream.play(script.thinking)
        async with open_house(tmp_path, channel(upstream)) as house, _talk(kind, house.url, house.key, upstream) as before:
            asked = await before.ask("Think, then look.")
        async with (
            open_house(tmp_path, channel(upstream), key=house.key) as anew,
            _talk(kind, anew.url, anew.key, upstream) as after,
        ):
            after.history = before.history
            told = await after.tell({asked.calls[0][0]: "18 °C"})
    assert told.text == "It says: 18 °C"
    assert upstream.heard[-1].proven is True


@pytest.mark.parametrize("vendor", SIGNED)
async def test_a_foreign_signature_never_reaches_another_vendor(kind: type[Talk], vendor: type, tmp_path: Path) -> None:  # H81
    """The client changes its model in the middle of the conversation."""
    others = [other for other in SIGNED if other is not vendor]
    async with Upstream(vendor()) as first, Upstream(others[0]()) as second, Upstream(others[1]()) as third:
        channels = [channel(upstream) for upstream in (first, second, third)]
        async with open_house(tmp_path, *channels) as house:
            for upstream in (first, second, third):
                upstream.play(script.thinking)
            async with _talk(kind, house.url, house.key, first) as talk:
                asked = await talk.ask("Think, then look.")
                results = {asked.calls[0][0]: "18 °C"}
                for upstream in (second, third):
                    changed = _talk(kind, house.url, house.key, upstream)
                    async with changed:
                        changed.history = list(talk.history)
                        told = await changed.tell(results)
                    assert told.text == "It says: 18 °C"
                    assert upstream.heard[-1].proven is not True


def _talk(kind: type[Talk], url: str, key: str, upstream: Upstream) -> Talk:
    talk = kind(url, key, upstream.vendor.model, stream=True)
    talk.tools = talk.thinking = True
    return talk
