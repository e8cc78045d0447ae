"""A signature on a part of an answer reaches the client, however the answer came and goes."""

from __future__ import annotations

import pytest

from pisces_proxy import chat
from pisces_proxy.chat import Media, Reasoning, Signature, Text, ToolCall
from pisces_proxy.plugin import Reply, Wire
from pisces_proxy.seals import Seals

SEALS = Seals([b"a secret of thirty-two bytes ...."])
SIGNED = Signature(kind="gemini", data="c2lnbmF0dXJl")
BLOCKS = {
    "a text": (Text(text="It flows.", signature=SIGNED),),
    "nothing": (Text(text="It flows."), Text(text="", signature=SIGNED)),
    "a text behind a thought": (Reasoning(text="Hm.", summary=True), Text(text="It flows.", signature=SIGNED)),
    "a call": (ToolCall(id="call_1", name="f", arguments="{}", signature=SIGNED),),
}


def told(wire: Wire, blocks: tuple[chat.Block, ...], stream: bool) -> bytes:
    request = chat.Request(model="m", turns=(), thinking=chat.Thinking(effort="low", include=True), stream=stream)
    reply = Reply(model="m", request_id="req_1", created=1, seals=SEALS, request=request, stream=stream)
    response = chat.Response(id="1", model="m", choices=(chat.Choice(blocks=blocks),))
    if stream:
        return wire.encoder(reply).encode(list(chat.unfold(response)))
    return wire.encode_response(response, reply)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("on", BLOCKS)
def test_h19_a_signature_survives(wire: Wire, on: str, stream: bool) -> None:
    out = told(wire, BLOCKS[on], stream)
    own, sealed = SIGNED.data.encode(), b'"UFND'
    assert out.count(own) + out.count(sealed) >= 1


@pytest.mark.parametrize(
    "block", [*(b for blocks in BLOCKS.values() for b in blocks), Media(kind="image", data="aa", signature=SIGNED)]
)
def test_unfolding_and_folding_changes_nothing(block: chat.Block) -> None:
    response = chat.Response(id="1", model="m", choices=(chat.Choice(blocks=(block,)),))
    assert chat.fold(chat.unfold(response)) == response
