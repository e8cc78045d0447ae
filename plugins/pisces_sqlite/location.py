"""A database URL becomes a place to connect to."""

from __future__ import annotations

import difflib
import secrets
from pathlib import Path
from urllib.parse import parse_qsl, unquote

import msgspec

from pisces_proxy.errors import ConfigError

MODES = ("NORMAL", "FULL", "EXTRA")


class Location(msgspec.Struct, frozen=True):
    """`path` is None for a database in memory, whose `name` its connections share. `synchronous` is SQLite's pragma:
    with NORMAL a power cut may take the last commits (never the file; a killed process loses nothing), with FULL it cannot."""

    path: Path | None
    name: str
    synchronous: str = "NORMAL"

    @property
    def target(self) -> str:
        """What sqlite3.connect takes, as a URI. A memdb name that begins with a slash is shared within the process."""
        return self.path.absolute().as_uri() if self.path is not None else f"file:/{self.name}?vfs=memdb"

    @property
    def waits_for_the_disk(self) -> bool:
        """Whether each commit does."""
        return self.synchronous != "NORMAL"

    def __str__(self) -> str:
        return str(self.path) if self.path is not None else "the database in memory"


def locate(url: str) -> Location:
    """Read a `sqlite:` URL. Raises ConfigError."""
    place, _, query = url.partition("?")
    path = _path(url, place)
    options = {name.lower(): value for name, value in parse_qsl(query, keep_blank_values=True)}
    synchronous = options.pop("synchronous", "NORMAL").upper()
    for name in options:
        meant = " Did you mean 'synchronous'?" if difflib.get_close_matches(name, ["synchronous"]) else ""
        raise ConfigError(f"Database URL {url!r}: no option is named {name!r}.{meant}")
    if synchronous not in MODES:
        raise ConfigError(f"Database URL {url!r}: synchronous is one of {', '.join(MODES)}.")
    return Location(path, f"pisces-{secrets.token_hex(8)}", synchronous)


def _path(url: str, place: str) -> Path | None:
    if place in ("sqlite:", "sqlite://", "sqlite:///:memory:", "sqlite://:memory:"):
        return None
    if not place.startswith("sqlite:///"):
        raise ConfigError(f"Database URL {url!r} needs three slashes: sqlite:///file.db, or four before an absolute path.")
    written = unquote(place.removeprefix("sqlite:///"))
    if not written or "\0" in written:
        raise ConfigError(f"Database URL {url!r} names no file. Write sqlite:///pisces.db.")
    return Path(written).expanduser()
