"""Where Google's clients knock, what lists and errors look like, and where Google's own door is."""

from __future__ import annotations

import json
import re
from typing import Any

import pisces_gemini
import pytest
from google.genai import errors as sdk
from pisces_gemini.endpoints import claims_models, endpoints
from pisces_gemini.provider import Google
from plugins.gemini.talk import WIRE, reply

from pisces_proxy import errors
from pisces_proxy.paths import Paths
from pisces_proxy.plugin import Endpoint, Model
from pisces_proxy.usage import Usage

BODY = b'{"contents":[]}'


def found(method: str, path: str) -> tuple[Endpoint, dict[str, str]]:
    """The endpoint of a path, by the rules that `Endpoint` states."""
    for endpoint in endpoints():
        pattern = re.escape(endpoint.path).replace(r"\{", "{").replace(r"\}", "}")
        pattern = re.sub(r"{(\w+):rest}", r"(?P<\1>.+)", pattern)
        pattern = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", pattern)
        if endpoint.method == method and (match := re.fullmatch(pattern, path)):
            return endpoint, match.groupdict()
    raise AssertionError(path)


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
@pytest.mark.parametrize("model", ["gemini-x", "MiniMax/speech", "[M]claude/x:free", "models/gemini-x"])
def test_the_model_may_hold_anything_before_the_last_colon(version: str, model: str) -> None:  # H112
    bare = model.removeprefix("models/")
    endpoint, path = found("POST", f"/{version}/models/{model}:generateContent")
    assert (endpoint.kind, endpoint.peek and endpoint.peek(BODY, path, {})) == ("chat", (bare, False, "sse"))
    endpoint, path = found("POST", f"/{version}/models/{model}:streamGenerateContent")
    assert endpoint.streaming and endpoint.peek
    assert endpoint.peek(BODY, path, {"alt": "sse"}) == (bare, True, "sse")
    assert endpoint.peek(BODY, path, {}) == (bare, True, "array")  # H14
    endpoint, path = found("POST", f"/{version}/models/{model}:countTokens")
    assert (endpoint.kind, endpoint.peek and endpoint.peek(BODY, path, {})) == ("count", (bare, False, "sse"))


@pytest.mark.parametrize(
    "place", ["tunedModels", "publishers/google/models", "projects/p/locations/l/publishers/google/models"]
)
def test_models_live_in_other_places_too(place: str) -> None:
    endpoint, path = found("POST", f"/v1beta/{place}/m:generateContent")
    assert endpoint.peek and endpoint.peek(BODY, path, {})[0] == "m"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"a":' * 3000])
def test_a_body_that_is_no_object_is_refused_at_the_door(body: bytes) -> None:
    endpoint, path = found("POST", "/v1/models/m:generateContent")
    with pytest.raises(errors.BadRequest):
        assert endpoint.peek and endpoint.peek(body, path, {})


@pytest.mark.parametrize(
    ("headers", "query", "ours"),
    [
        ({"x-goog-api-key": "k"}, {}, True),
        ({"x-goog-api-client": "c"}, {}, True),
        ({}, {"key": "k"}, True),
        ({"authorization": "x"}, {}, False),
    ],
)
def test_the_shared_list_is_googles_for_googles_clients(headers: Any, query: Any, ours: bool) -> None:
    assert claims_models(headers, query) is ours
    assert found("GET", "/v1/models")[0].claims is claims_models
    assert found("GET", "/v1beta/models")[0].claims is None
    assert found("GET", "/v1beta/models/a/b")[1] == {"model": "a/b"}


@pytest.mark.parametrize(
    ("model", "operation", "stream", "path"),
    [
        ("gemini-x", "chat", False, "/models/gemini-x:generateContent"),
        ("gemini-x", "chat", True, "/models/gemini-x:streamGenerateContent?alt=sse"),
        ("gemini-x", "count", False, "/models/gemini-x:countTokens"),
        ("[M] a/b?c", "chat", False, "/models/%5BM%5D%20a/b%3Fc:generateContent"),
    ],
)
def test_the_model_and_the_verb_are_in_the_path(model: str, operation: str, stream: bool, path: str) -> None:
    assert WIRE.path("/models/{model}", model, operation, stream) == path
    assert WIRE.count_path("/models/{model}", "m") == "/models/m:countTokens"


