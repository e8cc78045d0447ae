"""For authors of plugins: contracts as tests. Subclass one in a test module and say what it is to test."""

from __future__ import annotations

import asyncio
import os
import pkgutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, ClassVar

import msgspec
import pytest
import pytest_asyncio

from .errors import StorageUnavailable
from .storage import Account, Attempt, GroupBy, Key, Record, Storage
from .usage import Usage

FULL_KEY = Key(
    id="key_1",
    name="alice",
    account="acme",
    digest="ab" * 32,
    hint="wxyz",
    kind="test",
    models=("gpt-4o", "[M]claude"),
    rpm=60,
    tpm=1000,
    concurrency=3,
    quota_nano=5_000_000_000,
    expires_at=1_900_000_000.5,
    networks=("10.0.0.0/8", "::1/128"),
    enabled=False,
    created_at=1_700_000_000.25,
)
FULL_RECORD = Record(
    request_id="req_1",
    at=1_700_000_000.125,
    key="key_1",
    account="acme",
    endpoint="/v1/messages",
    model="模型",
    upstream_model="model-1",
    channel="main",
    provider="vendor",
    protocol="a.wire",
    upstream_protocol="another.wire",
    stream=True,
    status=499,
    error="timeout",
    usage=Usage(input=9, cached_input=1, cache_write=2, cache_write_1h=1, audio_input=1, image_input=1, tool_input=1,
                output=8, reasoning=3, audio_output=1, image_output=1, searches=2, estimated=True),
    cost_nano=2**62,
    price_lines=[{"unit": "input", "nano": 3}],
    warnings=["top_k;dropped;unsupported"],
    flags=["client_left"],
    attempts=[Attempt(channel="main", upstream_model="model-1", status=200, started_ms=1.5, first_byte_ms=2.5, total_ms=3.5)],
    total_ms=4.5,
    first_byte_ms=2.5,
    upstream_ms=3.5,
    client_request_id="mine",
)  # fmt: skip


