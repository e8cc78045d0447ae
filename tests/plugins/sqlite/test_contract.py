"""The storage contract on SQLite: a file with each of the two promises about power cuts."""

from __future__ import annotations

from pathlib import Path

import pytest

from pisces_proxy.testing import StorageContract


class TestAFile(StorageContract):
    factory = "pisces_sqlite:pisces_storage"

    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/pisces.db"

    @pytest.fixture
    def unusable_urls(self, tmp_path: Path) -> list[str]:
        (tmp_path / "garbage.db").write_bytes(b"this was never a database\n" * 100)
        (tmp_path / "folder.db").mkdir()
        names = ("garbage.db", "folder.db", "missing/pisces.db", "garbage.db/pisces.db")
        return [f"sqlite:///{tmp_path}/{name}" for name in names]


class TestAFileSafeFromPowerCuts(TestAFile):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/pisces.db?synchronous=FULL"
