"""Database URLs: which file, in memory or not, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pisces_sqlite import pisces_storage
from pisces_sqlite.location import locate

from pisces_proxy.errors import ConfigError
from pisces_proxy.storage import Account, Record


@pytest.mark.parametrize(
    ("url", "path", "synchronous"),
    [
        ("sqlite:///pisces.db", Path("pisces.db"), "NORMAL"),
        ("sqlite:////var/lib/pisces.db", Path("/var/lib/pisces.db"), "NORMAL"),
        ("sqlite:///with%20space%3F.db?synchronous=full", Path("with space?.db"), "FULL"),
        ("sqlite:///~/pisces.db", Path.home() / "pisces.db", "NORMAL"),
        ("sqlite:///:memory:", None, "NORMAL"),
        ("sqlite://", None, "NORMAL"),
    ],
)
def test_a_url_says_which_file(url: str, path: Path | None, synchronous: str) -> None:
    location = locate(url)
    assert (location.path, location.synchronous) == (path, synchronous)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite://pisces.db", "three slashes"),
        ("sqlite:pisces.db", "three slashes"),
        ("sqlite:///", "names no file"),
        ("sqlite:///p.db?synchronus=FULL", "Did you mean 'synchronous'"),
        ("sqlite:///p.db?synchronous=OFF", "NORMAL, FULL, EXTRA"),
    ],
)
def test_a_url_with_a_mistake_is_refused(url: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        locate(url)


@pytest.mark.parametrize("url", ["postgresql://localhost/pisces", "redis://localhost"])
def test_other_databases_are_for_other_plugins(url: str) -> None:
    assert pisces_storage(url) is None


async def test_a_database_in_memory_is_its_owners_alone() -> None:
    first, second = pisces_storage("sqlite:///:memory:"), pisces_storage("sqlite:///:memory:")
    assert first is not None and second is not None
    await first.open()
    await second.open()
    await first.add_account(Account(name="acme"))
    await first.finish(Record(request_id="r", at=1.0))
    assert [len(await first.accounts()), len(await second.accounts())] == [1, 0]
    assert await first.record("r") is not None
    await first.close()
    await second.close()


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
async def test_a_new_file_is_its_owners_alone_and_has_the_name_of_the_url(tmp_path: Path) -> None:
    storage = pisces_storage(f"sqlite:///{tmp_path}/a%20b%3F%23%25.db")
    assert storage is not None
    await storage.open()
    await storage.finish(Record(request_id="r", at=1.0))
    assert modes(tmp_path) == {"a b?#%.db": 0o600, "a b?#%.db-shm": 0o600, "a b?#%.db-wal": 0o600}
    await storage.close()
    assert modes(tmp_path) == {"a b?#%.db": 0o600}


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
