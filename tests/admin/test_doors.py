"""Who gets in, and how a mistake is told."""

from __future__ import annotations

from io import BytesIO

import aiohttp
import pytest

ROOT = "/api/admin/v1"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "missing_token"),
        ("", "missing_token"),
        ("Basic abc", "missing_token"),
        ("Bearer", "missing_token"),
        ("Bearer pisces-admin-guessed", "invalid_token"),
    ],
)
@pytest.mark.parametrize("path", ["/accounts", "/nowhere"])
async def test_nobody_gets_in_without_an_admin_token(house, path, header, code) -> None:
    found = await house()
    headers = {} if header is None else {"Authorization": header}
    async with aiohttp.ClientSession() as http, http.get(found.url + ROOT + path, headers=headers) as response:
        assert response.status == 401
        assert (await response.json())["error"]["code"] == code
        assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_a_clients_key_is_no_admin_token_and_an_admin_token_is_no_clients_key(house, hire) -> None:
    found = await house()
    operator = await hire(found)
    async with aiohttp.ClientSession() as http:
        async with http.get(found.url + ROOT + "/keys", headers={"Authorization": f"Bearer {found.key}"}) as response:
            assert response.status == 401
        async with http.get(found.url + "/v1/models", headers={"Authorization": f"Bearer {operator.secret}"}) as response:
            assert response.status == 401


async def test_a_token_is_stored_hashed(house, hire) -> None:
    found = await house()
    operator = await hire(found)
    written = await found.storage.setting("admin_tokens")
    assert "ops" in written and operator.secret not in written and operator.secret.removeprefix("pisces-admin-") not in written


async def test_a_token_that_is_taken_away_is_refused_at_once(house, hire) -> None:
    from pisces_proxy.admin.tokens import remove

    found = await house()
    operator = await hire(found)
    await operator.get("/accounts")
    assert await remove(found.storage, "ops")
    assert (await operator("GET", "/accounts")).status == 401
    assert not await remove(found.storage, "ops")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "param", "says"),
    [
        ("GET", "/acounts", None, 404, "not_found", None, "openapi.json"),
        ("PUT", "/accounts", None, 405, "method_not_allowed", None, "GET, POST"),
        ("GET", "/accounts/nobody", None, 404, "account_not_found", None, "'nobody'"),
        ("GET", "/accounts?limt=3", None, 400, "unknown_parameter", "limt", "Did you mean `limit`?"),
        ("GET", "/accounts?limit=0", None, 400, "invalid_value", "limit", "1"),
        ("GET", "/accounts?limit=1001", None, 400, "invalid_value", "limit", "1000"),
        ("GET", "/accounts?cursor=nobody", None, 400, "invalid_cursor", "cursor", "Begin again"),
        ("GET", "/requests?cursor=req_0", None, 400, "invalid_cursor", "cursor", "Begin again"),
        ("GET", "/usage?since=yesterday", None, 400, "invalid_value", "since", "RFC 3339"),
        ("GET", "/usage?until=null", None, 400, "invalid_value", "until", "RFC 3339"),
        ("GET", "/tasks?type=null", None, 400, "invalid_value", "type", "null"),
        ("GET", "/usage?since=2030", None, 400, "invalid_value", "since", "RFC 3339"),
        ("GET", "/requests?since=2030-01-31T12:00:00", None, 400, "invalid_value", "since", "zone"),
        ("GET", "/usage?by=day&by=key", None, 400, "repeated_parameter", "by", "twice"),
        ("GET", "/usage?by=weather", None, 400, "invalid_value", "by", "weather"),
        ("POST", "/accounts", {"nam": "a"}, 400, "unknown_member", "nam", "Did you mean `name`?"),
        ("POST", "/accounts", {}, 400, "missing_member", "name", "`name` is missing"),
        ("POST", "/accounts", {"name": 1}, 400, "invalid_value", "name", "Expected `str`"),
        ("POST", "/accounts", {"name": "a\u0000b"}, 400, "invalid_value", "name", "printable"),
        ("POST", "/accounts", {"name": "a/b"}, 400, "invalid_value", "name", "letters, digits"),
        ("POST", "/accounts", {"name": "a" * 101}, 400, "invalid_value", "name", "1 to 100"),
        ("POST", "/reload", {"wait": 5}, 400, "unknown_member", "wait", "no member `wait`"),
        ("POST", "/accounts", {"name": "default"}, 409, "name_taken", "name", "exists already"),
        ("POST", "/accounts", [], 400, "invalid_value", None, "Expected `object`"),
        ("POST", "/keys", {"name": "k", "account": "nobody"}, 404, "account_not_found", "account", "'nobody'"),
        ("POST", "/keys", {"name": "default"}, 409, "name_taken", "name", "exists already"),
        ("POST", "/keys", {"name": "k", "networks": ["here"]}, 400, "invalid_value", "networks", "here"),
        ("POST", "/keys", {"name": "k", "expires_at": "0001-01-01T00:00:00+14:00"}, 400, "invalid_value", "expires_at", "1970"),
        ("PATCH", "/keys/default", {"rpm": -1}, 400, "invalid_value", "rpm", "0"),
        ("DELETE", "/keys/nobody", None, 404, "key_not_found", None, "'nobody'"),
        ("POST", "/accounts/default/credits", {"id": "c", "usd": "1", "amount_nano": 1}, 400, "invalid_value", "amount_nano", "either"),
        ("POST", "/accounts/default/credits", {"id": "c"}, 400, "invalid_value", "amount_nano", "either"),
        ("POST", "/accounts/default/credits", {"id": "c", "usd": "0.0"}, 400, "invalid_value", "usd", ""),
        ("POST", "/accounts/default/credits", {"id": "c", "usd": "1e3"}, 400, "invalid_value", "usd", ""),
        ("POST", "/accounts/default/credits", {"id": "c", "usd": "0.0000000001"}, 400, "invalid_value", "usd", ""),
        ("POST", "/channels/nowhere/disable", None, 404, "channel_not_found", None, "'nowhere'"),
        ("GET", "/requests/req_0", None, 404, "request_not_found", None, "'req_0'"),
    ],
)  # fmt: skip
async def test_a_mistake_is_told_with_its_place_and_the_way_out(
    operator, method, path, body, status, code, param, says
) -> None:
    answer = await operator(method, path, body)
    assert set(answer.body) == {"error"} and set(answer.body["error"]) == {"code", "message", "param"}
    error = answer.body["error"]
    assert (answer.status, error["code"], error["param"]) == (status, code, param), error
    assert says in error["message"]
    if status == 405:
        assert answer.headers["allow"] == "GET, POST"


