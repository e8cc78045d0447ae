"""JSON Schema in the dialects that upstreams take."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pisces_proxy.errors import BadRequest
from pisces_proxy.schema_rules import DIALECTS
from pisces_proxy.schemas import adapt

STRICT = ("openai", "anthropic")
ALL = ("plain", *DIALECTS)


def adapted(schema: Any, dialect: Any, root: Any = "tool") -> Any:
    body, _ = adapt(json.dumps(schema).encode(), dialect, root=root)
    return json.loads(body)


def losses(schema: Any, dialect: Any, root: Any = "tool") -> set[str]:
    return {loss.field for loss in adapt(json.dumps(schema).encode(), dialect, root=root)[1]}


def member(schema: Any, dialect: Any) -> Any:
    """One required property's schema after the change."""
    whole = {"type": "object", "properties": {"a": schema}, "required": ["a"]}
    return adapted(whole, dialect)["properties"]["a"]


@pytest.mark.parametrize(
    "schema", [b"", b"{}", b'{"type":"object"}', b'{"type":"object","properties":{}}', b"null", b'{"properties":null}']
)
@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        ("plain", {"type": "object", "properties": {}}),
        ("openai", {"type": "object", "properties": {}, "required": [], "additionalProperties": False}),
        ("anthropic", {"type": "object", "properties": {}, "additionalProperties": False}),
        ("gemini", None),
        ("gemini_json", {"type": "object", "properties": {}}),
    ],
)
def test_a_tool_without_parameters_is_valid_everywhere(schema: bytes, dialect: Any, expected: Any) -> None:  # H60
    body, lost = adapt(schema, dialect)
    assert (json.loads(body) if body else None) == expected
    assert not lost


NASTY = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "count": {"type": "integer", "exclusiveMinimum": 0},
        "ratio": {"type": "number", "exclusiveMaximum": 1},
        "mode": {"const": "fast"},
        "either": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        "maybe": {"type": ["string", "null"]},
        "mixed": {"type": ["string", "number"], "minLength": 2, "minimum": 3},
        "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        "map": {"type": "object", "propertyNames": {"pattern": "^a"}, "additionalProperties": {"type": "string"}},
    },
    "required": ["count", "gone"],
    "additionalProperties": False,
}


def test_what_google_refuses_is_not_sent_in_its_own_schema() -> None:  # H61
    assert adapted(NASTY, "gemini") == {
        "type": "OBJECT",
        "properties": {
            "count": {"type": "INTEGER", "minimum": 1},
            "ratio": {"type": "NUMBER", "maximum": 1, "description": "(exclusiveMaximum: 1)"},
            "mode": {"type": "STRING", "enum": ["fast"]},
            "either": {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]},
            "maybe": {"type": "STRING", "nullable": True},
            "mixed": {"anyOf": [{"type": "STRING", "minLength": 2}, {"type": "NUMBER", "minimum": 3}]},
            "tags": {"type": "ARRAY", "items": {"type": "STRING"}, "description": "(uniqueItems: true)"},
            "map": {"type": "OBJECT"},
        },
        "required": ["count"],
    }
    assert losses(NASTY, "gemini") == {
        "properties.ratio.exclusiveMaximum", "properties.tags.uniqueItems", "properties.map.propertyNames",
        "properties.map.additionalProperties",
    }  # fmt: skip


def test_what_google_takes_as_json_schema_stays() -> None:  # H61
    assert adapted(NASTY, "gemini_json") == {
        "type": "object",
        "properties": {
            "count": {"type": "integer", "minimum": 1},
            "ratio": {"type": "number", "maximum": 1, "description": "(exclusiveMaximum: 1)"},
            "mode": {"enum": ["fast"]},
            "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            "maybe": {"type": ["string", "null"]},
            "mixed": {"type": ["string", "number"], "minimum": 3, "description": "(minLength: 2)"},
            "tags": {"type": "array", "items": {"type": "string"}, "description": "(uniqueItems: true)"},
            "map": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        "required": ["count"],
        "additionalProperties": False,
    }


def test_a_strict_openai_schema_requires_all_and_is_closed() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "string", "format": "uri", "default": "x"},
            "b": {"type": "object", "properties": {"c": {"type": "integer", "enum": [1, 2]}}},
            "d": {"type": ["string", "null"]},
            "e": {"$ref": "#/$defs/E", "description": "an E"},
            "f": {"allOf": [{"$ref": "#/$defs/E"}]},
        },
        "required": ["a"],
        "$defs": {"E": {"type": "string", "enum": ["x"]}},
    }
    assert adapted(schema, "openai") == {
        "type": "object",
        "properties": {
            "a": {"type": "string", "description": '(format: "uri")'},
            "b": {
                "type": ["object", "null"],
                "properties": {"c": {"type": ["integer", "null"], "enum": [1, 2, None]}},
                "required": ["c"],
                "additionalProperties": False,
            },
            "d": {"type": ["string", "null"]},
            "e": {"description": "an E", "anyOf": [{"$ref": "#/$defs/E"}, {"type": "null"}]},
            "f": {"anyOf": [{"$ref": "#/$defs/E"}, {"type": "null"}]},
        },
        "required": ["a", "b", "d", "e", "f"],
        "additionalProperties": False,
        "$defs": {"E": {"type": "string", "enum": ["x"]}},
    }
    assert losses(schema, "openai") == {"properties.a.format"}


