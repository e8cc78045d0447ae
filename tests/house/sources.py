"""The project's own source files, read as text and as trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORE = ROOT / "pisces_proxy"
PLUGINS = ROOT / "plugins"
TESTS = ROOT / "tests"
README = ROOT / "README.md"


def files(*folders: Path) -> list[Path]:
    return [file for folder in folders for file in sorted(folder.rglob("*.py")) if "__pycache__" not in file.parts]


def plugin_names() -> list[str]:
    return sorted(folder.name for folder in PLUGINS.iterdir() if folder.is_dir() and folder.name.startswith("pisces_"))


@lru_cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def named(file: Path) -> str:
    """For messages and ids: the path from the root."""
    return str(file.relative_to(ROOT))


def imports(file: Path, *, typing_only: bool = True) -> set[str]:
    """Absolute names of imported modules (`from .chat import X` is `pisces_proxy.chat`); without `typing_only` those under
    TYPE_CHECKING are left out, and so are those inside functions."""
    package = _package(file)
    found: set[str] = set()
    for node in _statements(tree(file), typing_only):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= _from(node, package)
    return found


def _statements(module: ast.Module, everything: bool) -> Iterator[ast.AST]:
    if everything:
        yield from ast.walk(module)
        return
    for node in module.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node


def _package(file: Path) -> list[str]:
    root = PLUGINS if PLUGINS in file.parents else ROOT
    return list(file.relative_to(root).parts[:-1])


def _from(node: ast.ImportFrom, package: list[str]) -> set[str]:
    if not node.level:
        return {node.module or ""}
    base = package[: len(package) - node.level + 1]
    if node.module:
        return {".".join([*base, node.module])}
    return {".".join([*base, name.name]) for name in node.names}  # `from . import chat`
