"""What an error body says, whatever its shape, without secrets."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pisces_proxy import errors
from pisces_proxy.complaints import Complaint, complaint, complaint_in, sanitise
from pisces_proxy.refusals import understand


def said(value: Any) -> Complaint:
    found = complaint(json.dumps(value).encode())
    assert found is not None
    return found


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


@example({"error": "\x1f"}, 200)
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
