"""A chat model that lives in the gateway: deterministic, free, and good enough to try every feature without a key."""

from __future__ import annotations

from collections.abc import Iterable

from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.plugin import Provider

from .catalogue import OFFERS
from .provider import Demo

__all__ = ["OFFERS", "Demo", "pisces_providers"]


@hookimpl
def pisces_providers() -> Iterable[Provider]:
    """The provider `demo`."""
    return (Demo(),)