@pytest.mark.parametrize("dialect", STRICT)
def test_an_open_object_cannot_be_strict_and_that_is_said(dialect: Any) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "object"}, "b": {"type": "object", "additionalProperties": {}}}}
    assert losses(schema, dialect) == {"properties.a.additionalProperties", "properties.b.additionalProperties"}


def test_anthropic_reads_bounds_in_the_description() -> None:
    schema = {"type": "integer", "minimum": 1, "maximum": 5, "description": "How many"}
    assert member(schema, "anthropic") == {"type": "integer", "description": "How many (minimum: 1; maximum: 5)"}
    assert member({"type": "array", "minItems": 1}, "anthropic") == {"type": "array", "minItems": 1}
    assert member({"type": ["integer", "null"], "minimum": 1}, "anthropic") == {
        "anyOf": [{"type": "integer", "description": "(minimum: 1)"}, {"type": "null"}]
    }


@pytest.mark.parametrize("dialect", ALL)
def test_properties_named_like_keywords_are_data(dialect: Any) -> None:  # H62
    names = ["title", "format", "type", "default", "enum", "properties", "required", "$ref", "not", "const", "x-y", "items"]
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": names}
    out = adapted(schema, dialect)
    assert list(out["properties"]) == names
    assert out["required"] == names


TREE = {
    "type": "object",
    "properties": {"root": {"$ref": "#/$defs/Node"}},
    "$defs": {
        "Node": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}}},
        }
    },
}


@pytest.mark.parametrize("dialect", ["plain", "openai", "anthropic", "gemini_json"])
def test_a_recursive_schema_stays_where_references_are_known(dialect: Any) -> None:  # H63
    out = adapted(TREE, dialect)
    assert "$ref" in json.dumps(out["properties"]["root"])
    assert "$ref" in json.dumps(out["$defs"])
    assert not losses(TREE, dialect)


def test_a_recursive_schema_is_cut_off_where_references_are_unknown() -> None:  # H63
    at = adapted(TREE, "gemini")["properties"]["root"]
    for _ in range(3):
        at = at["properties"]["children"]["items"]
    assert at == {"type": "OBJECT"}
    assert len(losses(TREE, "gemini")) == 1


def test_a_definition_used_often_is_not_taken_for_recursion() -> None:
    maybe = {"anyOf": [{"$ref": "#/$defs/P"}, {"type": "null"}]}
    schema = {
        "type": "object",
        "properties": {f"p{n}": maybe for n in range(6)},
        "$defs": {"P": {"type": "object", "properties": {"x": {"type": "number"}}}},
    }
    point = {"type": "OBJECT", "properties": {"x": {"type": "NUMBER"}}, "nullable": True}
    assert adapted(schema, "gemini")["properties"] == {f"p{n}": point for n in range(6)}


def test_definitions_that_multiply_are_bounded() -> None:
    definitions: dict[str, Any] = {"d0": {"type": "string"}}
    for n in range(1, 25):
        definitions[f"d{n}"] = {"type": "object", "properties": {s: {"$ref": f"#/$defs/d{n - 1}"} for s in "ab"}}
    body, lost = adapt(json.dumps({"$ref": "#/$defs/d24", "$defs": definitions}).encode(), "gemini")
    assert len(body) < 500_000
    assert lost


@pytest.mark.parametrize(
    ("enum", "expected"),
    [
        ([1, 2, 3], {"type": "STRING", "enum": ["1", "2", "3"]}),
        (["a", None], {"type": "STRING", "enum": ["a"], "nullable": True}),
        (["", "a", "a"], {"type": "STRING", "enum": ["a"]}),
        ([None], {"type": "STRING", "nullable": True}),
        ([True, 1.5], {"type": "STRING", "enum": ["true", "1.5"]}),
    ],
)
def test_an_enum_is_made_of_strings_for_google(enum: list[Any], expected: Any) -> None:  # H64
    assert member({"enum": enum}, "gemini") == expected
    assert member({"enum": enum}, "gemini_json") == {"enum": enum}


@pytest.mark.parametrize("dialect", ALL)
@pytest.mark.parametrize(
    "node",
    [
        {"properties": None}, {"type": "array", "items": []}, {"type": "object", "required": None}, {"type": None},
        {"type": "any", "description": 5}, {"enum": {}}, {"anyOf": []}, {"type": []}, {"type": "OBJECT"}, None, 7, "string",
        {"required": True, "type": "string"}, {"items": None}, {"properties": {"b": None}}, {"minimum": None, "type": "number"},
        {"$ref": "#/nowhere", "type": "string"}, {"allOf": [None]}, True, False,
    ],
)  # fmt: skip
def test_malformed_nodes_are_repaired(node: Any, dialect: Any) -> None:  # H143
    whole = {"type": "object", "properties": {"a": node}, "required": None}
    out = adapted(whole, dialect)
    assert list(out["properties"]) == ["a"]
    body = json.dumps(out)
    assert "null" not in body.replace('"null"', "")
    assert '"any"' not in body


