"""What an upstream's refusal means."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pisces_proxy import errors
from pisces_proxy.refusals import Complaint, complaint, complaint_in, of_task, understand

CORPUS = Path(os.environ.get("PISCES_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus") / "errors"
RECORDED = sorted(CORPUS.glob("*.json"))


def said(value: Any) -> Complaint:
    found = complaint(json.dumps(value).encode())
    assert found is not None
    return found


def kind(status: int, value: Any, **headers: str) -> type[errors.PiscesError]:
    return type(understand(status, headers, said(value)))


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


@pytest.mark.parametrize(
    "value",
    [
        body("messages.1.content.0: Invalid `signature` in `thinking` block", type="invalid_request_error"),
        body("messages.3.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`."),
        body("The encrypted content gAAA... could not be verified.", "invalid_encrypted_content"),
        body("Function call is missing a thought_signature in functionCall parts.", type="INVALID_ARGUMENT"),
        body("Corrupted thought signature."),
        body("Each thinking block must carry the signature it was made with"),
    ],
)
def test_h81_a_refused_signature_is_told_apart_from_a_bad_request(value: dict[str, object]) -> None:
    assert kind(400, value) is errors.ProofRefused
    assert kind(200, value) is errors.ProofRefused


@pytest.mark.parametrize(
    "message", ["The request signature is wrong.", "tools[0]: bad function signature", "thinking.budget_tokens: too low"]
)
def test_not_every_signature_is_one_of_thinking(message: str) -> None:
    assert kind(400, body(message)) is errors.BadRequest


@pytest.mark.parametrize(
    ("code", "message", "told"),
    [
        ("DataInspectionFailed", "Output data may contain inappropriate content.", "content_policy"),
        ("InternalError.Algo", "Something broke.", "InternalError.Algo"),
        ("InvalidApiKey", "Invalid API-key provided.", "upstream"),
        ("Arrearage", "Access denied, the account is overdue.", "no_channel"),
        ("", "", "failed"),
    ],
)
def test_a_task_that_failed_tells_its_owner_why_and_nothing_of_our_account(code: str, message: str, told: str) -> None:
    found, words = of_task(code, message)
    assert found == told and words
    assert "key" not in words.lower() and "overdue" not in words
