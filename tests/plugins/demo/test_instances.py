"""A value made for a schema satisfies it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pisces_demo.instances import instance
from plugins.demo.validity import valid


def made(schema: Any) -> Any:
    return instance(msgspec.json.encode(schema))


TREE = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}}},
    "required": ["name", "children"],
    "additionalProperties": False,
}
PERSON = {
    "$defs": {"Address": {"type": "object", "properties": {"street": {"type": "string"}}, "required": ["street"]}},
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 6},
        "age": {"type": "integer", "minimum": 18, "maximum": 99},
        "home": {"$ref": "#/$defs/Address"},
        "mood": {"enum": ["calm", "glad"]},
        "nick": {"anyOf": [{"type": "null"}, {"type": "string"}]},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 3, "uniqueItems": True},
    },
    "required": ["name", "age", "home", "mood", "nick", "tags"],
    "additionalProperties": False,
}
SCHEMAS = [
    TREE,
    PERSON,
    {"const": 7},
    {"enum": [None, "a"]},
    {"type": ["null", "integer"]},
    {"type": "integer", "exclusiveMinimum": 3, "multipleOf": 5},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "integer", "maximum": -4},
    {"type": "string", "minLength": 9},
    {"type": "string", "maxLength": 2},
    {"type": "string", "maxLength": 0},
    {"type": "string", "pattern": "^[A-Z]{3}$"},
    {"type": "string", "pattern": r"^\d{5}$"},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 2},
    {"type": "array", "items": {"type": "integer"}, "maxItems": 0},
    {"allOf": [{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"required": ["b"]}]},
    {"anyOf": [{"type": "object", "properties": {"kind": {"const": "x"}}, "required": ["kind"]}, {"type": "string"}]},
    {"type": "object", "properties": {"deep": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["deep"]},
    {"type": "object"},
    {"type": "object", "properties": {"title": {"type": "string"}, "type": {"type": "string"}}, "required": ["type"]},
]  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: str(schema)[:60])
def test_the_value_satisfies_the_schema(schema: Any) -> None:
    value = made(schema)
    assert valid(value, schema, schema), value


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b"true", b'{"$ref": "#"}', b'{"$ref": "#/nowhere"}', b'{"anyOf": []}'])
def test_a_schema_that_says_nothing_still_gets_a_value(broken: bytes) -> None:
    assert instance(broken) in ({}, "demo")


def test_required_properties_come_in_the_schemas_order() -> None:
    assert list(made(PERSON)) == ["name", "age", "home", "mood", "nick", "tags"]


def test_the_formats_of_the_standard_are_filled_in() -> None:
    assert made({"type": "string", "format": "email"}) == "user@example.com"
    assert made({"type": "string", "format": "date"}) == "2025-01-01"


PLAIN = st.one_of(
    st.builds(lambda a, n: {"type": "integer", "minimum": a, "maximum": a + n}, st.integers(-50, 50), st.integers(0, 9)),
    st.builds(lambda a, n: {"type": "string", "minLength": a, "maxLength": a + n}, st.integers(0, 9), st.integers(0, 9)),
    st.builds(lambda options: {"enum": options}, st.lists(st.text(max_size=4), min_size=1, max_size=3)),
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"const": "x"}, {"type": ["number", "null"]}]),
)


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    properties = st.dictionaries(st.sampled_from(["name", "city", "count", "type", "items"]), inner, min_size=1, max_size=3)
    return st.one_of(
        st.builds(
            lambda rows: {"type": "object", "properties": rows, "required": [*rows], "additionalProperties": False}, properties
        ),
        st.builds(lambda item, least: {"type": "array", "items": item, "minItems": least}, inner, st.integers(0, 3)),
        st.builds(lambda options: {"anyOf": options}, st.lists(inner, min_size=1, max_size=2)),
    )


@settings(max_examples=150, deadline=None)
@given(st.recursive(PLAIN, objects, max_leaves=8))
def test_any_composed_schema_is_satisfied(schema: Any) -> None:
    assert valid(made(schema), schema, schema)
