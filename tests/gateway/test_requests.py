"""What comes in and what goes out: credentials, headers, dialects, bad input."""

from __future__ import annotations

import asyncio
import gzip
import json

import aiohttp
import brotli
import pytest
from gateways import channel
from upstreams import script
from upstreams.vendors import VENDORS, AnthropicMessages, OpenAIChat

from gateway.asking import NAMES, dialect
from pisces_proxy.keys import digest, new_secret
from pisces_proxy.storage import Key

BY_WIRE = {vendor.wire: vendor for vendor in VENDORS}
CREDENTIALS = ["Authorization", "x-api-key", "x-goog-api-key", "api-key", "?key=", "api_key"]


async def asked(house, only, wire: str, how: str, **more: str) -> tuple[int, dict[str, str], str]:
    """One request with its key in this place."""
    question = dialect(wire, only.vendor.model)
    headers, path, body = dict(more), question.path, dict(question.body)
    match how:
        case "Authorization":
            headers["Authorization"] = f"Bearer {house.key}"
        case "?key=":
            path += f"?key={house.key}"
        case "api_key":
            body["api_key"] = house.key
        case name:
            headers[name] = house.key
    async with aiohttp.ClientSession() as http, http.post(house.url + path, json=body, headers=headers) as response:
        return response.status, {name.lower(): value for name, value in response.headers.items()}, await response.text()


@pytest.mark.parametrize("how", CREDENTIALS)
@pytest.mark.parametrize("wire", NAMES)
async def test_every_place_for_a_key_works_on_every_route_and_none_reaches_the_upstream(
    house, upstream, capfd, wire, how
) -> None:
    only = await upstream(BY_WIRE[wire]())
    only.play(script.text)
    found = await house(channel(only))
    status, _, body = await asked(found, only, wire, how)
    assert status == 200, body
    received = only.last
    everything = json.dumps([received.headers, received.path, received.query]) + received.raw.decode()
    assert found.key not in everything and "api_key" not in received.body
    assert found.key not in body
    record = await found.record()
    assert found.key not in repr(record)
    out, err = capfd.readouterr()
    assert found.key not in out + err  # H110, H138


async def test_nothing_of_the_clients_surroundings_reaches_an_upstream(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text)
    found = await house(channel(only))
    theirs = {
        "Cookie": "session=1",
        "X-Forwarded-For": "10.0.0.1",
        "X-Stainless-Lang": "python",
        "CF-Ray": "1",
        "OpenAI-Organization": "org-theirs",
        "User-Agent": "their-client/1.0",
        "X-Request-Id": "their-id",
    }
    status, headers, _ = await asked(found, only, "openai.chat", "Authorization", **theirs)
    assert status == 200
    sent = only.last.headers
    assert not {name.lower() for name in theirs} & set(sent), sent
    assert sent["authorization"] == "Bearer upstream-key"
    assert headers["x-client-request-id"] == "their-id"


@pytest.mark.parametrize("wire", NAMES)
async def test_every_answer_carries_its_request_id_and_the_pisces_object(house, upstream, wire: str) -> None:
    only = await upstream(BY_WIRE[wire]())
    only.play(script.text)
    found = await house(channel(only, name="default-poe"))
    _status, headers, body = await asked(found, only, wire, "x-api-key")
    told = json.loads(body)
    assert headers["x-request-id"] == headers["request-id"]
    extension = told["pisces"]
    assert extension["gateway"] == "Pisces" and extension["channel"] == "default-poe"
    assert extension["request_id"] == headers["x-request-id"] and isinstance(extension["timestamp"], int)
    assert not {"server", "set-cookie"} & {name for name in headers if headers[name] != "pisces"}


async def test_the_pisces_object_can_be_switched_off(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text)
    found = await house(channel(only), server="extension = false")
    _, _, body = await asked(found, only, "openai.chat", "x-api-key")
    assert "pisces" not in json.loads(body)


@pytest.mark.parametrize("wire", NAMES)
async def test_a_missing_key_is_a_401_in_the_dialect_of_the_route(house, upstream, wire: str) -> None:
    only = await upstream(BY_WIRE[wire]())
    found = await house(channel(only))
    question = dialect(wire, only.vendor.model)
    async with aiohttp.ClientSession() as http, http.post(found.url + question.path, json=question.body) as response:
        told = await response.json()
    assert response.status == 401
    match wire:
        case "anthropic.messages":
            assert told["type"] == "error" and told["error"]["type"] == "authentication_error"
        case "gemini.generate":
            assert told["error"]["code"] == 401 and told["error"]["status"] == "UNAUTHENTICATED"
        case _:
            assert told["error"]["type"] == "invalid_request_error"
    assert only.received == []


