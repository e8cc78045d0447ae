"""Storage in one SQLite file: what a self-hosted gateway needs, with no server to run."""

from __future__ import annotations

from pisces_proxy import hookimpl
from pisces_proxy.storage import Storage


@hookimpl
def pisces_storage(url: str) -> Storage | None:
    """`sqlite:///pisces.db`, `sqlite:////var/lib/pisces.db`, `sqlite:///:memory:`; `?synchronous=FULL` against power cuts."""
    if not url.startswith("sqlite:"):
        return None
    from .location import locate
    from .store import SqliteStorage

    return SqliteStorage(locate(url))
