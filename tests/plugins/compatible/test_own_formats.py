"""Whatever a vendor answers, its driver or plan makes sense of it or says that it cannot: nothing else comes of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pisces_ark import pisces_wires as ark
from pisces_dashscope import pisces_wires as dashscope
from pisces_minimax import pisces_wires as minimax
from pisces_zhipu import pisces_wires as zhipu

from pisces_proxy import media
from pisces_proxy.errors import PiscesError, Unsupported
from pisces_proxy.media import Asset
from pisces_proxy.mediawire import Driver, MediaWire
from pisces_proxy.plans import Got
from pisces_proxy.plugin import Profile
from pisces_proxy.task import Progress
from pisces_proxy.testing import got, run_plan

WIRES = [wire for wires in (ark, dashscope, minimax, zhipu) for wire in wires()]
DRIVERS = [wire for wire in WIRES if isinstance(wire, Driver)]
PLANNED = [wire for wire in WIRES if isinstance(wire, MediaWire)]
REQUESTS: dict[str, media.Request] = {
    "image": media.Image(prompt="x"),
    "speech": media.Speech(text="x"),
    "rerank": media.Rerank(query="x", documents=("a",)),
    "transcription": media.Transcription(file=Asset(url="https://example.com/a.mp3")),
}
_NAMES = """output task_id task_status status code message results result video_url usage duration SR size choices content image
    base_resp status_code status_msg file_id file download_url data audio url b64_json error id video_result extra_info
    transcription_url transcripts SUCCEEDED FAILED Success Fail succeeded failed SUCCESS FAIL"""
_WORDS = st.sampled_from(_NAMES.split())
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=5) | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=4),
    max_leaves=12,
)
BODIES = st.binary(max_size=40) | st.dictionaries(_WORDS, _VALUES, max_size=6).map(msgspec.json.encode)


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
@settings(max_examples=150, deadline=None)
@given(body=BODIES)
def test_a_driver_reads_anything(driver: Driver, body: bytes) -> None:
    answer = got(body)
    for state in ({"id": "1"}, {"id": "1", "file": "2"}):
        try:
            assert isinstance(driver.read(answer, state), Progress)
        except (PiscesError, msgspec.MsgspecError) as error:
            assert str(error)
    try:
        assert driver.poll(driver.submitted(answer)).method in ("GET", "POST")
    except (PiscesError, msgspec.MsgspecError) as error:
        assert str(error)


@pytest.mark.parametrize("driver", [each for each in DRIVERS if each.kind == "video"], ids=lambda driver: driver.name)
def test_nobody_remixes(driver: Driver) -> None:
    with pytest.raises(Unsupported, match="new video"):
        driver.submit(media.Video(prompt="x", remix_of="1"), "a-model", Profile(), "task_1")


@pytest.mark.parametrize("wire", PLANNED, ids=lambda wire: wire.name)
@settings(max_examples=150, deadline=None)
@given(bodies=st.lists(BODIES, min_size=6, max_size=6))
def test_a_plan_reads_anything(wire: MediaWire, bodies: list[bytes]) -> None:
    answers = iter(bodies)

    def answer(_: Any) -> Got:
        return got(next(answers, b""))

    try:
        run_plan(wire.plan(REQUESTS[wire.kind], "a-model", Profile()), answer, wire=wire)
    except (PiscesError, msgspec.MsgspecError) as error:
        assert str(error)
