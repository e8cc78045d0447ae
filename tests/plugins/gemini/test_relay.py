"""Google on both sides: bytes pass, the model's name and the `pisces` member change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from plugins.gemini.talk import SEALS, WIRE, chunk, frames, reply

from pisces_proxy.chat import Signature
from pisces_proxy.errors import UpstreamBroken
from pisces_proxy.plugin import Operation, Profile
from pisces_proxy.transform import Passthrough
from pisces_proxy.usage import Usage

USAGE = {"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2}}
CHUNKS = (chunk({"text": "a \u2028"}, **USAGE), chunk({"text": "b"}, **USAGE), chunk(finish="STOP", **USAGE))


def sse(*chunks: Any, end: str = "\r\n\r\n") -> bytes:
    return b"".join(b"data: " + json.dumps(body, ensure_ascii=False).encode() + end.encode() for body in chunks)


def relayed(body: bytes, size: int = 0, **members: Any) -> tuple[bytes, Passthrough]:
    through = Passthrough(WIRE, Profile(), reply(**members))
    size = size or len(body) or 1
    out = b"".join([through.feed(body[at : at + size]) for at in range(0, len(body), size)])
    return out + through.end(), through


@pytest.mark.parametrize("size", [0, 1, 7, 64])
def test_a_stream_passes_with_our_name_for_the_model(size: int) -> None:  # H44
    out, through = relayed(sse(*CHUNKS), size, extension=b'{"g":1}')
    bodies = frames(out)
    assert [body.pop("modelVersion") for body in bodies] == ["mine"] * 3
    assert [body.pop("pisces", None) for body in bodies] == [{"g": 1}, None, {"g": 1}]
    assert bodies == [{name: value for name, value in body.items() if name != "modelVersion"} for body in CHUNKS]
    assert through.usage == Usage(input=3, output=2)
    assert "\u2028".encode() not in out


@pytest.mark.parametrize("size", [0, 1, 64])
def test_a_stream_is_reframed_as_an_array(size: int) -> None:  # H14
    out, _ = relayed(sse(*CHUNKS), size, form="array")
    assert [body["candidates"][0]["content"]["parts"] for body in json.loads(out)] == [
        body["candidates"][0]["content"]["parts"] for body in CHUNKS
    ]


@pytest.mark.parametrize("form", ["sse", "array"])
@pytest.mark.parametrize("before", [(), CHUNKS[:1]])
def test_an_error_in_the_stream_is_told_in_our_words(form: str, before: Any) -> None:
    out, through = relayed(sse(*before, {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}), form=form)
    bodies = json.loads(out) if form == "array" else frames(out)
    assert len(bodies) == len(before) + 1
    assert bodies[-1]["error"]["status"] == "UNAVAILABLE"
    assert through.failure is not None


@pytest.mark.parametrize("form", ["sse", "array"])
def test_a_stream_that_breaks_off_is_no_clean_end(form: str) -> None:
    out, _ = relayed(sse(*CHUNKS[:2]), form=form)
    bodies = json.loads(out) if form == "array" else frames(out)
    assert "error" in bodies[-1]


def test_a_connection_that_breaks_closes_the_array() -> None:
    through = Passthrough(WIRE, Profile(), reply(form="array"))
    out = through.feed(sse(CHUNKS[0])) + through.fail(UpstreamBroken("gone"))
    assert [next(iter(body)) for body in json.loads(out)] == ["candidates", "error"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"modelVersion" : "x","a":1}',
        b'{"a":1}',
        b'{"candidates":[{"content":{"parts":[{"functionCall":{"args":{"modelVersion":"1"}}}]}}],"modelVersion":"x"}',
        b'{"a":"\\"modelVersion\\":\\"x\\"","modelVersion":"x"}',
        b'{"a":"modelVersion","modelVersion":"\\"x"}',
    ],
)
def test_only_the_models_name_changes(body: bytes) -> None:
    found = json.loads(WIRE.relay_frame(body, reply(), False) or b"")
    before = json.loads(body)
    if "modelVersion" in before:
        before["modelVersion"] = "mine"
    assert found == before


def test_pretty_printed_chunks_stay_one_line() -> None:
    body = b'data: {"modelVersion": "x",\ndata:  "usageMetadata": {}}\n\n' + sse(CHUNKS[2])
    out, _ = relayed(body, extension=b"{}")
    assert frames(out)[0]["modelVersion"] == "mine"


def test_a_whole_answer_keeps_everything_else() -> None:
    body = b'{"modelVersion":"x","other":1.0,"pisces":{"theirs":1}}'
    assert WIRE.relay_response(body, reply(extension=b'{"g":1}')) == b'{"modelVersion":"mine","other":1.0,"pisces":{"g":1}}'
    assert WIRE.relay_response(body, reply()) == b'{"modelVersion":"mine","other":1.0}'
    assert WIRE.relay_response(b"[1]", reply()) == b"[1]"


def rewritten(body: bytes, **flags: Any) -> bytes:
    return WIRE.rewrite(Operation(kind="chat", wire=WIRE.name, model="m", body=body), "n", Profile(**flags)).body


def test_a_request_stays_byte_for_byte() -> None:
    body = b'{ "contents" : [ {"parts":[{"text":"x"}]} ], "unknown_member":1.0 }'
    assert rewritten(body) is body


def test_a_request_loses_what_must_not_travel() -> None:
    assert rewritten(b'{"contents":[],"pisces":{"a":1}}') == b'{"contents":[]}'
    body = b'{"contents":[],"labels":{},"serviceTier":"x"}'
    assert rewritten(body, drop=("labels",), rename={"serviceTier": "tier"}, defaults={"store": False}) == (
        b'{"contents":[],"tier":"x","store":false}'
    )


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (b'{"contents":[1]}', b'{"contents":[1]}'),
        (b'{"model":"alias","contents":[1]}', b'{"contents":[1]}'),
        (b'{"contents":[1],"tools":[]}', b'{"generateContentRequest":{"contents":[1],"tools":[],"model":"models/m"}}'),
        (
            b'{"generateContentRequest":{"model":"models/alias","contents":[1]}}',
            b'{"generateContentRequest":{"model":"models/m","contents":[1]}}',
        ),
    ],
)
def test_a_request_to_count_is_what_google_counts(body: bytes, sent: bytes) -> None:  # E5
    assert WIRE.count_request(body, "m") == sent
    assert WIRE.decode_count(b'{"totalTokens":7,"promptTokensDetails":[]}') == 7


@pytest.mark.parametrize(
    ("part", "signature", "passes"),
    [
        ({"functionCall": {}, "thoughtSignature": "c2ln"}, "gemini", True),
        ({"functionCall": {}, "thoughtSignature": SEALS.seal(Signature(kind="anthropic", data="x"))}, "gemini", False),  # H81
        ({"functionCall": {}}, "gemini", False),  # H78
        ({"functionCall": {}}, "", True),
        ({"text": "a functionCall"}, "gemini", True),
    ],
)
def test_a_conversation_that_began_elsewhere_is_mended_first(part: Any, signature: str, passes: bool) -> None:
    body = json.dumps({"contents": [{"role": "model", "parts": [part]}]}).encode()
    operation = Operation(kind="chat", wire=WIRE.name, model="m", body=body)
    assert WIRE.passes(operation, Profile(signature=signature)) is passes
