"""Message threads that the upstream holds: refused, in the words that make an SDK send the whole conversation."""

from __future__ import annotations

from pisces_proxy.errors import Unsupported


def refuse_thread(thread: bytes) -> None:
    """A thread lives with the one account that began it, and the next turn may go to another channel. The SDK's tool runner
    reads this code and sends its messages unthreaded (beta message-threads-2026-08-12)."""
    if thread:
        raise Unsupported(
            "Message threads are not kept here. Send the whole conversation.",
            param="thread",
            code="unsupported_parameter",
            details={"error_code": "thread_unsupported_request"},
        )
