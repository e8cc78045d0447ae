"""One structured line per event: JSON for machines, colours in a terminal. Secrets never get this far."""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

_encode = msgspec.json.Encoder(enc_hook=str).encode
_COLOURS = {"info": "\x1b[32m", "warning": "\x1b[33m", "error": "\x1b[31m"}
_DIM, _BOLD, _PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[0m"


class Log:
    """Where events are told: a word for what happened, and what is known about it. `exc_info`: the exception behind it."""

    def info(self, event: str, **told: Any) -> None:
        _tell("info", event, told)

    def warning(self, event: str, **told: Any) -> None:
        _tell("warning", event, told)

    def error(self, event: str, **told: Any) -> None:
        _tell("error", event, told)


log = Log()


class RequestLine(msgspec.Struct, frozen=True, kw_only=True):
    """The line of one request. `time` is when it came, in unix seconds; `ms` how long it took."""

    event: str = "request"
    level: str = "info"
    time: float
    request_id: str
    status: int
    key: str
    model: str
    channel: str
    protocol: str
    upstream_protocol: str
    stream: bool
    input: int
    output: int
    ms: float
    attempts: int
    flags: list[str]
    error: str | None


class Lines:
    """Log lines on their way out: those of one moment leave in one write, for a write per line costs as much as the rest
    of a request's bookkeeping."""

    DELAY = 0.05  # seconds

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def write(self, line: bytes) -> None:
        self._held.append(line)
        if len(self._held) > 1:
            return
        try:
            asyncio.get_running_loop().call_later(self.DELAY, self.flush)
        except RuntimeError:  # no loop: a command, or the end of the process
            self.flush()

    def flush(self) -> None:
        held, self._held = self._held, []
        if held:
            sys.stderr.buffer.write(b"".join(held))
            sys.stderr.buffer.flush()


_lines = Lines()
_as_json = False


def log_request(line: RequestLine) -> None:
    """Write a request's line."""
    if _as_json:
        _lines.write(_encode(line) + b"\n")
    else:
        told = msgspec.structs.asdict(line)
        log.info(told.pop("event"), **{name: value for name, value in told.items() if name not in ("level", "time")})


def flush() -> None:
    """Let out what is held, before the process ends."""
    _lines.flush()


def configure(style: Literal["auto", "json", "console"] = "auto") -> None:
    """Set up the process's logging. `auto` is colours in a terminal, JSON elsewhere."""
    global _as_json
    _as_json = style == "json" or (style == "auto" and not sys.stderr.isatty())
    _quiet_libraries()


def _tell(level: str, event: str, told: Mapping[str, Any]) -> None:
    """Write a line at once, behind those that are held."""
    known = {name: value for name, value in told.items() if name != "exc_info"}
    error = told.get("exc_info")
    trace = "".join(traceback.format_exception(error)) if isinstance(error, BaseException) else ""
    at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    if _as_json:
        known |= {"event": event, "level": level, "timestamp": at} | ({"exception": trace} if trace else {})
        line = _encode(known) + b"\n"
    else:
        line = _for_people(level, event, at, known, trace).encode("utf-8", "backslashreplace")
    _lines.write(line)
    _lines.flush()


def _for_people(level: str, event: str, at: str, known: Mapping[str, Any], trace: str) -> str:
    """A line with colours where a terminal shows it, an error's trace below. Local variables, keys among them, stay out."""
    rest = " ".join(f"{name}={_shown(value)}" for name, value in known.items())
    if not sys.stderr.isatty():
        return f"{at} [{level:7}] {event:24} {rest}".rstrip() + "\n" + trace
    return f"{_DIM}{at}{_PLAIN} {_COLOURS[level]}{level:7}{_PLAIN} {_BOLD}{event:24}{_PLAIN} {rest}\n{trace}"


def _shown(value: object) -> str:
    """A word as it is; what a client could dress up as another line is quoted."""
    return value if isinstance(value, str) and value.isprintable() and value.count(" ") == 0 else repr(value)


class _NoRequests(logging.Filter):
    """aiohttp logs a request that its parser rejects with the whole header block, the client's key included."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.args = ()
        record.exc_info = None
        record.exc_text = None
        record.msg = "a request that is not HTTP was refused"
        return True


def _quiet_libraries() -> None:
    logging.getLogger("aiohttp.access").setLevel(logging.CRITICAL)
    server = logging.getLogger("aiohttp.server")
    if not any(isinstance(found, _NoRequests) for found in server.filters):
        server.addFilter(_NoRequests())
