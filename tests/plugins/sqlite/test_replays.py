"""Idempotency keys take their space only for as long as they are good for something."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from pisces_sqlite import pisces_storage

from pisces_proxy.ledger import Stored

NOON = 1_700_000_000.0
ANSWER = Stored(request_id="r", status=200, headers={}, body=b"x" * 100_000)


@pytest.mark.parametrize(("now", "left"), [(NOON + 59, 1), (NOON + 60, 0)])
async def test_a_sweep_drops_what_has_expired(tmp_path: Path, now: float, left: int) -> None:
    storage = pisces_storage(f"sqlite:///{tmp_path}/p.db")
    assert storage is not None
    await storage.open()
    await storage.claim("s", "k", "f", "r", NOON, NOON + 60)
    await storage.keep("s", "k", ANSWER)
    assert await storage.sweep(now) == 0  # reservations
    with closing(sqlite3.connect(tmp_path / "p.db")) as other:
        assert other.execute("SELECT count(*) FROM idempotency").fetchone() == (left,)
    await storage.close()
