"""JSON Schema as it comes: malformed nodes repaired, Google's Schema read (wire.md C8, H143)."""

from __future__ import annotations

from typing import Any

import msgspec

from .schema_rules import MANY, NAMED, ONE, TYPES

Node = dict[str, Any]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_NOTHING = object()  # a member that says nothing; null may say something (`default`, `const`)


def read(schema: bytes) -> Node:
    """The root of a schema, repaired; anything but a JSON object is an empty one."""
    try:
        return repaired(_decode(schema) if schema.strip() else {})
    except (msgspec.DecodeError, RecursionError):
        return {}


def repaired(node: Any) -> Node:
    """The node without what no reader could make sense of (H143); its children are left alone."""
    if not isinstance(node, dict):
        return {}
    kept = {key: value for key, raw in node.items() if (value := _member(key, raw)) is not _NOTHING}
    return kept | _inferred(kept)


def _member(key: str, value: Any) -> Any:
    match key:
        case "type":
            return _types(value) or _NOTHING
        case "properties":
            return value if isinstance(value, dict) else {}
        case "required":
            names = [name for name in value if isinstance(name, str)] if isinstance(value, list) else []
            return list(dict.fromkeys(names)) or _NOTHING
        case "anyOf" | "oneOf" | "allOf" | "prefixItems" | "enum":
            return value if isinstance(value, list) and value else _NOTHING
        case "items":
            return value if isinstance(value, (dict, bool)) or (isinstance(value, list) and value) else _NOTHING
        case "patternProperties" | "$defs" | "definitions" | "dependentSchemas":
            return value if isinstance(value, dict) else _NOTHING
        case "description" | "title" | "format" | "pattern" | "$ref":
            return value if isinstance(value, str) else _NOTHING
        case "default" | "const" | "example" | "examples":
            return value
        case _:
            return _NOTHING if value is None else value


def _types(value: Any) -> str | list[str] | None:
    if isinstance(value, str):
        return value.lower() if value.lower() in TYPES else None
    if not isinstance(value, list):
        return None
    names = list(dict.fromkeys(name.lower() for name in value if isinstance(name, str) and name.lower() in TYPES))
    return names[0] if len(names) == 1 else names or None


def _inferred(node: Node) -> Node:
    if node.keys() & {"type", "$ref", "anyOf", "oneOf", "allOf"}:
        return {}
    if "properties" in node:
        return {"type": "object"}
    return {"type": "array"} if "items" in node or "prefixItems" in node else {}


def plain(node: Node) -> Node:
    """A repaired node with its children repaired."""
    return {key: _plain_member(key, value) for key, value in node.items()}


def _plain_member(key: str, value: Any) -> Any:
    if key in ONE and isinstance(value, dict):
        return plain(repaired(value))
    if isinstance(value, list) and (key in MANY or key == "items"):
        return [part if isinstance(part, bool) else plain(repaired(part)) for part in value]
    if key in NAMED and isinstance(value, dict):
        return {name: part if isinstance(part, bool) else plain(repaired(part)) for name, part in value.items()}
    return value


def nullable(node: Node) -> Node:
    """The same or null."""
    null = {"enum": [*node["enum"], None]} if "enum" in node and None not in node["enum"] else {}
    match node.get("type"):
        case str(name):
            return node | null | ({"type": [name, "null"]} if name != "null" else {})
        case [*names]:
            return node | null | {"type": names if "null" in names else [*names, "null"]}
    if "anyOf" in node:
        return node if {"type": "null"} in node["anyOf"] else node | {"anyOf": [*node["anyOf"], {"type": "null"}]}
    return {"anyOf": [node, {"type": "null"}]} if "$ref" in node else node | null


# -- Google's Schema ----------------------------------------------------------------------------------------------------

_GOOGLE_TYPES = ("", "string", "number", "integer", "boolean", "array", "object", "null")  # by number, as some SDKs write them
_GOOGLE_KEYS = {
    "any_of": "anyOf", "one_of": "oneOf", "min_items": "minItems", "max_items": "maxItems", "min_length": "minLength",
    "max_length": "maxLength", "min_properties": "minProperties", "max_properties": "maxProperties",
    "additional_properties": "additionalProperties", "defs": "$defs", "ref": "$ref", "prefix_items": "prefixItems",
}  # fmt: skip
_COUNTS = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})
_UNSAID = frozenset({"propertyOrdering", "property_ordering", "nullable", "example"})


def google(node: Any) -> Any:
    """Google's Schema as JSON Schema; its `null` means unset."""
    if not isinstance(node, dict):
        return node
    members: Node = node
    out: Node = {}
    for raw, value in members.items():
        key = _GOOGLE_KEYS.get(raw, raw)
        if value is None or key in _UNSAID or (key == "format" and value == "enum"):
            continue
        value = _google_member(key, value)
        if value is not None:
            out[key] = value
    return nullable(out) if node.get("nullable") is True else out


def _google_member(key: str, value: Any) -> Any:
    if key == "type":
        return _google_type(value)
    if key in _COUNTS and isinstance(value, str):  # int64 travels as text in Google's JSON
        return int(value) if value.isdecimal() else None
    if key in ONE and isinstance(value, dict):
        return google(value)
    if key in MANY and isinstance(value, list):
        return [google(part) for part in value]
    if key in NAMED and isinstance(value, dict):
        return {name: google(part) for name, part in value.items()}
    return value


def _google_type(value: Any) -> Any:
    if isinstance(value, int):
        return _GOOGLE_TYPES[value] or None if 0 <= value < len(_GOOGLE_TYPES) else None
    return _types(value)


def google_spelling(node: Node) -> Node:
    """JSON Schema's types in the capitals of Google's Schema; the node holds nothing else that differs."""
    out: Node = {}
    for key, value in node.items():
        match key:
            case "type":
                out[key] = value.upper()
            case "items":
                out[key] = google_spelling(value)
            case "anyOf":
                out[key] = [google_spelling(part) for part in value]
            case "properties":
                out[key] = {name: google_spelling(part) for name, part in value.items()}
            case _:
                out[key] = value
    return out
