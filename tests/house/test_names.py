"""The core knows no provider, no wire, no model by name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from house.sources import CORE, files, named, tree

from pisces_proxy.config import Config
from pisces_proxy.registry import Registry

MODELS = re.compile(r"^(gpt|chatgpt|o[134]\b|claude|gemini|deepseek|qwen|grok|glm|kimi|mistral|llama|command-r)", re.IGNORECASE)


def _compared(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Text that the code decides by: compared, matched, looked up, or tried as a prefix or suffix."""
    for node in ast.walk(module):
        match node:
            case ast.Compare():
                yield from _texts(node)
            case ast.MatchValue():
                yield from _texts(node)
            case ast.Subscript(slice=ast.Constant()):
                yield from _texts(node.slice)
            case ast.Call(func=ast.Attribute(attr="startswith" | "endswith" | "removeprefix" | "removesuffix" | "get")):
                for argument in node.args[:1]:
                    yield from _texts(argument)


def _texts(node: ast.AST) -> Iterator[tuple[int, str]]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str | bytes):
            value = inner.value
            yield inner.lineno, value if isinstance(value, str) else value.decode(errors="replace")


def test_the_core_decides_nothing_by_a_name() -> None:
    registry = Registry.load(Config())
    known = set(registry.wires) | set(registry.providers) | {wire.protocol for wire in registry.wires.values()}
    assert known, "no plugin is installed: pip install -e ."
    found = [
        f"{named(file)}:{line}: {text!r}"
        for file in files(CORE)
        for line, text in _compared(tree(file))
        if text in known or MODELS.match(text)
    ]
    assert not found, "the core decides by a name:\n" + "\n".join(found)
