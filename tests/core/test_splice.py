"""Change a JSON object's top level and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisces_proxy import splice
from pisces_proxy.errors import BadRequest

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(WORDS, VALUES, max_size=5)


def test_what_is_not_changed_keeps_its_bytes() -> None:
    body = b'{ "model" : "a", "n":1.0 , "big":123456789012345678901234567890,\n "deep": { "x" : [ 1e21 ] },"u":"\\u00e9" }'
    assert splice.edit(body, {"model": b'"c"'}) == (
        b'{"model":"c","n":1.0,"big":123456789012345678901234567890,"deep":{ "x" : [ 1e21 ] },"u":"\\u00e9"}'
    )


@given(OBJECTS)
def test_no_change_says_the_same(value: dict[str, Any]) -> None:
    body = json.dumps(value, ensure_ascii=False).encode()
    assert json.loads(splice.edit(body, {})) == value


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"a": b"9"}, {"a": 9, "b": 2}),
        ({"c": b"[3]"}, {"a": 1, "b": 2, "c": [3]}),
        ({"a": None}, {"b": 2}),
        ({"c": None}, {"a": 1, "b": 2}),
        ({"a": None, "b": None}, {}),
        ({'q"\\': b"1"}, {"a": 1, "b": 2, 'q"\\': 1}),
    ],
)
def test_members_are_set_added_and_removed(changes: dict[str, bytes | None], expected: dict[str, Any]) -> None:
    edited = splice.edit(b'{"a":1,"b":2}', changes)
    assert json.loads(edited) == expected
    assert list(json.loads(edited)) == list(expected)


def test_h108_of_two_members_of_a_name_the_last_one_counts() -> None:
    assert splice.edit(b'{"a":1,"b":2,"a":3}', {}) == b'{"a":3,"b":2}'


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'"a"', b"{", b'{"a":NaN}', b'{"a":1}x', b"[" * 100_000, b'{"a":' * 100_000, b"\xff"]
)
def test_h108_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        splice.members(body)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a":1}', b'{"a":1,"z":[2]}'),
        (b'{"a":1 } \n', b'{"a":1 ,"z":[2]}'),
        (b"{}", b'{"z":[2]}'),
        (b" { } ", b' { "z":[2]}'),
        (b'{"a":{}}', b'{"a":{},"z":[2]}'),
        (b'{"a":"{"}', b'{"a":"{","z":[2]}'),
        (b"[1]", b"[1]"),
    ],
)
def test_a_member_is_put_at_the_end(body: bytes, expected: bytes) -> None:
    assert splice.append(body, "z", b"[2]") == expected


@given(OBJECTS)
def test_a_member_at_the_end_leaves_the_others(value: dict[str, Any]) -> None:
    value.pop("z", None)
    assert json.loads(splice.append(json.dumps(value).encode(), "z", b"0")) == {**value, "z": 0}