def test_a_plain_schema_that_is_well_formed_stays_as_it_is() -> None:
    schema = {**NASTY, "x-mine": {"type": "Weird"}, "default": {"type": None}, "examples": [None]}
    assert json.dumps(adapted(schema, "plain")) == json.dumps(schema)


def test_a_null_default_is_said_and_kept() -> None:
    assert member({"type": ["string", "null"], "default": None}, "plain") == {"type": ["string", "null"], "default": None}


def test_tuples_become_alternatives_where_they_are_unknown() -> None:
    pair = {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]}
    assert member(pair, "gemini") == {
        "minItems": 2, "maxItems": 2, "type": "ARRAY", "items": {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]},
    }  # fmt: skip
    assert member(pair, "gemini_json") == pair
    old = {"type": "array", "items": [{"type": "string"}, {"type": "integer"}]}
    assert member(old, "gemini_json") == pair


def test_all_of_is_merged_and_a_conflict_is_said() -> None:
    schema = {
        "allOf": [{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}, {"$ref": "#/$defs/B"}],
        "$defs": {"B": {"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"], "maxProperties": 3}},
    }
    out = adapted(schema, "gemini")
    assert out == {
        "type": "OBJECT",
        "properties": {"b": {"type": "STRING"}, "a": {"type": "STRING"}},
        "required": ["a", "b"],
        "maxProperties": 3,
    }
    assert losses({"type": "object", "properties": {"a": {"allOf": [{"type": "string"}, {"type": "integer"}]}}}, "gemini") == {
        "properties.a.type"
    }


def test_an_all_of_that_holds_itself_ends() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/A"}},
        "$defs": {"A": {"allOf": [{"$ref": "#/$defs/A"}, {"type": "string"}]}},
    }
    assert adapted(schema, "gemini")["properties"]["a"] == {"type": "STRING"}


@pytest.mark.parametrize("dialect", [*DIALECTS])
def test_a_tool_whose_root_is_a_reference_is_an_object(dialect: Any) -> None:
    schema = {
        "$ref": "#/definitions/Args",
        "definitions": {"Args": {"type": "object", "properties": {"a": {"type": "string"}}}},
    }
    out = adapted(schema, dialect)
    assert out["type"].lower() == "object"
    assert "a" in out["properties"]


@pytest.mark.parametrize("dialect", [*DIALECTS])
def test_a_tool_with_alternatives_at_its_root_is_one_object(dialect: Any) -> None:
    schema = {
        "anyOf": [
            {"type": "object", "properties": {"a": {"type": "string"}, "k": {"type": "string"}}, "required": ["a", "k"]},
            {"type": "object", "properties": {"b": {"type": "string"}, "k": {"type": "string"}}, "required": ["b", "k"]},
        ]
    }
    out = adapted(schema, dialect)
    assert set(out["properties"]) == {"a", "b", "k"}
    if dialect != "openai":
        assert out["required"] == ["k"]


@pytest.mark.parametrize("dialect", STRICT)
def test_an_output_that_is_no_object_is_wrapped(dialect: Any) -> None:
    out = adapted({"type": "array", "items": {"type": "string"}}, dialect, "output")
    assert out["type"] == "object"
    assert out["properties"]["value"] == {"type": "array", "items": {"type": "string"}}


def test_google_takes_any_root_as_output_and_keeps_the_order_of_properties() -> None:
    assert adapted({"type": "array", "items": {"type": "string"}}, "gemini_json", "output")["type"] == "array"
    ordered = adapted({"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "string"}}}, "gemini", "output")
    assert ordered["propertyOrdering"] == ["b", "a"]


def test_conditions_become_optional_properties_for_google() -> None:
    schema = {
        "type": "object",
        "properties": {"kind": {"type": "string"}},
        "if": {"properties": {"kind": {"const": "x"}}},
        "then": {"properties": {"x": {"type": "string"}}, "required": ["x"]},
    }
    assert adapted(schema, "gemini")["properties"] == {"x": {"type": "STRING"}, "kind": {"type": "STRING"}}
    assert losses(schema, "gemini") == {"if", "then"}


@pytest.mark.parametrize("dialect", ALL)
def test_the_same_schema_gives_the_same_bytes(dialect: Any) -> None:  # H114
    body = json.dumps(NASTY).encode()
    assert adapt(body, dialect) == adapt(body, dialect)


@pytest.mark.parametrize("dialect", ["openai", "gemini"])
def test_a_schema_nested_without_end_is_refused(dialect: Any) -> None:
    body = b'{"type":"array","items":' * 900 + b"{}" + b"}" * 900
    with pytest.raises(BadRequest):
        adapt(body, dialect)
