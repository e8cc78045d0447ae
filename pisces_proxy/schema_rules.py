"""What each JSON Schema dialect does with each keyword, as tables (wire.md C8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

# -- where schemas stand: everything else is data and stays as it is (H62) ---------------------------------------------

ONE = frozenset({
    "items", "additionalProperties", "not", "if", "then", "else", "propertyNames", "contains", "unevaluatedProperties",
    "unevaluatedItems", "additionalItems",
})  # fmt: skip
MANY = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})

TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
OF_TYPE = {  # which keywords speak about which type, for `type` lists that become alternatives
    "object": {"properties", "required", "additionalProperties", "minProperties", "maxProperties", "patternProperties"},
    "array": {"items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"},
    "string": {"minLength", "maxLength", "pattern", "format"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
}
TYPED: frozenset[str] = frozenset().union(*OF_TYPE.values())

# -- what a dialect does with a keyword --------------------------------------------------------------------------------
# keep; drop (it constrains nothing); lose (dropped, and said so); describe (moved into the description, and said so)

Treatment = Literal["keep", "drop", "lose", "describe"]


def _all(treatment: Treatment, *keywords: str) -> dict[str, Treatment]:
    return dict.fromkeys(keywords, treatment)


_LOGIC = _all(
    "lose", "not", "if", "then", "else", "dependentSchemas", "dependentRequired", "patternProperties", "propertyNames",
    "contains", "minContains", "maxContains", "unevaluatedProperties", "unevaluatedItems", "additionalItems",
)  # fmt: skip
_CORE = _all("keep", "type", "description", "enum", "anyOf", "properties", "required", "items", "format")
_REFS = _all("keep", "$ref", "$defs", "definitions")
_BOUNDS = ("minimum", "maximum", "minLength", "maxLength", "pattern", "minItems", "maxItems", "minProperties", "maxProperties")
_ODD_BOUNDS = _all("describe", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "uniqueItems")


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """One dialect. Keywords that are not in the table are dropped.

    formats       which formats a type may have, where that is limited
    lists         what becomes of `type` lists: `keep`; `optional` keeps [T, null] only; `anyOf`; `nullable`
    merge         allOf becomes one node
    const         it knows `const`
    closed        each object says additionalProperties: false
    all_required  each property is required, the optional ones may be null
    typed         each node needs a type
    inline        it knows no references
    string_enums  enums are non-empty strings
    tuples        it knows prefixItems
    inclusive     bounds are inclusive only
    type_names    types are written as names of an enum (`OBJECT`), and parameters without properties as nothing at all
    ordered       an output says in which order its properties come
    """

    keywords: Mapping[str, Treatment]
    formats: Mapping[str, frozenset[str]] | None = None
    lists: Literal["keep", "optional", "anyOf", "nullable"] = "keep"
    merge: bool = True
    const: bool = False
    closed: bool = False
    all_required: bool = False
    typed: bool = False
    inline: bool = False
    string_enums: bool = False
    tuples: bool = False
    inclusive: bool = False
    type_names: bool = False
    ordered: bool = False


_NET = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})
_INTS = frozenset({"int32", "int64"})

DIALECTS: dict[str, Rules] = {
    # https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
    "openai": Rules(
        keywords={**_CORE, **_REFS, **_LOGIC, **_ODD_BOUNDS, **_all("keep", *_BOUNDS)},
        formats={"string": _NET}, lists="optional", closed=True, all_required=True, typed=True,
    ),
    # https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations
    "anthropic": Rules(
        keywords={**_CORE, **_REFS, **_LOGIC, **_ODD_BOUNDS, **_all("describe", *_BOUNDS),
                  **_all("keep", "title", "allOf", "const", "prefixItems")},
        formats={"string": _NET | {"uri"}}, lists="anyOf", merge=False, const=True, closed=True, tuples=True,
    ),
    # https://ai.google.dev/api/caching#Schema
    "gemini": Rules(
        keywords={**_CORE, **_LOGIC, **_ODD_BOUNDS, **_all("keep", *_BOUNDS, "nullable", "propertyOrdering"),
                  "additionalProperties": "lose"},
        formats={"string": frozenset({"enum", "date-time"}), "number": _INTS | {"float", "double"}, "integer": _INTS},
        lists="nullable", typed=True, inline=True, string_enums=True, inclusive=True,
        type_names=True, ordered=True,
    ),
    # https://ai.google.dev/gemini-api/docs/structured-output#json-schema-support
    "gemini_json": Rules(
        keywords={**_CORE, **_REFS, **_LOGIC, **_ODD_BOUNDS, **_all("describe", *_BOUNDS),
                  **_all("keep", "minimum", "maximum", "minItems", "maxItems", "$id", "$anchor", "prefixItems",
                         "additionalProperties", "propertyOrdering")},
        tuples=True, inclusive=True, ordered=True,
    ),
}  # fmt: skip
