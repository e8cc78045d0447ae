"""DashScope's ranking and its ears (F2, F6)."""

from __future__ import annotations

from typing import Any

import pytest
from pisces_compatible import PROVIDERS
from pisces_dashscope.rerank import Rerank
from pisces_dashscope.transcriptions import Transcriptions

from pisces_proxy import errors, media
from pisces_proxy.forms import Held
from pisces_proxy.media import Asset, Hit, Segment, Transcription, Word
from pisces_proxy.plugin import Profile
from pisces_proxy.testing import run_plan
from pisces_proxy.usage import Usage

RERANK, WIRE = Rerank(), Transcriptions()
URL = "https://example.com/speech.mp3"
FILE = "https://files.example/result.json"
AT_ONCE, LATER, OLD = "qwen3-asr-flash", "qwen3-asr-flash-filetrans", "paraformer-v2"


# -- ranking


def test_documents_are_ranked() -> None:
    request = media.Rerank(query="q", documents=("a", "b"), top_n=9, extra={"instruct": "find", "rank_fields": ["text"]})
    answer = {
        "output": {"results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]},
        "usage": {"total_tokens": 8},
        "request_id": "r-1",
    }
    done = run_plan(RERANK.plan(request, "gte-rerank-v2", Profile()), [answer], wire=RERANK)
    assert done.asks[0].path == "/services/rerank/text-rerank/text-rerank"
    assert done.sent() == {
        "model": "gte-rerank-v2",
        "input": {"query": "q", "documents": ["a", "b"]},
        "parameters": {"return_documents": False, "instruct": "find", "top_n": 2},
    }
    assert done.result.hits == (Hit(1, 0.9), Hit(0, 0.1)) and done.result.id == "r-1"
    assert done.result.usage == Usage(input=8) and [loss.field for loss in done.result.losses] == ["rank_fields"]


def test_a_ranking_that_is_none_says_why() -> None:
    request = media.Rerank(query="q", documents=("a",))
    for body, kind in (
        ({"code": "InvalidParameter", "message": "documents is empty"}, errors.BadRequest),
        ({"output": {}}, errors.UpstreamBroken),
    ):
        with pytest.raises(kind):
            run_plan(RERANK.plan(request, "m", Profile()), [body], wire=RERANK)


@pytest.mark.parametrize(("model", "wire"), [("qwen3-rerank", True), ("gte-rerank-v2", False), ("qwen3-vl-rerank", False)])
def test_the_newest_ranker_is_asked_as_jinas(model: str, wire: bool) -> None:
    row = next(row for row in PROVIDERS if row.name == "dashscope")
    assert row.serves("openai.rerank", model) is wire


# -- heard at once


def heard(text: str = "Good morning.", **usage: float) -> dict[str, Any]:
    message = {"role": "assistant", "content": [{"text": text}] if text else [], "annotations": [{"language": "en"}]}
    return {"output": {"choices": [{"message": message}]}, "usage": usage or {"seconds": 2}, "request_id": "r"}


def played(request: Transcription, model: str, *answers: Any) -> Any:
    return run_plan(WIRE.plan(request, model, Profile()), answers, wire=WIRE)


def test_an_upload_is_heard_at_once() -> None:
    file = Asset(file=Held(b"ID3sound"), mime="audio/mpeg", filename="a.mp3")
    request = Transcription(
        file=file, language="en", prompt="names", temperature=0.3, extra={"openai.transcriptions": {"enable_itn": True}}
    )
    done = played(request, AT_ONCE, heard())
    assert done.sent() == {
        "model": AT_ONCE,
        "input": {
            "messages": [
                {"role": "system", "content": [{"text": "names"}]},
                {"role": "user", "content": [{"audio": "data:audio/mpeg;base64,SUQzc291bmQ="}]},
            ]
        },
        "parameters": {"asr_options": {"enable_itn": True, "language": "en"}},
    }
    result = done.result
    assert (result.text, result.language, result.seconds, result.measures.seconds) == ("Good morning.", "en", 2, 2)
    assert [loss.field for loss in result.losses] == ["temperature"]


def test_silence_is_no_error_and_tokens_are_counted_where_they_are_told() -> None:
    result = played(Transcription(file=Asset(url=URL)), AT_ONCE, heard("", seconds=1, input_tokens=25, output_tokens=1)).result
    assert result.text == "" and result.usage == Usage(input=25, audio_input=25, output=1)


@pytest.mark.parametrize("format", ["srt", "vtt", "verbose_json", "diarized_json"])
def test_times_are_refused_where_the_model_tells_none(format: str) -> None:
    with pytest.raises(errors.Unsupported, match="filetrans") as raised:
        played(Transcription(file=Asset(url=URL), format=format), AT_ONCE)
    assert raised.value.param == "response_format"


def test_a_file_that_is_too_large_is_refused_before_it_is_sent() -> None:
    with pytest.raises(errors.TooLarge, match="as `url`"):
        played(Transcription(file=Asset(file=Held(bytes(8 * 2**20)))), AT_ONCE)


def test_nothing_is_translated() -> None:
    with pytest.raises(errors.Unsupported, match="does not translate"):
        played(Transcription(file=Asset(url=URL), translate=True), AT_ONCE)


# -- heard in the background


def task(status: str, **output: Any) -> dict[str, Any]:
    return {"request_id": "r", "output": {"task_id": "t-1", "task_status": status, **output}, "usage": {"seconds": 3}}


RESULT = {
    "file_url": URL,
    "transcripts": [
        {
            "channel_id": 0,
            "text": "Good morning. Goodbye.",
            "sentences": [
                {
                    "begin_time": 100,
                    "end_time": 1200,
                    "text": "Good morning.",
                    "language": "en",
                    "speaker_id": 0,
                    "words": [
                        {"begin_time": 100, "end_time": 500, "text": "Good", "punctuation": ""},
                        {"begin_time": 500, "end_time": 1200, "text": "morning", "punctuation": "."},
                    ],
                },
                {"begin_time": 1300, "end_time": 3000, "text": "Goodbye."},
            ],
        }
    ],
}


def test_a_url_is_handed_over_waited_for_and_fetched() -> None:
    request = Transcription(file=Asset(url=URL), format="verbose_json", language="en", granularities=("word", "segment"))
    busy = errors.UpstreamOverloaded("busy")
    done = played(
        request, LATER, task("PENDING"), task("RUNNING"), busy, task("SUCCEEDED", result={"transcription_url": FILE}), RESULT
    )
    assert done.asks[0].headers == {"X-DashScope-Async": "enable"}
    assert done.sent() == {
        "model": LATER,
        "input": {"file_url": URL},
        "parameters": {"channel_id": [0], "language": "en", "enable_words": True},
    }
    assert {ask.path for ask in done.asks[1:]} == {"/tasks/t-1"} and done.fetched == [FILE]
    result = done.result
    assert (result.text, result.language, result.seconds) == ("Good morning. Goodbye.", "en", 3)
    assert result.segments == (
        Segment(start=0.1, end=1.2, text="Good morning.", speaker="0"),
        Segment(start=1.3, end=3.0, text="Goodbye."),
    )
    assert result.words == (Word(start=0.1, end=0.5, word="Good"), Word(start=0.5, end=1.2, word="morning."))


def test_older_models_take_a_list_of_files_and_hints() -> None:
    request = Transcription(file=Asset(url=URL), language="de", format="diarized_json")
    done = played(request, OLD, task("PENDING"), task("SUCCEEDED", results=[{"transcription_url": FILE}]), RESULT)
    assert done.sent()["input"] == {"file_urls": [URL]}
    assert done.sent()["parameters"] == {"channel_id": [0], "language_hints": ["de"], "diarization_enabled": True}


def test_an_upload_is_told_to_come_by_url() -> None:
    with pytest.raises(errors.Unsupported, match="public https URL as `url`") as raised:
        played(Transcription(file=Asset(file=Held(b"x"))), LATER)
    assert raised.value.param == "file"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (task("FAILED", code="InvalidFile.DownloadFailed", message="The audio file cannot be downloaded."), errors.PiscesError),
        (task("FAILED", code="DataInspectionFailed", message="Inappropriate content."), errors.ContentRefused),
        (task("UNKNOWN"), errors.UpstreamBroken),
        (task("SUCCEEDED", results=[{"code": "InvalidParameter", "message": "The file is no sound."}]), errors.BadRequest),
        (task("SUCCEEDED"), errors.UpstreamBroken),
    ],
)
def test_a_task_without_a_transcript_says_why_and_is_not_paid_for_twice(answer: Any, kind: type[errors.PiscesError]) -> None:
    with pytest.raises(kind) as raised:
        played(Transcription(file=Asset(url=URL)), OLD, task("PENDING"), answer)
    assert not isinstance(raised.value, errors.UpstreamError) or raised.value.final


@pytest.mark.parametrize("file", [b"<html>", {"transcripts": 1}, {}])
def test_a_transcript_that_cannot_be_read_is_not_paid_for_twice(file: Any) -> None:
    done = task("SUCCEEDED", results=[{"transcription_url": FILE}])
    with pytest.raises(errors.UpstreamBroken) as raised:
        played(Transcription(file=Asset(url=URL)), OLD, task("PENDING"), done, file)
    assert raised.value.final


def test_polls_that_keep_failing_end_it() -> None:
    lost = [errors.UpstreamBroken("lost")] * 5
    with pytest.raises(errors.UpstreamBroken) as raised:
        played(Transcription(file=Asset(url=URL)), LATER, task("PENDING"), *lost)
    assert raised.value.final
