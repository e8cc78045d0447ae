"""One structured line per event: JSON for machines, colours in a terminal. Secrets never get this far."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Any, Literal

import msgspec

# structlog loads rich, and with it pygments, wherever they are installed, for tracebacks that are never drawn here
_absent = {name for name in ("rich", "rich.console", "rich.traceback") if name not in sys.modules}
sys.modules.update(dict.fromkeys(_absent))  # type: ignore[arg-type]  # None: "not to be imported"
import structlog  # noqa: E402

for _name in _absent:
    del sys.modules[_name]

# until `configure` is called: never among what a command prints
structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))

_encode = msgspec.json.Encoder(enc_hook=str).encode

log = structlog.get_logger("pisces")


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
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    if _as_json:
        last: list[Any] = [structlog.processors.format_exc_info, lambda _logger, _name, event: _encode(event)]
        factory: Any = structlog.BytesLoggerFactory(sys.stderr.buffer)
    else:
        # the richer exception format prints local variables, and with them keys
        last = [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        factory = structlog.PrintLoggerFactory(sys.stderr)
    structlog.configure(
        processors=[structlog.processors.add_log_level, stamp, *last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )
    _quiet_libraries()


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
