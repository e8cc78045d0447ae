"""The OpenAPI description is what runs: complete, sound, and held to by every answer."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from pisces_proxy.admin.routes import ROUTES
from pisces_proxy.admin.tokens import add
from pisces_proxy.cli.context import open_storage
from pisces_proxy.storage import Attempt, Record

# what a schema cannot say makes valid requests fail: an id that is used twice, a cursor that stands at nothing
CHECKS = ",".join(
    (
        "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
        "response_schema_conformance", "negative_data_rejection", "ignored_auth", "unsupported_method", "allow_header_conformance",
        "use_after_free", "ensure_resource_availability",
    )
)  # fmt: skip


async def described(house) -> dict[str, Any]:
    async with aiohttp.ClientSession() as http, http.get(house.url + "/api/admin/openapi.json") as response:
        assert response.status == 200
        return await response.json()


def references(node: Any) -> Iterator[str]:
    match node:
        case dict():
            yield from (value for key, value in node.items() if key == "$ref")
            for value in node.values():
                yield from references(value)
        case list():
            for value in node:
                yield from references(value)


async def test_every_route_is_described_and_nothing_else(house) -> None:
    told = await described(await house())
    assert told["openapi"] == "3.1.0"
    operations = {(method.upper(), path) for path, item in told["paths"].items() for method in item}
    public = {("GET", "/api/public/spec"), ("GET", "/api/admin/openapi.json")}
    assert operations == {(route.method, route.path) for route in ROUTES} | public
    names = [operation["operationId"] for item in told["paths"].values() for operation in item.values()]
    assert len(set(names)) == len(names)


async def test_every_reference_leads_somewhere(house) -> None:
    told = await described(await house())
    schemas = {f"#/components/schemas/{name}" for name in told["components"]["schemas"]}
    assert set(references(told)) == schemas


async def test_every_status_is_named(house) -> None:
    """A `default` would make every undocumented answer a documented one."""
    told = await described(await house())
    for path, item in told["paths"].items():
        for operation in item.values():
            assert all(re.fullmatch("[2-5][0-9][0-9]", status) for status in operation["responses"])
            if path.startswith("/api/admin/v1"):
                assert {"400", "401", "503"} <= set(operation["responses"])
                assert "security" not in operation


@pytest.mark.slow
async def test_schemathesis_finds_no_answer_that_is_not_described(process, tmp_path) -> None:
    """Valid and invalid requests to every operation, and in sequences."""
    gateway = await process()
    async with open_storage(str(tmp_path / "channels.toml"), None) as storage:
        _, secret = await add(storage, "schemathesis")
        await storage.finish(Record(request_id="0", at=1.0, model="m", attempts=[Attempt(channel="c", upstream_model="m")]))
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "run", f"{gateway.url}/api/admin/openapi.json",
        "--header", f"Authorization: Bearer {secret}", "--max-examples", "20", "--checks", CHECKS,
        "--generation-deterministic", "--no-color",
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    printed, _ = await running.communicate()
    assert running.returncode == 0, printed.decode(errors="replace")[-6000:]
    tested = re.search(r"Tested: (\d+)", printed.decode(errors="replace"))
    assert tested and int(tested[1]) == len(ROUTES) + 1  # and the public description; the schema itself it has read already
