"""Images told to clients: whole, and as the events of a stream."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from pisces_openai.images import ENDPOINTS, OpenAIImages

from pisces_proxy import sse
from pisces_proxy.errors import UpstreamOverloaded
from pisces_proxy.media import Asset, Image, Picture, Pictures
from pisces_proxy.plugin import Profile
from pisces_proxy.pricing import Images
from pisces_proxy.usage import Usage

from . import media_samples as samples

WIRE = OpenAIImages()
USAGE = Usage(input=12, image_input=2, output=100, image_output=90)
TOLD = {
    "input_tokens": 12, "input_tokens_details": {"text_tokens": 10, "image_tokens": 2},
    "output_tokens": 100, "output_tokens_details": {"image_tokens": 90, "text_tokens": 10}, "total_tokens": 112,
}  # fmt: skip


def pictures(*assets: Asset, **more: Any) -> Pictures:
    return Pictures(pictures=tuple(Picture(asset=asset, revised_prompt="better") for asset in assets), **more)


@pytest.mark.parametrize(
    ("asset", "wants", "item"),
    [
        (Asset(data=samples.PNG), "", {"b64_json": samples.B64}),
        (Asset(url="https://e.com/a"), "", {"url": "https://e.com/a"}),  # S0-47
        (Asset(url="https://e.com/a", data=samples.PNG), "url", {"url": "https://e.com/a"}),
        (Asset(url="https://e.com/a", data=samples.PNG), "data", {"b64_json": samples.B64}),
    ],
)
def test_a_picture_is_told_as_url_or_data_never_both_never_null(asset: Asset, wants: Any, item: dict[str, str]) -> None:
    """S1-46."""
    told = WIRE.encode_response(
        pictures(asset, usage=USAGE, size="1024x1024"), Image(prompt="p", wants=wants), samples.reply(b"{}")
    )
    assert msgspec.json.decode(told.body) == {
        "created": 1700000000, "data": [{**item, "revised_prompt": "better"}], "size": "1024x1024", "usage": TOLD, "pisces": {},
    }  # fmt: skip


def events(data: bytes) -> list[tuple[str, Any]]:
    return [(frame.event.decode(), msgspec.json.decode(frame.data)) for frame in sse.frames(data)]


@pytest.mark.parametrize(("action", "name"), [("generate", "image_generation.completed"), ("edit", "image_edit.completed")])
def test_an_upstream_that_does_not_stream_gives_completed_events_only(action: Any, name: str) -> None:
    request = Image(prompt="p", action=action, stream=True, n=2, quality="high", output_format="webp")
    told = events(
        WIRE.encoder(request, samples.reply(b'{"a":1}')).result(pictures(*[Asset(data=samples.PNG)] * 2, usage=USAGE))
    )
    assert [event for event, _ in told] == [name, name]
    assert told[0][1] == {
        "type": name, "b64_json": samples.B64, "background": "auto", "created_at": 1700000000, "output_format": "webp",
        "quality": "high", "size": "auto", "usage": TOLD, "pisces": {"a": 1},
    }  # fmt: skip


def test_a_stream_that_fails_says_so_at_the_top_of_its_data() -> None:
    ((event, data),) = events(WIRE.encoder(Image(prompt="p"), samples.reply()).failed(UpstreamOverloaded("busy")))
    assert event == "error" and data["error"]["message"] == "busy"


def watched(*chunks: bytes, n: int = 1, extension: bytes = b"") -> tuple[Any, bytes]:
    operation = samples.asked(ENDPOINTS[0], {"model": "m", "prompt": "p", "stream": True, "n": n, "quality": "low"})
    watcher = WIRE.watcher(operation, Profile(), samples.reply(extension))
    out = b"".join(watcher.feed(chunk) for chunk in chunks)
    return watcher, out + watcher.end()


PARTIAL = b'event: image_generation.partial_image\ndata: {"type":"image_generation.partial_image","b64_json":"AAAA","partial_image_index":0}\n\n'
COMPLETED = b'event: image_generation.completed\r\ndata: {"type":"image_generation.completed","b64_json":"AAAA","size":"1024x1024","usage":{"input_tokens":5,"output_tokens":50,"total_tokens":55}}\r\n\r\n'


def test_partial_images_pass_as_they_come() -> None:
    stream = PARTIAL + COMPLETED
    for cut in (1, 70, len(PARTIAL), len(PARTIAL) + 3):
        watcher, out = watched(stream[:cut], stream[cut:])
        assert out == stream.replace(b"\r\n", b"\n")
        assert watcher.done and watcher.failure is None
        assert (watcher.usage.input, watcher.usage.output) == (5, 50)
        assert watcher.measures.images == (Images(count=1, size="1024x1024", quality="low"),)


def test_the_gateways_member_stands_in_every_event() -> None:
    """S0-30."""
    _, out = watched(PARTIAL + COMPLETED, extension=b'{"channel":"c"}')
    assert [data["pisces"] for _, data in events(out)] == [{"channel": "c"}] * 2


def test_a_stream_of_two_pictures_is_done_with_the_second() -> None:
    assert not watched(COMPLETED, n=2)[0].done
    assert watched(COMPLETED, COMPLETED, n=2)[0].done


def test_a_stream_that_breaks_off_is_told_so() -> None:
    watcher, out = watched(PARTIAL)
    assert watcher.failure is not None and events(out)[-1][0] == "error"


def test_an_error_in_the_stream_is_a_failure_with_its_cause() -> None:
    watcher, _ = watched(b'event: error\ndata: {"type":"error","error":{"code":"moderation_blocked","message":"no"}}\n\n')
    assert watcher.failure.kind == "content_policy"