async def test_the_langchain_sample_is_told_cause_and_cure(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    found = await house(channel(only))
    question = dialect("openai.chat", only.vendor.model)
    async with (
        aiohttp.ClientSession(headers={"Authorization": "Bearer Pisces"}) as http,
        http.post(found.url + question.path, json=question.body) as response,
    ):
        message = (await response.json())["error"]["message"]
    assert response.status == 401 and "default_headers" in message and "LangChain" in message


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"enabled": False}, 401, "api_key_disabled"),
        ({"expires_at": 1.0}, 401, "api_key_expired"),
        ({"networks": ("10.0.0.0/8",)}, 403, "ip_not_allowed"),
        ({"models": ("another",)}, 403, "model_not_allowed"),
    ],
)
async def test_a_key_that_may_not_is_told_why(house, upstream, more: dict[str, object], status: int, code: str) -> None:
    only = await upstream(OpenAIChat())
    found = await house(channel(only))
    secret = new_secret()
    await found.storage.add_key(Key(id="k2", name="k2", account="default", digest=digest(secret), **more))  # type: ignore[arg-type]
    found.key = secret
    got, _, body = await asked(found, only, "openai.chat", "Authorization")
    assert got == status and json.loads(body)["error"]["code"] == code, body
    assert only.received == []


