"""Limits counted in this process: what a gateway needs that is one process."""

from __future__ import annotations

import time

from pisces_proxy import hookimpl
from pisces_proxy.limits import Limiter


@hookimpl
def pisces_limiter(url: str) -> Limiter | None:
    """`memory://`"""
    if not url.startswith("memory:"):
        return None
    from .limiter import MemoryLimiter

    return MemoryLimiter(time.monotonic)
