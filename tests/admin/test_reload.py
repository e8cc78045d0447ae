"""The configuration read again, in a process of its own with a file of its own."""

from __future__ import annotations

from pathlib import Path

import aiohttp

from pisces_proxy.admin.tokens import add
from pisces_proxy.cli.context import open_storage

CHANNEL = '\n[[channel]]\nname = "late"\nprovider = "demo"\nmodels = ["late-model"]\n'


async def test_a_valid_file_is_taken_and_one_with_a_mistake_is_refused(process, tmp_path: Path) -> None:
    gateway = await process()
    file = tmp_path / "channels.toml"
    async with open_storage(str(file), None) as storage:
        _, secret = await add(storage, "ops")
    url, headers = gateway.url + "/api/admin/v1", {"Authorization": f"Bearer {secret}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        file.write_text(file.read_text(encoding="utf-8") + CHANNEL, encoding="utf-8")
        async with http.post(url + "/reload") as response:
            assert (response.status, await response.json()) == (200, {"channels": 1})
        file.write_text(file.read_text(encoding="utf-8") + "weigth = 2\n", encoding="utf-8")
        async with http.post(url + "/reload") as response:
            error = (await response.json())["error"]
            assert (response.status, error["code"]) == (422, "invalid_configuration")
            assert "Did you mean 'weight'?" in error["message"]
        async with http.get(url + "/channels") as response:
            assert [row["name"] for row in (await response.json())["data"]] == ["late"]
        async with http.get(url + "/audits") as response:
            assert [row["action"] for row in (await response.json())["data"]][2:] == ["reload"]
