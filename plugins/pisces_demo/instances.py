"""A small value that satisfies a JSON Schema, filled from a text where its names suggest it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import ceil, floor
from typing import Any

import msgspec

Hint = Callable[[str, Mapping[str, Any]], Any]  # (property name, its schema) -> a value to use, None for none
Schema = Mapping[str, Any]

_DEPTH = 12  # deeper, only what is required is written: a recursive schema ends
_FORMATS = {
    "date-time": "2025-01-01T12:00:00Z",
    "date": "2025-01-01",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "user@example.com",
    "hostname": "example.com",
    "uri": "https://example.com/",
    "uri-reference": "/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
# tried in turn where a pattern has to match
_CANDIDATES = (
    "demo", "Demo", "DEMO", "A", "a", "1", "0", "AB", "ab", "ABC", "abc", "12", "123", "1234", "12345", "123456", "A1", "AB12",
    "1.0.0", "1.5", "#ff8800", "2025-01-01", "12:00", "user@example.com", "https://example.com/", "+15550100", "555-0100",
    "demo-1", "demo_1", "abcdefgh", "ABCDEFGH", "12345678", "en", "en-US", "USD", "0x1f", "deadbeef",
)  # fmt: skip


def _no_hint(name: str, schema: Schema) -> Any:
    return None


def instance(schema: bytes, hint: Hint = _no_hint) -> Any:
    """A value for this schema (JSON). Unreadable schemas and `true` give an empty object."""
    try:
        root = msgspec.json.decode(schema) if schema else {}
    except msgspec.DecodeError:
        return {}
    return _Builder(root, hint).build(root, "", 0) if isinstance(root, dict) and root else {}


class _Builder:
    """One schema being filled; `root` is where its references point into."""

    def __init__(self, root: Schema, hint: Hint) -> None:
        self.root = root
        self.hint = hint

    def build(self, schema: Any, name: str, depth: int) -> Any:
        schema = self.resolved(schema, depth)
        if "const" in schema:
            return schema["const"]
        kind = _kind(schema)
        hinted = self.hint(name, {**schema, "type": kind}) if name else None
        if options := schema.get("enum"):
            return hinted if hinted in options else next((value for value in options if value is not None), options[0])
        if hinted is not None and _fits(hinted, kind, schema):
            return hinted
        return self.of_kind(kind, schema, name, depth)

    def resolved(self, schema: Any, depth: int) -> Schema:
        """References followed, the first alternative taken, `allOf` merged."""
        for _ in range(32):  # as many steps as a chain of references may reasonably take
            if not isinstance(schema, dict):
                return {}
            if "$ref" in schema:
                rest = {key: value for key, value in schema.items() if key != "$ref"}
                schema = {**self.pointed(schema["$ref"]), **rest}
            elif options := schema.get("anyOf") or schema.get("oneOf"):
                rest = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}
                schema = _merged(rest, self.simplest(options, depth))
            elif parts := schema.get("allOf"):
                rest = {key: value for key, value in schema.items() if key != "allOf"}
                for part in parts:
                    rest = _merged(rest, self.resolved(part, depth))
                schema = rest
            else:
                return schema
        return {}

    def simplest(self, options: Sequence[Any], depth: int) -> Schema:
        """The first alternative that is not null; deep down, one that does not go deeper."""
        usable = [option for option in options if isinstance(option, dict)]
        real = [option for option in usable if option.get("type") != "null"]
        flat = [option for option in usable if "$ref" not in option and option.get("type") not in ("object", "array")]
        return next(iter((flat if depth >= _DEPTH else []) or real or usable), {})

    def pointed(self, reference: Any) -> Schema:
        """What a local JSON pointer names, an empty schema where it leads nowhere."""
        node: Any = self.root
        if not isinstance(reference, str) or not reference.startswith("#"):
            return {}
        for step in filter(None, reference[1:].split("/")):
            step = step.replace("~1", "/").replace("~0", "~")
            node = node.get(step) if isinstance(node, dict) else None
        return node if isinstance(node, dict) else {}

    def of_kind(self, kind: str, schema: Schema, name: str, depth: int) -> Any:
        match kind:
            case "object":
                return self.object(schema, depth)
            case "array":
                return self.array(schema, name, depth)
            case "integer" | "number":
                return _number(schema, whole=kind == "integer")
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return _string(schema)

    def object(self, schema: Schema, depth: int) -> dict[str, Any]:
        """What is required; where nothing is, everything that is described, or what the text suggests."""
        properties = schema.get("properties") or {}
        required = [key for key in schema.get("required") or () if isinstance(key, str)]
        wanted = [key for key in properties if key in required or self.suggested(key, properties[key], depth)]
        if not required and not wanted and depth < _DEPTH:
            wanted = list(properties)
        wanted += [key for key in required if key not in properties]
        return {key: self.build(properties.get(key, {"type": "string"}), key, depth + 1) for key in wanted}

    def suggested(self, key: str, schema: Any, depth: int) -> bool:
        resolved = self.resolved(schema, depth)
        return depth < _DEPTH and self.hint(key, {**resolved, "type": _kind(resolved), "optional": True}) is not None

    def array(self, schema: Schema, name: str, depth: int) -> list[Any]:
        least = int(schema.get("minItems") or 0)
        most = int(schema.get("maxItems", max(least, 1)))
        fixed = schema.get("prefixItems") or ()
        count = max(least, min(max(len(fixed), 1), most) if depth < _DEPTH else 0)
        items = schema.get("items", {"type": "string"})
        kinds = [fixed[index] if index < len(fixed) else items for index in range(count)]
        values = [self.build(kind, name, depth + 1) for kind in kinds]
        return _distinct(values) if schema.get("uniqueItems") else values


def _merged(one: Schema, other: Schema) -> dict[str, Any]:
    """Both schemas at once, as far as a small value needs it."""
    merged = {**one, **other}
    if "properties" in one and "properties" in other:
        merged["properties"] = {**one["properties"], **other["properties"]}
    if "required" in one and "required" in other:
        merged["required"] = list(dict.fromkeys((*one["required"], *other["required"])))
    return merged


def _kind(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "null")
    if isinstance(kind, str):
        return kind.lower()
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "string"


_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def _fits(value: Any, kind: str, schema: Schema) -> bool:
    if not isinstance(value, _TYPES.get(kind, ())) or (isinstance(value, bool) and kind != "boolean"):
        return False
    match value:
        case str():
            return _length_ok(value, schema) and _pattern_ok(value, schema) and schema.get("format") is None
        case int() | float():
            return _number(schema, whole=kind == "integer", wish=value) == value
        case list():
            return int(schema.get("minItems") or 0) <= len(value) <= int(schema.get("maxItems", len(value)))
    return True


def _length_ok(text: str, schema: Schema) -> bool:
    return int(schema.get("minLength") or 0) <= len(text) <= int(schema.get("maxLength", len(text)))


def _pattern_ok(text: str, schema: Schema) -> bool:
    pattern = schema.get("pattern")
    try:
        return not isinstance(pattern, str) or re.search(pattern, text) is not None
    except re.error:  # ECMA 262 knows some that Python does not
        return True


def _string(schema: Schema) -> str:
    if text := _FORMATS.get(schema.get("format", "")):
        return text
    for text in _CANDIDATES:
        if _length_ok(text, schema) and _pattern_ok(text, schema):
            return text
    least, most = int(schema.get("minLength") or 0), schema.get("maxLength")
    return ("demo" * ceil(max(least, 4) / 4))[: max(least, 4) if most is None else max(least, min(4, int(most)))]


def _number(schema: Schema, *, whole: bool, wish: float = 1) -> float:
    """The number nearest to `wish` that the bounds allow."""
    step = schema.get("multipleOf") or (1 if whole else 0)
    low, high = _bound(schema, least=True, inside=step or 0.5), _bound(schema, least=False, inside=-(step or 0.5))
    value = wish if low is None else max(wish, low)
    value = value if high is None else min(value, high)
    if step:
        value = ceil(value / step) * step if high is None or ceil(value / step) * step <= high else floor(value / step) * step
    return int(value) if whole or float(value).is_integer() else value


def _bound(schema: Schema, *, least: bool, inside: float) -> float | None:
    """`minimum` or `maximum`, whichever spelling; `inside` is the way from an excluded bound."""
    plain = schema.get("minimum" if least else "maximum")
    excluded = schema.get("exclusiveMinimum" if least else "exclusiveMaximum")
    if isinstance(excluded, bool):  # draft 4
        excluded, plain = (plain, None) if excluded else (None, plain)
    bounds = [plain] if plain is not None else []
    if excluded is not None:
        bounds.append(excluded + inside)
    return (max(bounds) if least else min(bounds)) if bounds else None


def _distinct(values: list[Any]) -> list[Any]:
    """The same values, told apart where they can be."""
    seen: list[Any] = []
    for value in values:
        while value in seen and isinstance(value, (str, int, float)) and not isinstance(value, bool):
            value = f"{value}x" if isinstance(value, str) else value + 1
        seen.append(value)
    return seen