ROWS = [Model(id=f"m{number}", context=10 if number else 0) for number in range(3)]


def test_models_are_listed_in_pages() -> None:  # E4
    first = json.loads(WIRE.encode_models(ROWS, {"pageSize": "2"}, b'{"g":1}'))
    assert [row["name"] for row in first["models"]] == ["models/m0", "models/m1"]
    assert "inputTokenLimit" not in first["models"][0] and first["models"][1]["inputTokenLimit"] == 10
    assert first["pisces"] == {"g": 1}
    second = json.loads(WIRE.encode_models(ROWS, {"pageSize": "2", "pageToken": first["nextPageToken"]}, b""))
    assert [row["name"] for row in second["models"]] == ["models/m2"]
    assert "nextPageToken" not in second and "pisces" not in second
    assert json.loads(WIRE.encode_model(ROWS[0], b""))["name"] == "models/m0"


@pytest.mark.parametrize(
    ("model", "method"),
    [
        ("gemini-x", "generateContent"),
        ("gemini-embedding-001", "batchEmbedContents"),
        ("text-embedding-3-small", "embedContent"),
        ("google/imagen-4.0-generate-001", "predict"),
        ("veo-3.1", "predictLongRunning"),
    ],
)
def test_a_model_says_how_it_is_asked(model: str, method: str) -> None:
    assert method in json.loads(WIRE.encode_model(Model(id=model), b""))["supportedGenerationMethods"]


VERBS = [
    ("POST", "models/m:embedContent", "embeddings", "gemini.embed", ("m", False, "one")),
    ("POST", "models/m:batchEmbedContents", "embeddings", "gemini.embed", ("m", False, "sse")),
    ("POST", "publishers/google/models/a/b:predict", "image", "gemini.imagen", ("a/b", False, "sse")),
    ("POST", "models/m:predictLongRunning", "task.create", "gemini.operations", ("m", False, "sse")),
    ("POST", "models/m:fetchPredictOperation", "task.get", "gemini.operations", ("", False, "sse")),
    ("GET", "models/m/operations/task_1", "task.get", "gemini.operations", ("", False, "sse")),
    ("POST", "models/m/operations/task_1:cancel", "task.cancel", "gemini.operations", ("", False, "sse")),
    ("DELETE", "models/m/operations/task_1", "task.delete", "gemini.operations", ("", False, "sse")),
    ("GET", "files/abc:download", "task.content", "gemini.operations", ("", False, "sse")),
]


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1beta1", "v1alpha"])
@pytest.mark.parametrize(("method", "path", "kind", "wire", "peeked"), VERBS, ids=[row[1] for row in VERBS])
def test_every_verb_leads_to_its_wire(method: Any, path: str, version: str, kind: str, wire: str, peeked: Any) -> None:
    found, parameters = Paths(list(endpoints())).find(method, f"/{version}/{path}", {"x-goog-api-key": "k"}, {})
    assert (found.kind, found.wire) == (kind, wire) and found.peek
    assert found.peek(BODY, parameters, {}) == peeked


@pytest.mark.parametrize("query", [{"pageSize": "x"}, {"pageToken": "x"}, {"pageToken": "bm8="}])
def test_a_page_that_does_not_exist_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(errors.BadRequest):
        WIRE.encode_models(ROWS, query, b"")


