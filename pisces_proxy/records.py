"""The end of a request: one row, one log line, one word to the plugins; whatever happened."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from . import chat, tokens
from .calls import Call, Incoming
from .errors import PiscesError
from .log import RequestLine, log, log_request
from .metrics import Metrics
from .routing import Target
from .storage import Record, Storage
from .usage import Usage

CLIENT_LEFT = 499  # nginx's word for a client that closed the connection first


class Books:
    """Where requests are written down. `hooks` is the plugins' `pisces_finished` caller; `counting`: whether somebody may ask
    for the metrics."""

    def __init__(self, storage: Storage, hooks: Any, price: Callable[[Incoming, Target | None, Usage], None]) -> None:
        self._storage = storage
        self._hooks = hooks
        self._price = price
        self.metrics = Metrics()
        self.counting = True

    async def settle(self, call: Incoming, status: int, usage: Usage | None, error: PiscesError | None = None) -> None:
        """Write the request's row; it is committed when this returns. Once per request."""
        record = call.record
        if call.settled:
            return
        call.settled = True
        record.status = status
        record.usage = _checked(record.flags, usage or Usage())
        record.measures = call.measures
        record.error = error.kind if error is not None else record.error
        record.warnings = [f"{loss.field};{loss.action};{loss.reason}" for loss in call.losses]
        self._price(call, call.target, record.usage)
        if call.lease is not None:
            call.lease.correct(record.usage.total)
        record.total_ms = round((time.perf_counter() - call.started) * 1000, 3)
        if record.cost_nano or call.reserved:
            await self._storage.settle(record, call.key.id)
        else:  # nothing was held and nothing is owed: the row alone
            await self._storage.finish(record)

    def tell(self, call: Incoming) -> None:
        """The log line and the hooks. Never raises: the client has its answer."""
        self.tell_record(call.record)

    def tell_record(self, record: Record) -> None:
        """The same of a request that nobody waits for any more."""
        log_request(
            RequestLine(
                time=record.at,
                request_id=record.request_id,
                status=record.status,
                key=record.key,
                model=record.model,
                channel=record.channel,
                protocol=record.protocol,
                upstream_protocol=record.upstream_protocol,
                stream=record.stream,
                input=record.usage.input,
                output=record.usage.output,
                ms=record.total_ms,
                attempts=len(record.attempts),
                flags=record.flags,
                error=record.error,
            )
        )
        if self.counting:
            self.metrics.count(record)
        # one by one: pluggy stops at the first that raises, and then the others would miss the request
        for implementation in self._hooks.get_hookimpls():
            try:
                implementation.function(record)
            except Exception as failure:
                log.error("plugin_failed", plugin=implementation.plugin_name, hook="pisces_finished", error=repr(failure))


def _checked(flags: list[str], usage: Usage) -> Usage:
    checked, clamped = usage.checked()
    if clamped:
        flags.append("usage_clamped")
        log.warning("usage_clamped", fields=clamped)
    if checked.estimated:
        flags.append("usage_estimated")
    return checked


def estimated(call: Call, letters: int = 0, blocks: tuple[chat.Block, ...] = ()) -> Usage:
    """Our own count, for an upstream that gave none: the prompt, and the output seen as letters or blocks."""
    output = tokens.of_blocks(blocks) if blocks else -(-letters // 4)
    return Usage(input=prompt_estimate(call), output=output, estimated=True)


def prompt_estimate(call: Call) -> int:
    """The prompt in tokens, by rule of thumb; from the raw length where the request cannot be read."""
    try:
        return tokens.of_request(call.canonical())
    except PiscesError:
        return len(call.operation.body) // 4
