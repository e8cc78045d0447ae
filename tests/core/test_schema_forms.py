"""Schemas as they come: Google's own, and whatever else somebody sends."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pisces_proxy.schema_rules import DIALECTS
from pisces_proxy.schemas import adapt, from_gemini

ALL = ("plain", *DIALECTS)
_KEYWORDS = st.sampled_from(
    [
        "type",
        "properties",
        "items",
        "anyOf",
        "oneOf",
        "allOf",
        "$ref",
        "$defs",
        "enum",
        "const",
        "required",
        "not",
        "a",
        "prefixItems",
        "additionalProperties",
        "format",
        "if",
        "then",
        "exclusiveMinimum",
        "description",
        "nullable",
        "minItems",
        "uniqueItems",
        "default",
    ]
)


def test_googles_schema_is_read() -> None:
    schema = {
        "type": "OBJECT",
        "property_ordering": ["a"],
        "nullable": True,
        "description": None,
        "properties": {
            "type": {"type": "STRING", "format": "enum", "enum": ["x"], "nullable": True},
            "nullable": {"type": "ARRAY", "items": {"type": 3}, "min_items": "2"},
            "either": {"any_of": [{"type": "STRING"}, {"type": "NUMBER"}], "nullable": True},
        },
    }
    assert json.loads(from_gemini(json.dumps(schema).encode())) == {
        "type": ["object", "null"],
        "properties": {
            "type": {"type": ["string", "null"], "enum": ["x", None]},
            "nullable": {"type": "array", "items": {"type": "integer"}, "minItems": 2},
            "either": {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]},
        },
    }


def test_googles_schema_survives_the_way_there_and_back() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "string"},
            "b": {"type": "array", "items": {"type": "integer"}},
            "c": {"type": ["number", "null"]},
        },
        "required": ["a"],
    }
    body, lost = adapt(json.dumps(schema).encode(), "gemini")
    assert json.loads(from_gemini(body)) == schema
    assert not lost


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from(["string", "object", "array", "#", "#/$defs/a", "null", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYWORDS, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=200)
@given(
    schema=st.dictionaries(_KEYWORDS, _JSON, max_size=6), dialect=st.sampled_from(ALL), root=st.sampled_from(["tool", "output"])
)
def test_no_schema_is_too_odd(schema: Any, dialect: Any, root: Any) -> None:  # H143
    body, _ = adapt(json.dumps(schema).encode(), dialect, root=root)
    again, lost = adapt(body, dialect, root=root)
    if dialect in ("plain", "gemini_json"):
        assert (json.loads(again), lost) == (json.loads(body), ())
    assert from_gemini(body or b"{}")
