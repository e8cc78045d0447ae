"""One structured line per event: JSON for machines, colours in a terminal. Secrets never get this far."""

from __future__ import annotations

import logging
import sys
from typing import Any, Literal

import msgspec
import structlog

_encode = msgspec.json.Encoder(enc_hook=str).encode


def _render(_logger: Any, _name: str, event: dict[str, Any]) -> bytes:
    return _encode(event)


def configure(style: Literal["auto", "json", "console"] = "auto") -> None:
    """Set up the process's logging. `auto` is colours in a terminal, JSON elsewhere."""
    if style == "auto":
        style = "console" if sys.stderr.isatty() else "json"
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    if style == "json":
        processors: list[Any] = [structlog.processors.add_log_level, stamp, structlog.processors.format_exc_info, _render]
        factory: Any = structlog.BytesLoggerFactory(sys.stderr.buffer)
    else:
        processors = [structlog.processors.add_log_level, stamp, structlog.dev.ConsoleRenderer(
                # the richer one prints local variables, and with them keys
                exception_formatter=structlog.dev.plain_traceback
            )]
        factory = structlog.PrintLoggerFactory(sys.stderr)
    structlog.configure(
        processors=processors,
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


log = structlog.get_logger("pisces")