class StorageContract:
    """What every storage must do.

        class TestMine(StorageContract):
            factory = "my_plugin:pisces_storage"      # the hook itself, found again in other processes

            @pytest.fixture
            def url(self, tmp_path):                  # an empty database that several processes can open
                return f"mine://{tmp_path}"

            @pytest.fixture
            def unusable_urls(self, tmp_path): ...    # databases that cannot be used: damaged, not there, read-only
    """

    factory: ClassVar[str]
    pytestmark = pytest.mark.asyncio

    @pytest.fixture
    def unusable_urls(self) -> Sequence[str]:
        return ()

    @pytest_asyncio.fixture
    async def storage(self, url: str) -> AsyncIterator[Storage]:
        async with self.opened(url) as storage:
            yield storage

    def opened(self, url: str) -> AbstractAsyncContextManager[Storage]:
        return _opened(self.factory, url)

    # -- accounts and keys

    async def test_an_account_is_found_as_it_was_added(self, storage: Storage) -> None:
        account = Account(name="acme", unlimited=True, created_at=5.5)
        await storage.add_account(account)
        assert await storage.find_account("acme") == account
        assert await storage.find_account("ACME") is None
        assert list(await storage.accounts()) == [account]

    async def test_adding_the_same_again_changes_nothing_and_another_of_that_name_is_refused(self, storage: Storage) -> None:
        for _ in range(2):
            await storage.add_account(Account(name="acme"))
            await storage.add_key(FULL_KEY)
        with pytest.raises(ValueError, match="acme"):
            await storage.add_account(Account(name="acme", unlimited=True))
        with pytest.raises(ValueError, match="alice"):
            await storage.add_key(msgspec.structs.replace(FULL_KEY, id="key_2", digest="cd" * 32))
        with pytest.raises(ValueError):
            await storage.add_key(msgspec.structs.replace(FULL_KEY, id="key_2", name="bob"))
        assert [key.id for key in await storage.keys()] == ["key_1"]

    @pytest.mark.parametrize("key", [FULL_KEY, Key(id="key_1", name="n", account="a", digest="00")], ids=["full", "bare"])
    async def test_a_key_is_found_by_its_digest_as_it_was_added(self, storage: Storage, key: Key) -> None:
        await storage.add_key(key)
        assert await storage.find_key(key.digest) == key
        assert await storage.find_key("nobody") is None
        assert list(await storage.keys()) == [key]

    @pytest.mark.parametrize(
        "changes",
        [{"enabled": True}, {"digest": "ef" * 32, "hint": "1234"}, {"models": None, "networks": ()}, {"expires_at": None}, {}],
        ids=lambda changes: "+".join(changes) or "nothing",
    )
    async def test_a_key_changes_in_the_named_fields_only(self, storage: Storage, changes: dict[str, Any]) -> None:
        await storage.add_key(FULL_KEY)
        expected = msgspec.structs.replace(FULL_KEY, **changes)
        assert await storage.change_key("key_1", changes) == expected
        assert await storage.change_key("key_1", changes) == expected
        assert await storage.find_key(expected.digest) == expected

    async def test_a_change_that_cannot_be_is_refused(self, storage: Storage) -> None:
        await storage.add_key(FULL_KEY)
        await storage.add_key(Key(id="key_2", name="bob", account="acme", digest="cd" * 32))
        impossible: list[dict[str, object]] = [{"colour": "red"}, {"id": "key_3"}, {"rpm": "many"}, {"name": "bob"}]
        for changes in impossible:
            with pytest.raises(ValueError):
                await storage.change_key("key_1", changes)
        assert await storage.change_key("key_9", {"enabled": True}) is None
        assert await storage.find_key(FULL_KEY.digest) == FULL_KEY

    async def test_a_deleted_key_is_gone(self, storage: Storage) -> None:
        await storage.add_key(FULL_KEY)
        assert await storage.delete_key("key_1") is True
        assert await storage.delete_key("key_1") is False
        assert await storage.find_key(FULL_KEY.digest) is None

    # -- settings and secrets

    async def test_a_setting_is_kept_until_it_is_taken_away(self, storage: Storage) -> None:
        assert await storage.setting("off") is None
        for value in ("[]", "[1]", "", None):
            await storage.set_setting("off", value)
            assert await storage.setting("off") == value

    async def test_a_secret_is_made_once(self, storage: Storage, url: str) -> None:
        first, *others = await asyncio.gather(*(storage.secret("seals") for _ in range(10)))
        assert len(first) == 32
        assert set(others) == {first}
        assert await storage.secret("other") != first
        async with self.opened(url) as second:
            assert await second.secret("seals") == first

    async def test_the_version_changes_with_keys_accounts_and_settings_only(self, storage: Storage) -> None:
        changes: list[Callable[[], Awaitable[object]]] = [
            lambda: storage.add_account(Account(name="acme")),
            lambda: storage.add_key(FULL_KEY),
            lambda: storage.change_key("key_1", {"enabled": True}),
            lambda: storage.delete_key("key_1"),
            lambda: storage.set_setting("off", "1"),
            lambda: storage.set_setting("off", None),
        ]
        for change in changes:
            before = await storage.version()
            await change()
            assert await storage.version() != before
        await storage.set_setting("off", "2")
        before = await storage.version()
        await storage.set_setting("off", "2")
        await storage.finish(FULL_RECORD)
        await storage.ready()
        assert await storage.version() == before

    # -- records

    async def test_a_record_is_found_as_it_was_finished(self, storage: Storage) -> None:
        for record in (FULL_RECORD, Record(request_id="req_2", at=1.0)):
            await storage.finish(record)
            assert await storage.record(record.request_id) == record
        assert await storage.record("req_3") is None

    async def test_a_second_row_for_a_request_changes_nothing(self, storage: Storage) -> None:
        await storage.finish(_record(1, cost_nano=5))
        await storage.finish(_record(1, cost_nano=6, at=99.0))
        assert [record.cost_nano for record in await storage.records()] == [5]

    async def test_records_come_newest_first_and_filtered(self, storage: Storage) -> None:
        for n in range(6):
            await storage.finish(_record(n, at=float(n), key=f"k{n % 2}", account=f"a{n % 3}", model=f"m{n}", channel="c"))
        asked: list[tuple[dict[str, Any], list[int]]] = [
            ({}, [5, 4, 3, 2, 1, 0]),
            ({"since": 2.0, "until": 4.0}, [3, 2]),
            ({"limit": 2}, [5, 4]),
            ({"key": "k1"}, [5, 3, 1]),
            ({"account": "a0", "key": "k1"}, [3]),
            ({"model": "m4", "channel": "c"}, [4]),
            ({"channel": "d"}, []),
        ]
        for filters, expected in asked:
            assert [int(record.request_id) for record in await storage.records(**filters)] == expected, filters

    async def test_pages_neither_overlap_nor_skip_even_within_one_moment(self, storage: Storage) -> None:
        await asyncio.gather(*(storage.finish(_record(n, at=float(n // 10))) for n in range(35)))
        seen: list[str] = []
        while page := await storage.records(limit=4, before=seen[-1] if seen else None):
            seen += [record.request_id for record in page]
        assert sorted(seen, key=int) == [str(n) for n in range(35)]
        assert list(await storage.records(before="unknown")) == []

    @pytest.mark.parametrize(
        ("by", "names"),
        [
            ("model", ["m", "n"]),
            ("key", ["k", "l"]),
            ("channel", ["c", "d"]),
            ("account", ["a", "b"]),
            ("day", ["2023-11-15", "2023-11-14"]),
        ],
    )
    async def test_usage_sums_by(self, storage: Storage, by: GroupBy, names: list[str]) -> None:
        usage = Usage(input=10, cached_input=4, output=7, reasoning=2)
        day = 1_700_000_000.0  # 2023-11-14, 22:13
        for n in range(2):
            more = _record(n, at=day + 86_400, model="m", key="k", channel="c", account="a", usage=usage, cost_nano=2**60)
            await storage.finish(more)
        await storage.finish(_record(7, at=day, model="n", key="l", channel="d", account="b", status=502))
        groups = await storage.usage(by=by)
        assert [group.name for group in groups] == names
        first, second = groups
        assert (first.requests, first.errors, first.cost_nano) == (2, 0, 2**61)
        assert (first.input_tokens, first.cached_tokens, first.output_tokens, first.reasoning_tokens) == (20, 8, 14, 4)
        assert (second.requests, second.errors, second.cost_nano) == (1, 1, 0)
        assert [group.requests for group in await storage.usage(since=day + 1, by=by)] == [2]
        assert [group.requests for group in await storage.usage(until=day + 1, by=by)] == [1]

    # -- many at once, and the end

    async def test_five_hundred_finish_at_once(self, storage: Storage) -> None:
        await asyncio.gather(*(storage.finish(_record(n)) for n in range(500)))
        assert len(await storage.records(limit=1000)) == 500

    async def test_a_row_that_cannot_be_stored_fails_alone(self, storage: Storage) -> None:
        rows = [_record(n, cost_nano=2**70 if n == 7 else n) for n in range(20)]
        outcomes = await asyncio.gather(*(storage.finish(row) for row in rows), return_exceptions=True)
        assert [n for n, outcome in enumerate(outcomes) if outcome is not None] == [7]
        assert isinstance(outcomes[7], ValueError)
        assert len(await storage.records()) == 19

    async def test_a_write_that_nobody_waits_for_is_still_done(self, storage: Storage, url: str) -> None:
        writing = asyncio.ensure_future(storage.finish(_record(1)))
        await asyncio.sleep(0)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await storage.close()
        async with self.opened(url) as again:
            assert await again.record("1") is not None

    async def test_closing_writes_what_still_waits(self, storage: Storage, url: str) -> None:
        writing = [asyncio.ensure_future(storage.finish(_record(n))) for n in range(300)]
        await asyncio.sleep(0)
        await storage.close()
        await asyncio.gather(*writing)
        async with self.opened(url) as again:
            assert len(await again.records(limit=1000)) == 300

    async def test_a_closed_storage_says_so(self, storage: Storage) -> None:
        await storage.close()
        await storage.close()
        for verb in (storage.ready(), storage.version(), storage.finish(_record(1)), storage.keys()):
            with pytest.raises(StorageUnavailable):
                await verb

    async def test_an_unusable_database_is_a_clear_error(self, unusable_urls: Sequence[str]) -> None:
        for url in unusable_urls:
            with pytest.raises(StorageUnavailable) as caught:
                async with self.opened(url) as storage:
                    await storage.ready()
            assert len(caught.value.message) > 20, url

    # -- several processes

    async def test_processes_see_each_others_changes(self, storage: Storage, url: str) -> None:
        await storage.add_key(FULL_KEY)
        before = await storage.version()
        said = await _run(self.factory, url, _CHANGER)
        assert said == [str(before), "alice"]
        assert await storage.version() != before
        assert await storage.setting("off") == "theirs"
        assert (await storage.find_key("12" * 32)) is not None

    async def test_processes_that_start_at_once_share_one_new_database(self, url: str) -> None:
        said = await asyncio.gather(*(_run(self.factory, url, _STARTER, str(n)) for n in range(4)))
        assert len({line for lines in said for line in lines}) == 1
        async with self.opened(url) as storage:
            assert len(await storage.records(limit=1000)) == 4 * 50

    @pytest.mark.parametrize("moment", [1, 40, 400])
    async def test_what_was_finished_survives_kill_9(self, url: str, moment: int) -> None:
        child = await _start(self.factory, url, _FINISHER)
        assert child.stdout is not None
        finished = [await child.stdout.readline() for _ in range(moment)]
        child.kill()
        # whole lines only: the last one may have been cut in the pipe
        finished += [line for line in (await child.stdout.read()).splitlines(keepends=True) if line.endswith(b"\n")]
        await child.wait()
        async with self.opened(url) as storage:
            kept = {record.request_id for record in await storage.records(limit=1_000_000)}
            await storage.finish(_record(0))
        assert len(finished) >= moment
        assert {line.decode().strip() for line in finished} <= kept


@asynccontextmanager
async def _opened(factory: str, url: str) -> AsyncIterator[Storage]:
    storage = pkgutil.resolve_name(factory)(url)
    assert isinstance(storage, Storage)
    await storage.open()
    try:
        yield storage
    finally:
        await storage.close()


def _record(n: int, **fields: Any) -> Record:
    return Record(**{"request_id": str(n), "at": 1_700_000_000.0, "status": 200, **fields})


_CHANGER = """
    print(await storage.version())
    print((await storage.find_key("ab" * 32)).name)
    await storage.set_setting("off", "theirs")
    await storage.add_key(Key(id="key_2", name="bob", account="acme", digest="12" * 32))
"""
_STARTER = """
    print((await storage.secret("seals")).hex())
    await asyncio.gather(*(storage.finish(Record(request_id=f"{argument}-{n}", at=1.0)) for n in range(50)))
"""
_FINISHER = """
    async def client(name):
        for n in range(100_000):
            await storage.finish(Record(request_id=f"{name}-{n}", at=1.0))
            print(f"{name}-{n}", flush=True)
    await asyncio.gather(*(client(name) for name in "abcdefgh"))
"""
_PROGRAM = """
import asyncio, pkgutil, sys
from pisces_proxy.storage import Key, Record
factory, url, argument = sys.argv[1:]
async def main():
    storage = pkgutil.resolve_name(factory)(url)
    await storage.open()
{steps}
    await storage.close()
asyncio.run(main())
"""


async def _start(factory: str, url: str, steps: str, argument: str = "") -> asyncio.subprocess.Process:
    """Another process that opens the storage and takes these steps."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _PROGRAM.format(steps=steps),
        factory,
        url,
        argument,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )


async def _run(factory: str, url: str, steps: str, argument: str = "") -> list[str]:
    child = await _start(factory, url, steps, argument)
    output, _ = await child.communicate()
    assert child.returncode == 0
    return output.decode().splitlines()
