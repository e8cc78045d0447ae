"""What an upstream's refusal means."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisces_proxy import errors
from pisces_proxy.complaints import Complaint, complaint, complaint_in, sanitise
from pisces_proxy.refusals import understand

CORPUS = Path(os.environ.get("PISCES_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus") / "errors"
RECORDED = sorted(CORPUS.glob("*.json"))


def said(value: Any) -> Complaint:
    found = complaint(json.dumps(value).encode())
    assert found is not None
    return found


def kind(status: int, value: Any, **headers: str) -> type[errors.PiscesError]:
    return type(understand(status, headers, said(value)))


# -- what it says ------------------------------------------------------------------------------------------------------

SHAPES: list[tuple[Any, Complaint]] = [
    ({"error": {"message": "m", "type": "t", "code": "c", "param": "p"}}, Complaint("m", "c", "t", "p")),
    ({"error": {"message": "m", "type": "t", "code": None, "param": None}}, Complaint("m", "", "t")),
    ({"error": {"message": "m", "code": 429}}, Complaint("m", "429")),
    ({"type": "error", "error": {"type": "overloaded_error", "message": "m"}}, Complaint("m", "", "overloaded_error")),
    ([{"error": {"code": 503, "message": "m", "status": "UNAVAILABLE"}}], Complaint("m", "503", "UNAVAILABLE")),
    ({"error": "m", "code": "c"}, Complaint("m", "c")),
    ({"error": "not_found", "message": "no such thing"}, Complaint("no such thing", "not_found")),
    ({"error": ["m"]}, Complaint("m")),
    ({"error": {"code": "x"}}, Complaint("x", "x")),
    ({"error": {"type": "overloaded_error"}}, Complaint("overloaded_error", "", "overloaded_error")),
    ({"message": "m"}, Complaint("m")),
    (
        {"object": "error", "message": {"detail": [{"loc": ["body", "n"], "msg": "m"}]}, "type": "t"},
        Complaint("m", "", "t", "n"),
    ),
    ({"detail": "m"}, Complaint("m")),
    ({"detail": {"status": "quota_exceeded", "message": "m"}}, Complaint("m", "", "quota_exceeded")),
    (
        {"detail": [{"loc": ["body", "messages", 0, "role"], "msg": "m", "type": "missing"}]},
        Complaint("m", "", "missing", "messages[0].role"),
    ),
    ({"msg": "m", "code": 401}, Complaint("m", "401")),
    ({"errors": [{"message": "m", "code": 7003}]}, Complaint("m", "7003")),
    ({"errors": ["m"]}, Complaint("m")),
    ({"base_resp": {"status_code": 1008, "status_msg": "m"}, "choices": None}, Complaint("m", "1008", "base_resp")),
    ({"code": "InvalidParameter", "message": "m", "request_id": "r"}, Complaint("m", "InvalidParameter")),
    ({"error_code": 336003, "error_msg": "m"}, Complaint("m", "336003")),
    ({"title": "Bad", "detail": "m", "status": 402}, Complaint("m")),
    ({"__type": "com.amazon#ThrottlingException", "message": "m"}, Complaint("m", "", "com.amazon#ThrottlingException")),
    ({"ResponseMetadata": {"Error": {"Code": "c", "Message": "m"}}}, Complaint("m", "c")),
    ({"type": "response.failed", "response": {"error": {"code": "c", "message": "m"}}}, Complaint("m", "c")),
    ({"choices": [{"error": {"code": 502, "message": "m"}}]}, Complaint("m", "502")),
    (
        {"error": {"code": "content_filter", "message": "m", "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
        Complaint("m", "content_filter"),
    ),
    ({"error": {"code": None, "message": "m", "innererror": {"code": "Exact"}}}, Complaint("m", "Exact")),
    (
        {"error": {"code": 400, "message": "Provider returned error", "metadata": {"raw": "m"}}},
        Complaint("m", "400"),
    ),
    (
        {
            "error": {
                "code": 400,
                "message": "Provider returned error",
                "metadata": {"raw": '{"error":{"message":"m","code":"c"}}'},
            }
        },
        Complaint("m", "c"),
    ),
    ({"error": {"message": '{"error":{"message":"m","code":"c","type":"t"}}', "code": 500}}, Complaint("m", "c", "t")),
    (
        {
            "error": {
                "code": 429,
                "message": "m",
                "status": "RESOURCE_EXHAUSTED",
                "details": [{"@type": "x/google.rpc.RetryInfo", "retryDelay": "22.5s"}],
            }
        },
        Complaint("m", "429", "RESOURCE_EXHAUSTED", "", 22.5),
    ),
    (
        {"error": {"code": 400, "message": "m", "status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}]}},
        Complaint("m", "API_KEY_INVALID", "INVALID_ARGUMENT"),
    ),
    (
        {"error": {"code": 400, "message": "m", "details": [{"fieldViolations": [{"field": "contents[0]"}]}]}},
        Complaint("m", "400", "", "contents[0]"),
    ),
]


@pytest.mark.parametrize(("value", "expected"), SHAPES)
def test_a_complaint_is_read_from_every_shape(value: Any, expected: Complaint) -> None:
    assert said(value) == expected


@pytest.mark.parametrize("value", [value for value, _ in SHAPES if "__type" not in value and "title" not in value])
def test_a_complaint_inside_of_a_good_answer_is_seen(value: Any) -> None:
    assert complaint_in(value) is not None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html><head><TITLE>502 Bad\n Gateway</TITLE></head><body>nginx</body></html>", "502 Bad Gateway"),
        (b"<h1>Not here</h1>", "Not here"),
        (b"<p>Gone &amp; forgotten</p>", "Gone & forgotten"),
        (b"upstream connect error", "upstream connect error"),
        (b'"a JSON text"', "a JSON text"),
        (b'\xef\xbb\xbf {"error":"m"}', "m"),
        (b'event: error\ndata: {"type":"error","error":{"message":"m"}}\n\n', "m"),
        (b'data: {"error":{"message":"m"}}', "m"),
        (b'{"error": {"message": "cut o', '{"error": {"message": "cut o'),
        (b"\xff\xfe broken", "\ufffd\ufffd broken"),
        (b"x" * 10_000, "x" * 500),
    ],
)
def test_a_body_that_is_no_json_object_still_says_something(body: bytes, message: str) -> None:
    found = complaint(body)
    assert found is not None and found.message == message


@pytest.mark.parametrize("body", [b"", b" \n", b"{}", b"[]", b"null", b'{"error":null}', b'{"error":{}}', b'""', b"0"])
def test_a_body_that_says_nothing_holds_no_complaint(body: bytes) -> None:
    assert complaint(body) is None


@pytest.mark.parametrize(
    "value",
    [
        {"id": "1", "choices": [{"delta": {"content": "error"}}], "error": None},
        {"id": "1", "status": "completed", "error": None, "output": [{"type": "message"}]},
        {"candidates": [{"content": {"parts": [{"text": "x"}]}}]},
        {"type": "message", "content": [{"type": "text", "text": "error"}]},
        {"type": "content_block_delta", "delta": {"text": "x"}},
        {"base_resp": {"status_code": 0, "status_msg": "success"}, "choices": [{}]},
        {"code": 0, "message": "SUCCEED", "data": {"task_id": "1"}},
        {"code": 200, "msg": "success", "data": None},
        {"code": "Success", "message": "ok", "output": {}},
        {"model": "m", "message": {"role": "assistant", "content": "x"}, "done": True},
        {"error": "", "data": []},
        {"error": {}, "choices": []},
        {"error": False},
        {"message": "hi", "model": "m", "done": False},
        [],
        [{"text": "x"}],
        "error",
        None,
        7,
        {},
    ],
)
def test_an_answer_that_is_fine_holds_no_complaint(value: Any) -> None:
    assert complaint_in(value) is None


def test_a_complaint_within_complaints_comes_to_an_end() -> None:
    value: Any = {"message": "m"}
    for _ in range(50):
        value = {"error": value}
    complaint_in(value)
    complaint(b'{"error":' * 100_000)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "message", "code", "type", "detail", "details", "errors", "metadata", "raw"]), inner
        )
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from([200, 400, 401, 403, 404, 413, 422, 429, 500, 503]))
def test_any_json_is_understood(value: Any, status: int) -> None:
    found = complaint(json.dumps(value).encode())
    assert found is None or found.message
    assert isinstance(understand(status, {}, found), errors.PiscesError)
    complaint_in(value)


# -- without secrets ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "secret",
    [
        "sk-abcdefgh",
        "sk-proj-Ab_cd-1234567890abcdef",
        "sk-ant-api03-abc_DEF-123",
        "sk-abc***xyz",
        "sk-1234**********************cdef",
        "AIza" + "SyD1234567890abcdefghij",
        "gsk_abcdef1234567890",
        "xai-abcdef1234567890",
        "hf_abcdefGHIJKL",
        "pplx-0123456789abcdef0123456789",
        "Bearer abc.def-123456",
        "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl",
        "0123456789abcdef0123456789abcdef.AbCdEfGh12345678",
        "org-AbCdEf123456789",
        "proj_AbCdEf123456789",
        "user-AbCdEf1234567890",
        "https://internal.example.com:8443/v1/chat?key=abc",
        "http://10.0.0.7:8000/v1",
        "api.upstream.example.com",
        "10.0.0.7:8000",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/x",
        "123456789012",
        "ops@example.com",
    ],
)
def test_h138_a_secret_does_not_survive(secret: str) -> None:
    message = sanitise(f"The request with {secret} was refused: model `m-1` is busy.")
    assert secret.removeprefix("Bearer ") not in message
    assert not any(part in message for part in secret.split("***") if len(part) > 4)
    assert message.startswith("The request with ")
    assert message.endswith(" was refused: model `m-1` is busy.")


@pytest.mark.parametrize(
    ("message", "hidden"),
    [
        ("Incorrect API key provided: not_a_key. You can", "not_a_key"),
        ("Your api key: ****-key is invalid", "-key"),
        ('{"api_key": "hunter22"}', "hunter22"),
        ("access_token=hunter22 expired", "hunter22"),
        ("authorization: Basic aHVudGVyMjI=", "aHVudGVyMjI="),
        ("Rate limit reached in organization 'Acme Corp' on tokens", "Acme"),
        ("API not enabled in project 12345678 before", "12345678"),
        ("projects/acme-prod/locations/us-central1/models/m", "acme-prod"),
        ("Account number 99887766 is closed", "99887766"),
        ("account id: a1b2c3d4 is closed", "a1b2c3d4"),
    ],
)
def test_h138_what_is_called_a_secret_is_one(message: str, hidden: str) -> None:
    assert hidden not in sanitise(message)


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 1048565 tokens. However, you requested 1250025 tokens.",
        "Unsupported value: 'messages[0].role' does not support 'developer' with this model.",
        "Item 'rs_68c42de022c881948db7ed1cc2529f2e0202c9ad459e0d23' of type 'reasoning' was provided alone.",
        "The model `glm-4.5-air` or `voyage-3-large` or `jina-embeddings-v3` does not exist.",
        "models/gemini-2.5-flash is not found for API version v1beta",
        "basic authentication is not supported, use an API key",
        "Missing required parameter: 'messages[1].content[0].type'.",
        "prompt too long (ref: 96164522-08b2-4cbf-886e-e5a38961a688)",
        "user-provided input has 3.14 and 1.0.0 in it",
    ],
)
def test_useful_words_stay(message: str) -> None:
    assert sanitise(message) == message


def test_a_message_is_no_longer_than_a_page() -> None:
    assert len(sanitise("word " * 10_000)) <= 2000


@pytest.mark.parametrize("letter", ["a", "*", "a.", "-", "1", "sk-", "a@", "http://", "<", "key:", "api key", '"', "a-*"])
def test_cleaning_takes_no_time_whatever_is_said(letter: str) -> None:
    before = time.perf_counter()
    sanitise(letter * 20_000)
    complaint((letter * 20_000).encode())
    assert time.perf_counter() - before < 2.0  # a pattern that backtracks takes minutes


# -- what it means -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, errors.BadRequest),
        (401, errors.UpstreamUnauthorized),
        (402, errors.UpstreamUnfunded),
        (403, errors.UpstreamUnauthorized),
        (404, errors.UpstreamModelMissing),
        (405, errors.UpstreamBroken),
        (408, errors.UpstreamTimeout),
        (413, errors.TooLarge),
        (422, errors.BadRequest),
        (424, errors.UpstreamBroken),
        (429, errors.UpstreamRateLimited),
        (451, errors.ContentRefused),
        (500, errors.UpstreamBroken),
        (502, errors.UpstreamBroken),
        (503, errors.UpstreamOverloaded),
        (504, errors.UpstreamTimeout),
        (524, errors.UpstreamTimeout),
        (529, errors.UpstreamOverloaded),
        (302, errors.UpstreamBroken),
        (200, errors.UpstreamBroken),
    ],
)
def test_a_status_alone_means_something(status: int, expected: type[errors.PiscesError]) -> None:
    error = understand(status, {}, None)
    assert type(error) is expected
    assert error.message
    assert not isinstance(error, errors.UpstreamError) or error.upstream_status == status


def body(message: str = "m", code: Any = None, type: str = "") -> dict[str, Any]:
    return {"error": {"message": message, "code": code, "type": type}}


@pytest.mark.parametrize(
    ("status", "value", "expected"),
    [
        (429, body(code="insufficient_quota"), errors.UpstreamUnfunded),
        (400, body(code="insufficient_quota"), errors.UpstreamUnfunded),
        (400, body("Your credit balance is too low to access the API", type="invalid_request_error"), errors.UpstreamUnfunded),
        (400, {"code": "Arrearage", "message": "m"}, errors.UpstreamUnfunded),
        (429, body("余额不足或无可用资源包", "1113"), errors.UpstreamUnfunded),
        (429, body(type="exceeded_current_quota_error"), errors.UpstreamUnfunded),
        (403, body("Insufficient account balance"), errors.UpstreamUnfunded),
        (401, {"detail": {"status": "quota_exceeded", "message": "m"}}, errors.UpstreamUnfunded),
        (
            429,
            {"error": {"code": 429, "message": "You exceeded your current quota", "status": "RESOURCE_EXHAUSTED"}},
            errors.UpstreamRateLimited,
        ),
        (413, body("Request too large: tokens per minute", "rate_limit_exceeded"), errors.UpstreamRateLimited),
        (429, body(type="engine_overloaded_error"), errors.UpstreamOverloaded),
        (500, body("The model is overloaded"), errors.UpstreamOverloaded),
        (400, body("Incorrect API key provided."), errors.UpstreamUnauthorized),
        (
            400,
            {"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}},
            errors.UpstreamUnauthorized,
        ),
        (400, body(code="model_not_found"), errors.UpstreamModelMissing),
        (403, body(code="model_not_found"), errors.UpstreamModelMissing),
        (404, body(code="DeploymentNotFound"), errors.UpstreamModelMissing),
        (400, body("Model Not Exist", "invalid_request_error"), errors.UpstreamModelMissing),
        (400, body("acme/none is not a valid model ID", 400), errors.UpstreamModelMissing),
        (400, body(code="context_length_exceeded"), errors.ContextTooLong),
        (400, body("prompt is too long: 3 tokens > 2 maximum"), errors.ContextTooLong),
        (400, body("Range of input length should be [1, 30720]"), errors.ContextTooLong),
        (400, body("The input token count (12) exceeds the maximum number of tokens allowed (10)."), errors.ContextTooLong),
        (422, body("maximum context length is 8192"), errors.ContextTooLong),
        (500, body("the request exceeds the available context size"), errors.ContextTooLong),
        (400, body(code="content_filter"), errors.ContentRefused),
        (400, {"code": "DataInspectionFailed", "message": "m"}, errors.ContentRefused),
        (400, {"code": "data_inspection_failed", "message": "m"}, errors.ContentRefused),
        (400, body("不安全或敏感内容", "1301"), errors.ContentRefused),
        (400, body("Your request was rejected by our safety system", "moderation_blocked"), errors.ContentRefused),
        (413, body(type="request_too_large"), errors.TooLarge),
        (400, body("This model does not support assistant message prefill."), errors.BadRequest),
        (400, body("max_tokens: 9 > 8, the maximum allowed number of output tokens"), errors.BadRequest),
        (400, {"code": "InvalidParameter", "message": "m"}, errors.BadRequest),
        (400, body(type="invalid_request_error"), errors.BadRequest),
        (500, body(type="invalid_request_error"), errors.UpstreamBroken),
    ],
)
def test_a_code_and_words_overrule_the_status(status: int, value: Any, expected: type[errors.PiscesError]) -> None:
    assert kind(status, value) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (body(code=429), errors.UpstreamRateLimited),
        (body(code=402), errors.UpstreamUnfunded),
        (body(code="502"), errors.UpstreamBroken),
        (body(code=400), errors.BadRequest),
        (body(code="rate_limit_exceeded"), errors.UpstreamRateLimited),
        (body(type="overloaded_error"), errors.UpstreamOverloaded),
        (body(type="invalid_request_error"), errors.BadRequest),
        (body(type="api_error"), errors.UpstreamBroken),
        (body(type="not_found_error"), errors.UpstreamModelMissing),
        (body(type="authentication_error"), errors.UpstreamUnauthorized),
        (body(code="server_error"), errors.UpstreamBroken),
        (body("something else"), errors.UpstreamBroken),
        (body("Rate limit reached"), errors.UpstreamRateLimited),
        ({"error": {"code": 503, "message": "m", "status": "UNAVAILABLE"}}, errors.UpstreamOverloaded),
        ({"error": {"code": 400, "message": "m", "status": "INVALID_ARGUMENT"}}, errors.BadRequest),
        ({"error": {"code": 8, "message": "m", "status": "RESOURCE_EXHAUSTED"}}, errors.UpstreamRateLimited),
        ({"base_resp": {"status_code": 1002, "status_msg": "m"}}, errors.UpstreamRateLimited),
        ({"base_resp": {"status_code": 1004, "status_msg": "m"}}, errors.UpstreamUnauthorized),
        ({"base_resp": {"status_code": 1008, "status_msg": "m"}}, errors.UpstreamUnfunded),
        ({"base_resp": {"status_code": 1026, "status_msg": "m"}}, errors.ContentRefused),
        ({"base_resp": {"status_code": 1027, "status_msg": "m"}}, errors.ContentRefused),
        ({"base_resp": {"status_code": 2013, "status_msg": "m"}}, errors.BadRequest),
        ({"base_resp": {"status_code": 1000, "status_msg": "m"}}, errors.UpstreamBroken),
        ({"code": "Throttling.RateQuota", "message": "m"}, errors.UpstreamRateLimited),
        ({"code": "InvalidApiKey", "message": "m"}, errors.UpstreamUnauthorized),
        ({"code": "InvalidParameter.DataInspection", "message": "m"}, errors.BadRequest),
        ({"code": "Arrearage", "message": "m"}, errors.UpstreamUnfunded),
    ],
)
def test_an_error_under_a_good_status_is_read_by_its_code(value: Any, expected: type[errors.PiscesError]) -> None:
    found = complaint_in(value)
    assert found is not None
    error = understand(200, {}, found)
    assert type(error) is expected


def test_a_bad_request_keeps_what_the_upstream_said() -> None:
    error = understand(
        400, {}, said({"error": {"message": "Unknown parameter: 'x'.", "param": "x", "code": "unknown_parameter"}})
    )
    assert (error.message, error.param, error.code) == ("Unknown parameter: 'x'.", "x", "unknown_parameter")
    assert understand(400, {}, said({"error": {"message": "m", "code": 400}})).code is None


def test_a_refused_credential_is_not_told_as_the_clients() -> None:
    error = understand(401, {}, said(body("Incorrect API key provided: sk-abc***xyz.", "invalid_api_key")))
    assert error.status == 502
    assert "API key" not in error.message
    assert error.details == {"upstream_message": "Incorrect API key provided: [key]"}


def test_an_error_named_in_a_header_is_known() -> None:
    headers = {"x-amzn-ErrorType".lower(): "ThrottlingException:http://internal/"}
    assert isinstance(understand(400, headers, said({"message": "slow"})), errors.UpstreamRateLimited)


NOW = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "20"}, 20.0),
        ({"Retry-After": "20"}, 20.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": NOW}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:27:00 GMT", "date": NOW}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"x-ratelimit-reset-requests": "120ms", "x-ratelimit-reset-tokens": "6m0s"}, 360.0),
        (
            {
                "x-ratelimit-reset-requests": "1h",
                "x-ratelimit-remaining-requests": "9",
                "x-ratelimit-reset-tokens": "1m0.5s",
                "x-ratelimit-remaining-tokens": "0",
            },
            60.5,
        ),
        ({"x-ratelimit-reset": "12"}, 12.0),
        ({"x-ratelimit-reset": "1792567710", "date": NOW}, 30.0),
        ({"x-ratelimit-reset": "1792567710000", "date": NOW}, 30.0),
        ({"x-ratelimit-reset": "1792567710"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait_stands_in_the_headers(headers: dict[str, str], seconds: float | None) -> None:
    assert understand(429, headers, said(body())).retry_after == seconds


def test_how_long_to_wait_stands_in_the_body() -> None:
    delay = {"error": {"code": 429, "message": "m", "details": [{"retryDelay": "48s"}]}}
    assert understand(429, {}, said(delay)).retry_after == 48.0
    assert understand(429, {"retry-after": "3"}, said(delay)).retry_after == 3.0


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Please try again in 20s.", 20.0),
        ("try again in 6m0.5s. Visit", 360.5),
        ("Please retry in 22.5s.", 22.5),
        ("again in 5", None),
    ],
)
def test_how_long_to_wait_stands_in_words(words: str, seconds: float | None) -> None:
    assert understand(429, {}, said(body(words))).retry_after == seconds


# -- recorded ----------------------------------------------------------------------------------------------------------

BY_STATUS: dict[int, set[type[errors.PiscesError]]] = {
    200: {errors.UpstreamOverloaded},
    400: {
        errors.BadRequest,
        errors.ContextTooLong,
        errors.UpstreamModelMissing,
        errors.UpstreamUnauthorized,
        errors.UpstreamUnfunded,
    },
    401: {errors.UpstreamUnauthorized},
    403: {errors.UpstreamUnauthorized},
    404: {errors.UpstreamModelMissing},
    429: {errors.UpstreamRateLimited, errors.UpstreamUnfunded},
    503: {errors.UpstreamOverloaded},
    529: {errors.UpstreamOverloaded},
}


@pytest.mark.corpus
@pytest.mark.skipif(not RECORDED, reason="no recorded exchanges: set PISCES_CORPUS to their folder")
def test_every_recorded_refusal_is_understood() -> None:
    for file in RECORDED:
        answer = json.loads(file.read_text(encoding="utf-8"))["response"]
        text = answer.get("sse") or answer.get("body_text") or json.dumps(answer["body"])
        found = complaint(text.encode())
        assert found is not None and found.message, file.name
        headers = {name.lower(): value for name, value in (answer.get("headers") or {}).items() if isinstance(value, str)}
        assert type(understand(answer["status"], headers, found)) in BY_STATUS[answer["status"]], file.name
