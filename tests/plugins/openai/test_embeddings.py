"""Embeddings: what clients send, what upstreams are asked, and vectors exact to float32 both ways."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import msgspec
import pytest
from pisces_openai.embeddings import ENDPOINTS, OpenAIEmbeddings

from pisces_proxy.errors import BadRequest, ContentRefused, PiscesError, Unsupported, UpstreamBroken, UpstreamRateLimited
from pisces_proxy.media import Embeddings, Vectors
from pisces_proxy.plans import Ask
from pisces_proxy.plugin import Operation, Profile, Reply
from pisces_proxy.seals import Seals
from pisces_proxy.testing import got, run_plan
from pisces_proxy.usage import Usage

WIRE = OpenAIEmbeddings()
PLAIN = Profile()
OPENAI = Profile(token_ids=True)
ODD = (0.1, -1e-7, 3.4028234e38, 1.401298464324817e-45, 0.0, -0.0, 0.30000001192092896)
HELLO = [9906, 1917]  # "Hello world" in cl100k_base, as LangChain's tokenizer has it


def asked(**members: Any) -> Operation:
    body = msgspec.json.encode({"model": "m", **members})
    model, stream, form = ENDPOINTS[0].peek(body, {}, {})  # type: ignore[misc]
    return Operation(kind="embeddings", wire=WIRE.name, model=model, stream=stream, form=form, body=body)


def reply(form: str = "float", extension: bytes = b"") -> Reply:
    return Reply(model="ours", request_id="req_1", created=1, form=form, extension=extension, seals=Seals([b"x" * 32]))


def answer(*vectors: Any, **usage: int) -> dict[str, Any]:
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    return {"object": "list", "data": data, "model": "theirs", "usage": usage or {"prompt_tokens": 3, "total_tokens": 3}}


def as_float32(number: float) -> float:
    return struct.unpack("<f", struct.pack("<f", number))[0]  # type: ignore[no-any-return]


# -- what clients send -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "inputs", "single"),
    [
        ("Hello", ("Hello",), True),
        (["Hello", "World"], ("Hello", "World"), False),
        (["Hello"], ("Hello",), False),
        (HELLO, ((9906, 1917),), True),
        ([HELLO, [1]], ((9906, 1917), (1,)), False),
        (["a", [1]], ("a", (1,)), False),
        (["x"] * 2048, ("x",) * 2048, False),
    ],
)
def test_each_form_of_input_is_read(given: Any, inputs: tuple[Any, ...], single: bool) -> None:
    request = WIRE.decode_request(asked(input=given))
    assert (request.inputs, request.single) == (inputs, single)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": ["a", ""]}, "input[1]"),
        ({"input": [[1], []]}, "input[1]"),
        ({"input": ["a", 1]}, "input[1]"),
        ({"input": [1, "a"]}, "input"),
        ({"input": [1.5]}, "input"),
        ({"input": [True]}, "input"),
        ({"input": [-1]}, "input"),
        ({"input": {"text": "a"}}, "input"),
        ({"input": 5}, "input"),
        ({"input": ["x"] * 2049}, "input"),
        ({}, "input"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "dimensions": "many"}, "dimensions"),
    ],
)
def test_bad_input_is_refused_by_name(members: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        WIRE.decode_request(asked(**members))
    assert (refusal.value.param, refusal.value.status) == (param, 400)


def test_an_unknown_encoding_is_refused_by_name() -> None:
    with pytest.raises(BadRequest) as refusal:
        asked(input="a", encoding_format="int8")
    assert refusal.value.param == "encoding_format"


@pytest.mark.parametrize(("said", "task"), [("search_query", "query"), ("passage", "document"), ("query", "query"), (None, "")])
def test_what_the_vectors_are_for_is_read_in_the_words_of_several_vendors(said: str | None, task: str) -> None:
    assert WIRE.decode_request(asked(input="a", input_type=said)).task == task


# -- H129: float32 both ways -------------------------------------------------------------------------------------------


def test_floats_become_base64_of_little_endian_float32_h129() -> None:
    told = WIRE.encode_response(Vectors(vectors=[ODD]), Embeddings(inputs=("a",), encoding="base64"), reply("base64"))
    row = json.loads(told.body)["data"][0]
    assert base64.b64decode(row["embedding"]) == struct.pack(f"<{len(ODD)}f", *ODD)


def test_base64_becomes_floats_that_are_exactly_the_float32_h129() -> None:
    packed = base64.b64encode(struct.pack(f"<{len(ODD)}f", *ODD)).decode()
    played = run_plan(WIRE.plan(Embeddings(inputs=("a",)), "m", OPENAI), [answer(packed)], wire=WIRE)
    told = WIRE.encode_response(played.result, Embeddings(inputs=("a",)), reply())
    assert json.loads(told.body)["data"][0]["embedding"] == [as_float32(number) for number in ODD]


def test_there_and_back_again_changes_no_bit_h129() -> None:
    packed = base64.b64encode(struct.pack("<5f", *(as_float32(1 / n) for n in range(3, 8)))).decode()
    request = Embeddings(inputs=("a",), encoding="base64")
    played = run_plan(WIRE.plan(request, "m", OPENAI), [answer(packed)], wire=WIRE)
    assert json.loads(WIRE.encode_response(played.result, request, reply()).body)["data"][0]["embedding"] == packed


def test_signed_bytes_in_base64_are_told_as_numbers() -> None:  # Perplexity
    packed = base64.b64encode(struct.pack("<4b", -128, -1, 0, 127)).decode()
    played = run_plan(WIRE.plan(Embeddings(inputs=("a",)), "m", Profile(embedding_format="int8")), [answer(packed)], wire=WIRE)
    assert list(played.result.vectors[0]) == [-128, -1, 0, 127]


# -- what upstreams are asked ------------------------------------------------------------------------------------------


def plan(request: Embeddings, profile: Profile, *answers: Any) -> Any:
    return run_plan(WIRE.plan(request, "theirs", profile), answers or [answer([1.0])], wire=WIRE)


def test_an_upstream_is_asked_in_openais_form() -> None:
    request = Embeddings(inputs=("a", "b"), dimensions=8, encoding="base64", user="u")
    played = plan(request, PLAIN, answer([1.0], [2.0]))
    assert played.sent() == {"model": "theirs", "input": ["a", "b"], "dimensions": 8, "user": "u", "encoding_format": "base64"}
    assert played.result.usage == Usage(input=3)


def test_one_bare_text_stays_bare() -> None:
    assert plan(Embeddings(inputs=("a",), single=True), PLAIN).sent()["input"] == "a"


def test_token_ids_go_as_they_are_to_those_who_know_them() -> None:
    assert plan(Embeddings(inputs=(tuple(HELLO),)), OPENAI).sent()["input"] == [HELLO]


def test_token_ids_become_text_for_all_others() -> None:
    assert plan(Embeddings(inputs=(tuple(HELLO),)), PLAIN).sent()["input"] == ["Hello world"]


def test_numbers_that_are_no_tokens_are_refused_with_the_way_out() -> None:
    with pytest.raises(BadRequest) as refusal:
        plan(Embeddings(inputs=("a", (999_999_999,))), PLAIN)
    assert refusal.value.param == "input[1]" and "check_embedding_ctx_length=False" in refusal.value.message


def test_a_long_list_is_asked_for_in_parts_at_once_and_keeps_its_order() -> None:
    def vectors(step: Any) -> Any:
        texts = json.loads(step.body)["input"]
        return answer(*[[float(text)] for text in texts], prompt_tokens=len(texts), total_tokens=len(texts))

    request = Embeddings(inputs=tuple(str(n) for n in range(25)))
    first = next(WIRE.plan(request, "m", Profile(embedding_batch=10)))
    assert isinstance(first, tuple) and [len(json.loads(ask.body)["input"]) for ask in first] == [10, 10, 5]  # type: ignore[arg-type]
    played = run_plan(WIRE.plan(request, "m", Profile(embedding_batch=10)), vectors, wire=WIRE)
    assert [vector[0] for vector in played.result.vectors] == [float(n) for n in range(25)]
    assert played.result.usage == Usage(input=25)


def test_rows_out_of_order_are_put_in_order() -> None:
    shuffled = {"data": [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]}
    assert list(plan(Embeddings(inputs=("a", "b")), PLAIN, shuffled).result.vectors) == [[1.0], [2.0]]


def test_a_total_counts_where_nothing_else_is_told() -> None:  # Voyage
    assert plan(Embeddings(inputs=("a",)), PLAIN, answer([1.0], total_tokens=7)).result.usage == Usage(input=7)


def test_no_count_is_no_usage() -> None:
    assert plan(Embeddings(inputs=("a",)), PLAIN, {"data": [{"embedding": [1.0]}]}).result.usage is None


def test_a_vector_missing_is_the_upstreams_fault() -> None:
    with pytest.raises(UpstreamBroken):
        plan(Embeddings(inputs=("a", "b")), PLAIN, answer([1.0]))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, UpstreamRateLimited),
        ({"error": {"message": "no", "code": "content_filter"}}, ContentRefused),
        ({"object": "list"}, UpstreamBroken),
        ([], UpstreamBroken),
        (b"not json", UpstreamBroken),
    ],
)
def test_an_error_inside_a_200_is_an_error(body: Any, kind: type[PiscesError]) -> None:
    with pytest.raises(kind):
        plan(Embeddings(inputs=("a",)), PLAIN, body)
    operation = asked(input="a")
    with pytest.raises(kind):
        WIRE.counted(got(body), operation, PLAIN)


def test_a_length_that_cannot_be_chosen_is_refused_by_name() -> None:
    with pytest.raises(Unsupported) as refusal:
        plan(Embeddings(inputs=("a",), dimensions=8), Profile(dimensions=False))
    assert refusal.value.param == "dimensions"


def test_tasks_go_by_the_upstreams_words_or_are_told_as_lost() -> None:
    jina = Profile(embedding_task={"member": "task", "query": "retrieval.query", "document": "retrieval.passage"})
    assert plan(Embeddings(inputs=("a",), task="query"), jina).sent()["task"] == "retrieval.query"
    assert plan(Embeddings(inputs=("a",), task="text-matching"), jina).sent()["task"] == "text-matching"
    played = plan(Embeddings(inputs=("a",), task="query"), PLAIN)
    assert [loss.field for loss in played.result.losses] == ["input_type"] and "input_type" not in played.sent()


def test_what_an_upstream_does_not_take_is_left_away_and_told() -> None:
    profile = Profile(drop=("user",), embedding_format="float", rename={"dimensions": "output_dimension"})
    played = plan(Embeddings(inputs=("a",), user="u", dimensions=4, encoding="base64"), profile)
    assert played.sent() == {"model": "theirs", "input": ["a"], "output_dimension": 4}
    assert [loss.field for loss in played.result.losses] == ["user"]


# -- the same format on both sides -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "profile", "passes"),
    [
        ({"input": "a"}, PLAIN, True),
        ({"input": HELLO}, PLAIN, False),
        ({"input": [HELLO, HELLO]}, OPENAI, True),
        ({"input": ["a"] * 11}, Profile(embedding_batch=10), False),
        ({"input": ["a"] * 10}, Profile(embedding_batch=10), True),
        ({"input": "a", "encoding_format": "base64"}, PLAIN, True),
        ({"input": "a", "encoding_format": "base64"}, Profile(embedding_format="base64"), True),
        ({"input": "a", "encoding_format": "base64"}, Profile(embedding_format="float"), False),
        ({"input": "a"}, Profile(embedding_format="float"), True),
        ({"input": "a"}, Profile(embedding_format="int8"), False),
        ({"input": "a", "dimensions": 8}, Profile(dimensions=False), False),
        ({"input": "a", "input_type": "query"}, PLAIN, False),
        ({"input": "a", "input_type": "query"}, Profile(embedding_task={"member": "input_type", "query": "query"}), True),
    ],
)
def test_bytes_pass_where_the_upstream_takes_them_as_they_are(members: dict[str, Any], profile: Profile, passes: bool) -> None:
    assert WIRE.passes(asked(**members), profile) is passes


def test_a_request_that_passes_keeps_its_other_members() -> None:
    ask = WIRE.rewrite(asked(input="a", dimensions=1, x_new=[1.0], encoding_format=None, user="u"), "theirs", PLAIN)
    assert isinstance(ask, Ask)
    assert msgspec.json.decode(ask.body) == {"model": "theirs", "input": "a", "dimensions": 1, "x_new": [1.0], "user": "u"}  # type: ignore[arg-type]


def test_a_request_that_passes_is_renamed_and_filled_in() -> None:
    profile = Profile(
        rename={"dimensions": "output_dimension"}, drop=("user",), defaults={"input_type": "passage"}, embedding_format="base64"
    )
    ask = WIRE.rewrite(asked(input="a", dimensions=1, user="u", encoding_format="float"), "theirs", profile)
    assert msgspec.json.decode(ask.body) == {"model": "theirs", "input": "a", "output_dimension": 1, "input_type": "passage"}  # type: ignore[arg-type]


def test_an_answer_that_passes_keeps_the_bytes_of_its_vectors() -> None:
    body = b'{"object":"list","data":[{"index":0,"embedding":[1.0, 1e-7,0.10]}],"model":"theirs","usage":{"prompt_tokens":1,"total_tokens":1}}'
    told = WIRE.relayed(got(body), reply(extension=b'{"gateway":"Pisces"}')).body
    assert told == body.replace(b'"theirs"', b'"ours"')[:-1] + b',"pisces":{"gateway":"Pisces"}}'


def test_floats_are_packed_where_the_upstream_did_not_heed_base64() -> None:
    told = json.loads(WIRE.relayed(got(answer([0.5, -2.0])), reply("base64")).body)
    assert base64.b64decode(told["data"][0]["embedding"]) == struct.pack("<2f", 0.5, -2.0)


def test_base64_is_unpacked_where_floats_were_asked_for() -> None:
    packed = base64.b64encode(struct.pack("<2f", 0.5, -2.0)).decode()
    assert json.loads(WIRE.relayed(got(answer(packed)), reply()).body)["data"][0]["embedding"] == [0.5, -2.0]


@pytest.mark.parametrize(("usage", "count"), [({"total_tokens": 7}, 7), ({"prompt_tokens": 5}, 5)])
def test_a_count_that_lacks_what_clients_read_is_completed(usage: dict[str, int], count: int) -> None:
    told = json.loads(WIRE.relayed(got(answer([1.0], **usage)), reply()).body)
    assert told["usage"] == {"prompt_tokens": count, "total_tokens": count}
    assert WIRE.counted(got(answer([1.0], **usage)), asked(input="a"), PLAIN).usage == Usage(input=count)


def test_rows_of_no_known_form_pass_as_they_are() -> None:
    rows = [{"index": 0, "embedding": [None]}]
    assert json.loads(WIRE.relayed(got({"data": rows}), reply("base64")).body)["data"] == rows
