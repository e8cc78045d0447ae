"""SQLite's error codes in words that say what to do next."""

from __future__ import annotations

import sqlite3

from pisces_proxy.errors import StorageUnavailable

from .location import Location

_CURES = {
    "FULL": "the disk is full. Free some space; nothing that was confirmed is lost",
    "BUSY": "another process has kept it locked for over 5 seconds. Look for a backup or a shell with an open transaction",
    "LOCKED": "another connection has kept it locked. Look for a backup or a shell with an open transaction",
    "READONLY": "it may not be written. Check the permissions of the file, of its folder and of the disk",
    "PERM": "it may not be written. Check the permissions of the file, of its folder and of the disk",
    "CANTOPEN": "it cannot be opened. Check that the folder exists and may be written",
    "NOTADB": "the file is not a SQLite database. Name another, or move it away",
    "CORRUPT": "the file is damaged. Restore it from a backup, or save what `sqlite3 FILE .recover` finds",
    "IOERR": "the disk fails to read or write. Check the disk and the system's log",
}
_DATATYPE = 3091  # SQLITE_CONSTRAINT_DATATYPE, which Python 3.11 has no name for


def unavailable(error: sqlite3.Error, location: Location) -> StorageUnavailable:
    """The error as the gateway's own."""
    # the extended names begin with the primary one: SQLITE_IOERR_WRITE, SQLITE_READONLY_DBMOVED
    name = getattr(error, "sqlite_errorname", "").removeprefix("SQLITE_").partition("_")[0]
    why = _CURES.get(name, str(error))
    return StorageUnavailable(f"Database {location}: {why}.", code=f"sqlite_{name.lower()}" if name else None)


def is_about_the_value(error: Exception) -> bool:
    """Whether the value was impossible to store (too large an integer or sum, half a character) rather than the database."""
    if getattr(error, "sqlite_errorcode", 0) == _DATATYPE:
        return True  # a sum that has left 64 bits
    return isinstance(
        error, OverflowError | UnicodeError | sqlite3.DataError | sqlite3.InterfaceError | sqlite3.ProgrammingError
    )
