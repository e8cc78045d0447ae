"""The prices that the package `genai-prices` brings, without the package: it would load pydantic and an HTTP client."""

from __future__ import annotations

import importlib.util
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

from ..log import log
from .types import Provider

__all__ = ["Provider", "providers"]


@cache
def providers() -> list[Provider]:
    """All providers of the book, read once. Where the package's data has changed its form, the package reads it."""
    try:
        return _read()
    except Exception as error:  # whatever a later release brings, a price is worth more than the memory
        log.info("prices_read_by_package", why=repr(error))
        return _read_by_package()


def _read() -> list[Provider]:
    """Its data is a module that calls constructors, imported as `from .types import *`: in this package, those are ours."""
    spec = importlib.util.find_spec("genai_prices")  # finds it, and runs nothing
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("genai-prices is not a package")
    file = Path(spec.submodule_search_locations[0]) / "data.py"
    code = SourceFileLoader("genai_prices.data", str(file)).get_code("genai_prices.data")  # from its bytecode where it has one
    names: dict[str, Any] = {"__name__": "genai_prices.data", "__package__": __name__}
    exec(code or "", names)
    return list(names["providers"])


def _read_by_package() -> list[Provider]:
    from genai_prices.data_snapshot import get_snapshot

    return get_snapshot().providers  # type: ignore[return-value]  # the same members
