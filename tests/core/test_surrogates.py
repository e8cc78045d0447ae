"""Halves of characters in JSON."""

from __future__ import annotations

import json

import msgspec
import pytest

from pisces_proxy.surrogates import disguised, mended, revealed

HALVES = [rb'"a\ud800b"', rb'"\uDFFF"', rb'"\ud83d\ud83d\ude00"', rb'"\ude00\ud83d"', rb'{"a":"\\\ud83dx"}', rb'["\ud83d\n"]']


@pytest.mark.parametrize("body", HALVES)
def test_h108_a_half_can_be_read_in_disguise_and_comes_back_as_it_was(body: bytes) -> None:
    hidden = disguised(body)
    assert len(hidden) == len(body)
    msgspec.json.decode(hidden)
    assert json.loads(revealed(hidden)) == json.loads(body)


@pytest.mark.parametrize("body", HALVES)
def test_h108_a_mended_body_can_be_read(body: bytes) -> None:
    assert "\ufffd" in json.dumps(msgspec.json.decode(mended(body)), ensure_ascii=False)


@pytest.mark.parametrize("body", [b'"plain"', rb'"\ud83d\ude00"', rb'"\\ud800"', '"😀"'.encode(), rb'"\u00e9"'])
def test_a_body_without_halves_needs_no_disguise(body: bytes) -> None:
    assert disguised(body) == b""
    assert mended(body) == body


def test_a_body_with_private_characters_of_its_own_is_mended_for_good() -> None:
    body = rb'"\ue800 \ud800"'
    assert disguised(body) == rb'"\ue800 \ufffd"'
