"""Upstreams that speak OpenAI's dialect at another address: rows of data, no code of their own."""

from __future__ import annotations

from collections.abc import Iterable

from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.plugin import Provider

from .hosts import HOSTS
from .local import LOCAL
from .makers import MAKERS
from .row import Row

__all__ = ["PROVIDERS", "Row", "pisces_providers"]

PROVIDERS: tuple[Row, ...] = (*MAKERS, *HOSTS, *LOCAL)


@hookimpl
def pisces_providers() -> Iterable[Provider]:
    """One provider per vendor."""
    return PROVIDERS
