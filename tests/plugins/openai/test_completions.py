"""The laws of completions: text alone, whole and streamed, its cuts do not matter and its ends are honest."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from laws import grammar
from laws.reading import events_of, shown, stream_of
from laws.samples import ANSWERS, PROFILE, SEALS
from laws.samples import reply as told
from pisces_openai.completions import ENDPOINTS, Completions

from pisces_proxy import chat
from pisces_proxy.errors import BadRequest, ContextTooLong, Unsupported, UpstreamBroken, UpstreamRateLimited
from pisces_proxy.plugin import Operation, Profile, Reply
from pisces_proxy.transform import Passthrough
from pisces_proxy.usage import Usage

WIRE = Completions()
TEXTS = ["text", "nothing", "length", "characters", "filtered"]
SIZES = (1, 2, 7, 64)
USAGE = b'"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}'


def frame(*choices: dict[str, Any], more: bytes = b"") -> bytes:
    head = b'data: {"id":"cmpl-1","object":"text_completion","created":1790000000,"model":"m","choices":'
    told = [{"index": 0, "text": "", "logprobs": None, "finish_reason": None, **choice} for choice in choices]
    return head + msgspec.json.encode(told) + more + b"}\n\n"


VENDOR = b"".join(
    [
        frame({"text": "It"}),
        frame({"text": "Or", "index": 1}),
        frame({"text": " rains."}),
        frame({"text": " not.", "index": 1}),
        frame({"finish_reason": "stop"}),
        frame({"finish_reason": "length", "index": 1}),
        frame(more=b"," + USAGE),
        b"data: [DONE]\n\n",
    ]
)


def asked(**members: Any) -> Operation:
    body = msgspec.json.encode({"model": "m", **members})
    model, stream, form = ENDPOINTS[0].peek(body, {}, {})  # type: ignore[misc]
    return Operation(kind="chat", wire=WIRE.name, model=model, stream=stream, form=form, body=body)


def request(**members: Any) -> chat.Request:
    return WIRE.decode_request(asked(**{"prompt": "a", **members}), SEALS)


# -- streams and answers -----------------------------------------------------------------------------------------------


def text_of(response: chat.Response) -> list[str]:
    return ["".join(block.text for block in choice.blocks if isinstance(block, chat.Text)) for choice in response.choices]


@pytest.mark.parametrize("size", SIZES)
def test_cutting_a_vendors_stream_anywhere_gives_the_same_events(size: int) -> None:
    assert shown(events_of(WIRE, VENDOR, PROFILE, size)) == shown(events_of(WIRE, VENDOR, PROFILE))


def test_a_vendors_stream_is_read_choice_by_choice() -> None:
    events = events_of(WIRE, VENDOR, PROFILE)
    grammar.check(events)
    response = chat.fold(events)
    assert text_of(response) == ["It rains.", "Or not."]
    assert [choice.stop.reason for choice in response.choices] == ["stop", "length"]
    assert response.usage == Usage(input=5, output=7) and (response.id, response.created) == ("cmpl-1", 1790000000)


def test_a_stream_without_done_is_complete_where_every_choice_has_ended() -> None:
    assert isinstance(events_of(WIRE, VENDOR.removesuffix(b"data: [DONE]\n\n"), PROFILE)[-1], chat.Finish)


def test_a_stream_that_stops_early_is_never_a_clean_end() -> None:  # H30, H31
    frames = VENDOR.split(b"\n\n")
    for kept in range(1, 6):
        events = events_of(WIRE, b"\n\n".join(frames[:kept]) + b"\n\n", PROFILE)
        grammar.check(events)
        assert isinstance(events[-1], chat.Failed), kept


@pytest.mark.parametrize(
    "rubbish", [b"data: {\n\n", b"data: nonsense\n\n", b"data: []\n\n", b"data: 1\n\n", b"data: [DONE]\n\n"]
)
def test_rubbish_in_a_stream_is_a_failure_and_never_an_exception(rubbish: bytes) -> None:
    events = events_of(WIRE, rubbish, PROFILE)
    assert isinstance(events[-1], chat.Failed) and len(events) == 1


def test_an_error_in_a_stream_is_the_vendors() -> None:
    (failed,) = events_of(WIRE, b'data: {"error":{"message":"slow down","code":"rate_limit_exceeded"}}\n\n', PROFILE)
    assert isinstance(failed, chat.Failed) and isinstance(failed.error, UpstreamRateLimited)


@pytest.mark.parametrize("sample", TEXTS)
def test_our_own_stream_says_what_the_whole_answer_says(sample: str) -> None:
    stream = stream_of(WIRE, ANSWERS[sample], told(WIRE))
    events = events_of(WIRE, stream, PROFILE, 7)
    grammar.check(events)
    whole = WIRE.decode_response(WIRE.encode_response(ANSWERS[sample], told(WIRE, stream=False)), PROFILE)
    assert text_of(chat.fold(events)) == text_of(whole) == text_of(ANSWERS[sample])
    assert chat.fold(events).choices[0].stop.reason == whole.choices[0].stop.reason == ANSWERS[sample].choices[0].stop.reason
    assert whole.usage is not None and chat.fold(events).usage == whole.usage
    assert (whole.usage.input, whole.usage.cached_input, whole.usage.output) == (105, 90, 17)


@pytest.mark.parametrize("sample", sorted(set(ANSWERS) - set(TEXTS)))
def test_thinking_and_calls_have_no_place_in_a_text(sample: str) -> None:
    body = json.loads(WIRE.encode_response(ANSWERS[sample], told(WIRE, stream=False)))
    words = "".join(block.text for block in ANSWERS[sample].choices[0].blocks if isinstance(block, chat.Text | chat.Refusal))
    assert body["choices"][0]["text"] == words
    events = events_of(WIRE, stream_of(WIRE, ANSWERS[sample], told(WIRE)), PROFILE)
    assert "".join(text_of(chat.fold(events))) == words


@pytest.mark.parametrize("sample", TEXTS)
def test_events_encoded_together_or_alone_make_the_same_bytes(sample: str) -> None:
    together = WIRE.encoder(told(WIRE)).encode(list(chat.unfold(ANSWERS[sample])))
    assert together == stream_of(WIRE, ANSWERS[sample], told(WIRE))


def test_a_failure_in_mid_stream_reaches_the_client_as_a_failure() -> None:
    encoder, events = WIRE.encoder(told(WIRE)), list(chat.unfold(ANSWERS["text"]))[:3]
    stream = encoder.encode([*events, chat.Failed(error=UpstreamBroken("The line went dead."))])
    seen = events_of(WIRE, stream, PROFILE)
    assert isinstance(seen[-1], chat.Failed) and "The line went dead." in seen[-1].error.message


def test_the_usage_frame_comes_only_where_it_was_asked_for() -> None:
    for wanted in (True, False):
        stream = stream_of(WIRE, ANSWERS["text"], told(WIRE, include_usage=wanted))
        assert (b'"choices":[]' in stream) is wanted and stream.endswith(b"data: [DONE]\n\n")


# -- the same wire on both sides ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_a_relayed_stream_differs_in_the_models_name_only(size: int) -> None:
    relay = Passthrough(WIRE, PROFILE, told(WIRE, model="ours"))
    out = b"".join(relay.feed(VENDOR[at : at + size]) for at in range(0, len(VENDOR), size)) + relay.end()
    assert out == VENDOR.replace(b'"model":"m"', b'"model":"ours"')
    assert relay.finished and relay.usage == Usage(input=5, output=7)


def test_a_relayed_stream_that_breaks_off_ends_in_an_error() -> None:
    relay = Passthrough(WIRE, PROFILE, told(WIRE, model="ours"))
    out = relay.feed(VENDOR[: len(VENDOR) // 3]) + relay.end()
    assert relay.failure is not None and b'"error"' in out


def test_a_request_that_passes_keeps_every_other_member() -> None:
    sent = asked(prompt=["a"], suffix="b", echo=True, x_new=[1.0], best_of=3, stream=True)
    body = msgspec.json.decode(WIRE.rewrite(sent, "theirs", Profile()).body)
    assert body == {
        "model": "theirs", "prompt": ["a"], "suffix": "b", "echo": True, "x_new": [1.0], "best_of": 3, "stream": True,
        "stream_options": {"include_usage": True},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("prompt", "profile", "passes"),
    [
        ("a", Profile(), True),
        (["a", "b"], Profile(), True),
        (["a", "b"], Profile(prompt_list=False), False),
        ([1, 2], Profile(prompt_list=False, token_ids=True), True),
        ([[1], [2]], Profile(), False),
        ([[1], [2]], Profile(token_ids=True), True),
    ],
)
def test_bytes_pass_where_the_upstream_takes_them_as_they_are(prompt: Any, profile: Profile, passes: bool) -> None:
    assert WIRE.passes(asked(prompt=prompt), profile) is passes


# -- requests ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "texts"),
    [
        ("a", ["a"]),
        (["a", "b"], ["a", "b"]),
        ([9906, 1917], ["Hello world"]),
        ([[9906], [1917]], ["Hello", " world"]),
    ],
)
def test_each_prompt_is_a_users_turn(prompt: Any, texts: list[str]) -> None:
    read = request(prompt=prompt)
    assert [turn.blocks for turn in read.turns] == [(chat.Text(text=text),) for text in texts]
    assert [part.turns for part in WIRE.parts(read)] == ([] if len(texts) == 1 else [(turn,) for turn in read.turns])


def test_scalars_arrive() -> None:
    read = request(
        max_tokens=9, temperature=0.5, top_p=0.9, n=2, stop=["x"], seed=1, presence_penalty=0.1, frequency_penalty=0.2,
        logprobs=3, logit_bias={"50256": -100}, user="u", stream=True, stream_options={"include_usage": True},
    )  # fmt: skip
    assert (read.max_tokens, read.temperature, read.top_p, read.n, read.stop, read.seed) == (9, 0.5, 0.9, 2, ("x",), 1)
    assert (read.presence_penalty, read.frequency_penalty, read.user) == (0.1, 0.2, "u")
    assert (read.logprobs, read.top_logprobs, read.logit_bias) == (True, 3, b'{"50256":-100}')
    assert (read.stream, read.include_usage) == (True, True)
    assert WIRE.max_output(asked(prompt=["a", "b"], max_tokens=9, n=2, best_of=3)) == 54


def test_one_prompt_is_asked_of_an_upstream_that_takes_one() -> None:
    part = WIRE.parts(request(prompt=["a", "b"], max_tokens=9, best_of=2, stop="x"))[1]
    encoded = WIRE.encode_request(part, "theirs", Profile())
    assert msgspec.json.decode(encoded.body) == {"model": "theirs", "prompt": "b", "max_tokens": 9, "stop": ["x"], "best_of": 2}
    assert encoded.losses == ()


def test_a_conversation_is_no_text() -> None:
    turns = (chat.Turn(role="user", blocks=(chat.Text(text="a"),)), chat.Turn(role="assistant", blocks=(chat.Text(text="b"),)))
    with pytest.raises(Unsupported):
        WIRE.encode_request(chat.Request(model="m", turns=turns), "m", Profile())


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": {}}, "prompt"),
        ({"prompt": [1, "a"]}, "prompt"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"prompt": ["a"] * 65, "n": 2}, "n"),
        ({"prompt": ["a"] * 2049}, "prompt"),
        ({"n": 2, "best_of": 1}, "best_of"),
    ],
)
def test_bad_input_is_refused_by_name(members: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        request(**members)
    assert refusal.value.param == param


def test_an_upstreams_refusal_is_understood() -> None:
    body = b'{"error":{"message":"This model\'s maximum context length is 4097 tokens","code":"context_length_exceeded"}}'
    assert isinstance(WIRE.decode_error(400, {}, body), ContextTooLong)


# -- echo and probabilities --------------------------------------------------------------------------------------------


def echoing(read: chat.Request, **more: Any) -> Reply:
    return told(WIRE, asked=read, form="echo", **more)


def test_echo_puts_each_prompt_in_front_of_its_answers() -> None:
    read = request(prompt=["one ", "two "], n=2, echo=True)
    choices = tuple(chat.Choice(blocks=(chat.Text(text=f"answer {index}"),)) for index in range(4))
    response = chat.Response(choices=choices, usage=Usage(input=1, output=1))
    wanted = ["one answer 0", "one answer 1", "two answer 2", "two answer 3"]
    assert [choice["text"] for choice in json.loads(WIRE.encode_response(response, echoing(read)))["choices"]] == wanted
    assert text_of(chat.fold(events_of(WIRE, stream_of(WIRE, response, echoing(read)), PROFILE))) == wanted


def test_probabilities_go_both_ways() -> None:
    four = {
        "tokens": ["a", "bc"],
        "token_logprobs": [-0.5, -1.0],
        "top_logprobs": [{"a": -0.5, "x": -2.0}, {"bc": -1.0}],
        "text_offset": [0, 1],
    }
    body = {
        "choices": [{"index": 0, "text": "abc", "finish_reason": "stop", "logprobs": four}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2},
    }
    response = WIRE.decode_response(msgspec.json.encode(body), PROFILE)
    rows = msgspec.json.decode(response.choices[0].logprobs)
    assert [(row["token"], row["logprob"], len(row["top_logprobs"])) for row in rows] == [("a", -0.5, 2), ("bc", -1.0, 1)]
    again = json.loads(WIRE.encode_response(response, told(WIRE, stream=False)))
    assert again["choices"][0]["logprobs"] == four