def test_counted_tokens_are_a_total() -> None:  # E5
    assert WIRE.encode_count(Usage(input=7), reply()) == b'{"totalTokens":7}'
    assert json.loads(WIRE.encode_count(Usage(input=7), reply(extension=b"{}"))) == {"totalTokens": 7, "pisces": {}}


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (errors.BadRequest("x", param="contents[0]"), 400, "INVALID_ARGUMENT"),
        (errors.Unauthenticated("x"), 401, "UNAUTHENTICATED"),
        (errors.BalanceExhausted("x"), 403, "PERMISSION_DENIED"),
        (errors.BalanceExhausted("x", status=429), 429, "RESOURCE_EXHAUSTED"),
        (errors.ModelNotFound("x"), 404, "NOT_FOUND"),
        (errors.MethodNotAllowed("x"), 405, "UNIMPLEMENTED"),
        (errors.Conflict("x"), 409, "ABORTED"),
        (errors.TooLarge("x"), 413, "INVALID_ARGUMENT"),
        (errors.RateLimited("x", retry_after=1.5), 429, "RESOURCE_EXHAUSTED"),
        (errors.GatewayError("x"), 500, "INTERNAL"),
        (errors.UpstreamBroken("x"), 502, "INTERNAL"),
        (errors.NoChannel("x"), 503, "UNAVAILABLE"),
        (errors.UpstreamTimeout("x"), 504, "DEADLINE_EXCEEDED"),
    ],
)
def test_errors_are_in_googles_words(error: errors.PiscesError, code: int, status: str) -> None:  # D2 H122
    http, body = WIRE.encode_error(error, "req_1", b'{"g":1}')
    assert body.startswith(b'{"error":')  # H125
    said = json.loads(body)
    assert (http, said["error"]["code"], said["error"]["status"], said["pisces"]) == (code, code, status, {"g": 1})
    details = {detail["@type"].rpartition(".")[2]: detail for detail in said["error"]["details"]}
    assert details["ErrorInfo"]["metadata"] == {"request_id": "req_1"}
    assert ("RetryInfo" in details) == (error.retry_after is not None)
    assert ("BadRequest" in details) == (error.param is not None)
    kind = sdk.ClientError if code < 500 else sdk.ServerError
    raised = kind(http, said, None)
    assert (raised.code, raised.status, raised.message) == (code, status, "x")


def test_a_rate_limit_says_when_to_come_back() -> None:
    _, body = WIRE.encode_error(errors.RateLimited("x", retry_after=21.2), "r", b"")
    assert {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "22s"} in json.loads(body)["error"]["details"]


def test_headers_and_heartbeats_follow_the_form() -> None:  # B6 H48
    assert WIRE.stream_headers("array")["Content-Type"] == "application/json; charset=utf-8"
    assert WIRE.stream_headers("sse")["Content-Type"] == "text/event-stream; charset=utf-8"
    assert not WIRE.heartbeat_for("sse").strip() and not WIRE.heartbeat_for("array").strip()


def test_the_plugin_brings_wires_their_routes_and_google() -> None:
    wires, (provider,) = list(pisces_gemini.pisces_wires()), pisces_gemini.pisces_providers()
    names = {wire.name for wire in wires}
    spoken = {endpoint.wire for endpoint in pisces_gemini.pisces_endpoints()}
    assert spoken == {"gemini.generate", "gemini.embed", "gemini.imagen", "gemini.operations"} < names
    assert set(provider.wires) == names - {"gemini.operations"}  # for clients only
    assert all(provider.authorize(name, "k") == {"x-goog-api-key": "k"} for name in provider.wires)


@pytest.mark.parametrize(
    ("model", "member", "value"),
    [
        ("gemini-3-pro-preview", "signature", "gemini"),
        ("models/gemini-3-flash-preview", "media_in_results", True),
        ("gemini-2.5-pro", "reasoning_off", False),
        ("gemini-2.0-flash", "schema", "gemini"),
        ("gemini-2.5-flash-image-preview", "tools", False),
        ("something-new", "schema", "gemini_json"),
    ],
)
def test_each_family_has_its_own_row(model: str, member: str, value: Any) -> None:  # A5
    assert getattr(Google().profile(WIRE.name, model, {}), member) == value
