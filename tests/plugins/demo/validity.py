"""Whether a value satisfies a JSON Schema: the keywords that the tests use, told independently of the code under test."""

from __future__ import annotations

import re
from typing import Any

TYPES = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def valid(value: Any, schema: Any, root: Any) -> bool:
    if isinstance(schema, bool) or schema == {}:
        return schema is not False
    if "$ref" in schema:
        node = root
        for step in schema["$ref"].removeprefix("#").strip("/").split("/"):
            node = node[step] if step else node
        return valid(value, node, root)
    return (
        _type_fits(value, schema.get("type"))
        and ("const" not in schema or value == schema["const"])
        and ("enum" not in schema or value in schema["enum"])
        and all(valid(value, part, root) for part in schema.get("allOf", ()))
        and ("anyOf" not in schema or any(valid(value, part, root) for part in schema["anyOf"]))
        and _parts_fit(value, schema, root)
    )


def _type_fits(value: Any, kinds: Any) -> bool:
    return kinds is None or any(TYPES[kind](value) for kind in ([kinds] if isinstance(kinds, str) else kinds))


def _parts_fit(value: Any, schema: Any, root: Any) -> bool:
    match value:
        case dict():
            properties = schema.get("properties", {})
            closed = schema.get("additionalProperties") is False
            return (
                set(schema.get("required", ())) <= set(value)
                and (not closed or set(value) <= set(properties))
                and all(valid(part, properties[key], root) for key, part in value.items() if key in properties)
            )
        case list():
            least, most = schema.get("minItems", 0), schema.get("maxItems", len(value))
            distinct = not schema.get("uniqueItems") or all(one not in value[:at] for at, one in enumerate(value))
            items = schema.get("items", {})
            return least <= len(value) <= most and distinct and all(valid(part, items, root) for part in value)
        case str():
            least, most = schema.get("minLength", 0), schema.get("maxLength", len(value))
            return least <= len(value) <= most and re.search(schema.get("pattern", ""), value) is not None
        case bool() | None:
            return True
    step = schema.get("multipleOf")
    return (
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
        and value > schema.get("exclusiveMinimum", value - 1)
        and value < schema.get("exclusiveMaximum", value + 1)
        and (step is None or value % step == 0)
    )