@pytest.mark.parametrize(
    ("data", "headers", "status"),
    [
        (b"{", {"Content-Type": "application/json"}, 400),
        (b"", {"Content-Type": "application/json"}, 400),
        (b'{"name": "\\ud800"}', {"Content-Type": "application/json"}, 400),
        (b'{"name": "\xff"}', {"Content-Type": "application/json"}, 400),
        (b"[" * 100_000, {"Content-Type": "application/json"}, 400),
        (b'{"name": "a"}', {"Content-Type": "text/plain"}, 415),
        (b'{"name": "a"}', {"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415),
        (b" " * (2**20 + 1), {"Content-Type": "application/json"}, 413),
    ],
    ids=["cut", "empty", "half a character", "not UTF-8", "deep", "text", "not gzip", "large"],
)
async def test_a_body_that_cannot_be_read_is_refused(operator, data, headers, status) -> None:
    answer = await operator("POST", "/accounts", data=BytesIO(data), headers=headers)
    assert answer.status == status, answer.body
    assert answer.body["error"]["message"]


async def test_browsers_may_ask_where_the_configuration_lets_them(house, hire) -> None:
    operator = await hire(await house(server='cors = ["https://console.example"]'))
    asked = await operator("OPTIONS", "/accounts", headers={"Origin": "https://console.example"})
    assert asked.status == 204 and "PATCH" in asked.headers["access-control-allow-methods"]
    other = await operator("GET", "/accounts", headers={"Origin": "https://other.example"})
    assert "access-control-allow-origin" not in other.headers


async def test_an_answer_is_kept_by_nobody_and_has_a_request_id(operator) -> None:
    answer = await operator("GET", "/accounts")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"].startswith("req_")
    assert (await operator("HEAD", "/accounts")).status == 200


async def test_a_database_that_is_gone_is_a_503_that_says_so(house, hire) -> None:
    found = await house()
    operator = await hire(found)
    await found.storage.close()
    answer = await operator("GET", "/accounts")
    assert (answer.status, answer.body["error"]["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/usage?by=hour", "One of model, key, channel, account, day"),
        ("/usage?byy=day", "Did you mean `by`?"),
        ("/usage?since=yesterday", "Write 2030-01-31T12:00:00Z"),
        ("/usage?limit=0", "`limit`: Expected `int` >= 1"),
    ],
)
async def test_a_mistake_in_a_query_is_told_with_what_would_be_right(operator, path, told) -> None:
    answer = await operator("GET", path)
    assert answer.status == 400 and told in answer.body["error"]["message"]


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("/keys", {"name": "k", "quota_period": "week"}, "One of total, day, month"),
        ("/accounts/default/credits", {"id": "i", "usd": "-2"}, 'dollars are written as "12.50"'),
        ("/accounts/default/credits", {"id": "i", "usd": "0.1234567891"}, "at most nine decimals"),
        ("/accounts/default/credits", {"id": "i"}, "Send either `amount_nano` or `usd`"),
        ("/accounts/default/credits", {"usd": "1"}, "The member `id` is missing"),
        ("/accounts", {"name": "a", "credit_line": 5}, "Did you mean `credit_line_nano`?"),
    ],
)
async def test_a_mistake_in_a_body_is_told_with_what_would_be_right(operator, path, body, told) -> None:
    answer = await operator("POST", path, body)
    assert answer.status == 400 and told in answer.body["error"]["message"]