async def test_a_test_key_is_served_by_the_demo_only(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    found = await house(channel(only))
    secret = new_secret()
    await found.storage.add_key(Key(id="k2", name="k2", account="default", digest=digest(secret), kind="test"))
    found.key = secret
    status, headers, body = await asked(found, only, "openai.chat", "Authorization")
    assert status == 200 and headers["x-pisces-channel"] == "demo", body
    assert only.received == []
    assert "test_key" in (await found.record()).flags


async def test_a_running_gateway_sees_a_key_change_within_a_second(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    only.play(script.text)
    found = await house(channel(only))
    assert (await asked(found, only, "openai.chat", "Authorization"))[0] == 200
    (key,) = await found.storage.keys()
    await found.storage.change_key(key.id, {"enabled": False})
    await asyncio.sleep(1.0)
    assert (await asked(found, only, "openai.chat", "Authorization"))[0] == 401


BAD = {
    "not JSON": (b"{nope", 400),
    "empty": (b"", 400),
    "a list": (b"[]", 400),
    "no model": (b'{"messages":[]}', 400),
    "model of the wrong type": (b'{"model":5}', 400),
    "deep": (b'{"model":"m","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    "invalid UTF-8": b'{"model":"m","messages":[{"role":"user","content":"\xff\xfe"}]}',
    "a number that is none": (b'{"model":"m","temperature":NaN}', 400),
}


@pytest.mark.parametrize("wire", ["openai.chat", "openai.responses", "anthropic.messages"])
@pytest.mark.parametrize("what", BAD)
async def test_bad_input_gets_a_clear_400_and_the_next_request_works(house, upstream, wire: str, what: str) -> None:
    only = await upstream(BY_WIRE["anthropic.messages" if wire != "anthropic.messages" else "openai.chat"]())
    only.play(script.text)
    found = await house(channel(only))
    sent = BAD[what] if isinstance(BAD[what], bytes) else BAD[what][0]
    sent = sent.replace(b'"m"', json.dumps(only.vendor.model).encode())
    question = dialect(wire, only.vendor.model)
    async with aiohttp.ClientSession(headers={"x-api-key": found.key, "Content-Type": "application/json"}) as http:
        async with http.post(found.url + question.path, data=sent) as response:
            told = await response.json()
            assert response.status == 400, told
            assert told["error"]["message"]
        async with http.post(found.url + question.path, json=question.body) as response:
            assert response.status == 200, await response.text()


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("br", brotli.compress), ("deflate", None), ("zstd", None)],
    ids=lambda v: str(v)[:8],
)
async def test_compressed_bodies_are_read(house, upstream, encoding: str, pack) -> None:
    import zlib

    from backports import zstd

    pack = pack or {"deflate": zlib.compress, "zstd": zstd.compress}[encoding]
    only = await upstream(OpenAIChat())
    only.play(script.text)
    found = await house(channel(only))
    question = dialect("openai.chat", only.vendor.model)
    headers = {"x-api-key": found.key, "Content-Type": "application/json", "Content-Encoding": encoding}
    async with aiohttp.ClientSession(headers=headers) as http:
        async with http.post(found.url + question.path, data=pack(json.dumps(question.body).encode())) as response:
            assert response.status == 200, await response.text()
        async with http.post(found.url + question.path, data=b"certainly not compressed") as response:
            assert response.status in (400, 415)


async def test_a_body_that_is_too_large_is_a_413_in_the_dialect_of_the_route(house, upstream) -> None:
    only = await upstream(AnthropicMessages())
    found = await house(channel(only), server='max_body = "10KB"')
    async with aiohttp.ClientSession(headers={"x-api-key": found.key}) as http:
        for data in (b"x" * 20_000, _chunks()):
            async with http.post(found.url + "/v1/messages", data=data) as response:
                told = await response.json()
                assert response.status == 413 and told["error"]["type"] == "request_too_large"


async def _chunks():
    for _ in range(20):
        yield b"x" * 1000


@pytest.mark.parametrize(
    ("method", "path", "status", "member"),
    [
        ("GET", "/v1/chat/completions", 405, ("error", "type")),
        ("POST", "/v1/nothing", 404, ("error", "type")),
        ("GET", "/v1/messages", 405, ("type",)),
        ("POST", "/v1/messages/nothing", 404, ("type",)),
        ("POST", "/v1beta/nothing", 404, ("error", "status")),
        ("GET", "/", 404, ("error", "type")),
        ("DELETE", "/v1/responses/resp_1", 404, ("error", "type")),
    ],
)
async def test_404_and_405_have_the_shape_of_the_nearest_protocol(house, upstream, method, path, status, member) -> None:
    only = await upstream(OpenAIChat())
    found = await house(channel(only))
    async with aiohttp.ClientSession(headers={"x-api-key": found.key}) as http:
        async with http.request(method, found.url + path) as response:
            told = await response.json()
    assert response.status == status, told
    for name in member:
        told = told[name]
    assert isinstance(told, str)
    assert response.headers["x-request-id"].startswith("req_")


async def test_head_options_and_health_need_no_key(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    found = await house(channel(only))
    async with aiohttp.ClientSession() as http:
        async with http.head(found.url + "/") as response:
            assert response.status == 200
        headers = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
        async with http.options(found.url + "/v1/chat/completions", headers=headers) as response:
            assert response.status == 204 and response.headers["Access-Control-Allow-Origin"] == "*"
            assert "POST" in response.headers["Access-Control-Allow-Methods"]
        for path in ("/healthz", "/readyz"):
            async with http.get(found.url + path) as response:
                assert (await response.json())["status"] == "ok"


async def test_a_websocket_attempt_is_sent_to_http_at_once(house, upstream) -> None:
    only = await upstream(OpenAIChat())
    found = await house(channel(only))
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Authorization": f"Bearer {found.key}"}
    async with aiohttp.ClientSession() as http, http.get(found.url + "/v1/responses", headers=headers) as response:
        assert response.status == 426


async def test_a_request_that_is_not_http_does_not_put_its_key_into_the_log(house, upstream, caplog, capfd) -> None:
    only = await upstream(OpenAIChat())
    found = await house(channel(only))
    reader, writer = await asyncio.open_connection("127.0.0.1", int(found.url.rpartition(":")[2]))
    writer.write(b"POST /v1/x HTTP/1.1\r\nAuthorization: Bearer " + found.key.encode() + b"\r\nBad Header\x01: x\r\n\r\n")
    assert b"400" in await reader.readline()
    writer.close()
    await asyncio.sleep(0.05)
    out, err = capfd.readouterr()
    assert found.key not in out + err + caplog.text


@pytest.mark.parametrize("strict", [False, True])
async def test_a_knob_the_target_lacks_is_listed_or_refused_when_strict(house, upstream, strict: bool) -> None:
    only = await upstream(AnthropicMessages())
    only.play(script.text)
    found = await house(channel(only))
    body = {**dialect("openai.chat", only.vendor.model).body, "seed": 7}
    headers = {"x-api-key": found.key, **({"Pisces-Strict": "true"} if strict else {})}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(found.url + "/v1/chat/completions", json=body) as response,
    ):
        told = await response.json()
    if strict:
        assert response.status == 400 and "seed" in told["error"]["message"]
        assert only.received == []
    else:
        assert response.status == 200 and response.headers["x-pisces-warnings"].startswith("seed;dropped;")
        assert told["pisces"]["warnings"][0]["field"] == "seed"
        assert any(warning.startswith("seed;") for warning in (await found.record()).warnings)


@pytest.mark.parametrize("vendor", VENDORS)
async def test_what_reading_a_request_lost_is_told_once(house, upstream, vendor) -> None:
    only = await upstream(vendor())
    only.play(script.text)
    found = await house(channel(only))
    body = {**dialect("openai.responses", only.vendor.model).body, "store": True}
    async with (
        aiohttp.ClientSession(headers={"x-api-key": found.key}) as http,
        http.post(found.url + "/v1/responses", json=body) as response,
    ):
        assert response.status == 200
        assert response.headers.get("x-pisces-warnings", "").count("store;dropped;") == (only.vendor.wire != "openai.responses")
