"""kill -9 between any two statements: of a verb all is there, or nothing."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from pisces_sqlite import connection, money, replays, requests, statements
from pisces_sqlite.location import Location, locate
from pisces_sqlite.verification import verified
from pisces_sqlite.writer import Work, commit

from pisces_proxy.ledger import Audit, Reservation, Stored
from pisces_proxy.storage import Account, Key, Record

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")

NOON = 1_700_000_000.0


def held(name: str, amount: int = 10) -> Reservation:
    return Reservation(
        request_id=name,
        account="acme",
        key="k",
        amount_nano=amount,
        at=NOON,
        expires_at=NOON + 9,
        quota_nano=90,
        period="month",
    )


def row(name: str) -> Record:
    return Record(request_id=name, at=NOON, account="acme", cost_nano=7)


DONE = Audit(at=NOON, actor="ops", action="test", target="acme")
KEY = Key(id="key_1", name="k", account="acme", digest="00")
BEFORE: list[Work[object]] = [
    partial(statements.add_account, Account(name="acme"), None),
    partial(money.deposit, "credit", "acme", 100, "c", "", "", None),
    *(partial(money.reserve, held(name)) for name in ("a", "b", "c", "d")),
]
STORED = Stored(request_id="r", status=200, headers={}, body=b"x" * 10_000)
BATCHES: dict[str, list[Work[object]]] = {
    "credit": [partial(money.deposit, "credit", "acme", 5, "d", "", "ops", DONE)],
    "an operator's changes": [
        partial(statements.change_account, "acme", {"enabled": False}, DONE),
        partial(statements.add_key, KEY, DONE),
        partial(statements.change_key, KEY.id, {"rpm": 1}, DONE),
        partial(statements.set_setting, "off", "[]", DONE),
    ],
    "reserve": [partial(money.reserve, held("e"))],
    "settle": [partial(money.settle, row("a"), "k")],
    "settle without a reservation": [partial(money.settle, row("z"), "k")],
    "release": [partial(money.release, "a")],
    "sweep": [partial(money.sweep, NOON + 9, None)],
    "claim and keep": [
        partial(replays.claim, replays.Wanted("s", "k", "f", "r", NOON + 9, "me"), NOON, None),
        partial(replays.keep, "s", "k", STORED, None),
    ],
    "a batch": [
        partial(money.settle, row("a"), "k"),
        partial(money.reserve, held("f")),
        partial(money.reserve, held("too much", 1000)),
        partial(requests.finish, row("free")),
        partial(money.release, "b"),
        partial(money.settle, row("a"), "k"),
    ],
}


# all that a batch may change, but for the time at which it did
CONTENT = (
    "SELECT kind, account, key, request_id, amount_nano FROM ledger ORDER BY id",
    "SELECT * FROM balances",
    "SELECT * FROM reservations",
    "SELECT * FROM key_spend",
    "SELECT * FROM usage_days",
    "SELECT request_id FROM requests",
    "SELECT * FROM idempotency",
    "SELECT * FROM audits",
    "SELECT * FROM accounts",
    "SELECT * FROM keys",
    "SELECT * FROM settings",
)


@pytest.mark.parametrize("batch", BATCHES)
def test_killed_before_any_statement_a_batch_is_there_as_a_whole_or_not_at_all(tmp_path: Path, batch: str) -> None:
    """The moments are those of one batch, from its BEGIN to its COMMIT; each in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, __file__, str(tmp_path), batch],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *killed, whole = done.stdout.split()
    assert len(killed) >= 3
    assert set(killed) == {"before"}
    assert whole == "after"


def _every_moment(folder: Path, batch: str) -> None:
    before = locate(f"sqlite:///{folder}/before.db")
    ours = connection.writing(before)
    commit(ours, BEFORE)
    ours.close()
    after = _copy(before, folder / "after.db")
    _run(after, batch, 0)
    states = {_content(before): "before", _content(after): "after"}
    for moment in range(1, 1000):
        location = _copy(before, folder / f"{moment}.db")
        child = os.fork()
        if child == 0:
            _run(location, batch, moment)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        verification = verified(location)
        assert verification.ok, (moment, verification.problems)
        print(states.get(_content(location), "half"))  # noqa: T201
        if os.WIFEXITED(status):
            return  # it has no more statements


def _run(location: Location, batch: str, moment: int) -> None:
    """Killed before the statement of that number, where there are so many."""
    ours = connection.writing(location)
    seen = 0

    def count(_: str) -> None:
        nonlocal seen
        seen += 1
        if seen == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    ours.set_trace_callback(count)
    commit(ours, BATCHES[batch])
    ours.close()


def _copy(location: Location, path: Path) -> Location:
    assert location.path is not None
    shutil.copy(location.path, path)
    return locate(f"sqlite:///{path}")


def _content(location: Location) -> str:
    with closing(sqlite3.connect(location.target, uri=True)) as other:
        return repr([other.execute(query).fetchall() for query in CONTENT])


if __name__ == "__main__":
    _every_moment(Path(sys.argv[1]), sys.argv[2])
