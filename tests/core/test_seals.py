"""Another family's signature inside the client's own opaque field."""

from __future__ import annotations

import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisces_proxy.chat import Signature
from pisces_proxy.seals import LIMIT, PREFIX, Seals

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SEALS = Seals([b"secret"])
PROOF = Signature(kind="anthropic", data="c2lnbmVk", family="claude", id="msg_1")


def sealed(seals: Seals = SEALS, proof: Signature = PROOF) -> str:
    carrier = seals.seal(proof)
    assert carrier is not None
    return carrier


@given(WORDS, WORDS, WORDS, st.text(st.characters(codec="ascii"), max_size=30))
def test_what_is_sealed_opens(data: str, family: str, id: str, kind: str) -> None:
    proof = Signature(kind=kind, data=data, family=family, id=id)
    assert SEALS.open(sealed(proof=proof)) == proof


def test_a_carrier_is_the_same_each_time() -> None:
    assert sealed() == sealed(Seals([b"secret"]))


def test_a_carrier_is_base64_and_looks_like_one() -> None:
    carrier = sealed()
    assert base64.b64decode(carrier, validate=True)
    assert carrier.startswith(PREFIX) and Seals.looks_sealed(carrier)
    assert not Seals.looks_sealed("EqQBCkYIBRgC")


@pytest.mark.parametrize("change", [lambda text: text.rstrip("="), lambda text: text.replace("+", "-").replace("/", "_")])
def test_a_carrier_opens_in_another_alphabet(change: object) -> None:
    for number in range(20):  # some of them have padding, some have letters that differ
        proof = Signature(kind="k", data=str(number) * number)
        assert callable(change)
        assert SEALS.open(change(sealed(proof=proof))) == proof


def test_an_old_secret_still_opens() -> None:
    rotated = Seals([b"new", b"secret"])
    assert rotated.open(sealed()) == PROOF
    assert SEALS.open(sealed(rotated)) is None


@pytest.mark.parametrize("text", ["", "UFND", "UFNDAA==", "UFND!!!!", "EqQBCkYIBRgC", "UFNDé", "x" * 100])
def test_what_was_not_sealed_does_not_open(text: str) -> None:
    assert SEALS.open(text) is None


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_forged_carrier_does_not_open(at: int, change: int) -> None:
    raw = bytearray(base64.b64decode(sealed()))
    raw[at % len(raw)] ^= change
    assert SEALS.open(base64.b64encode(raw).decode()) is None


@given(st.integers(0, 200))
def test_a_cut_carrier_does_not_open(end: int) -> None:
    carrier = sealed()
    assert end >= len(carrier.rstrip("=")) or SEALS.open(carrier[:end]) is None


def test_what_is_too_large_is_not_sealed() -> None:
    noise = base64.b64encode(random.Random(1).randbytes(2 * LIMIT)).decode()
    assert SEALS.seal(Signature(kind="k", data=noise)) is None


def test_a_ring_has_a_secret_and_does_not_show_it() -> None:
    assert "secret'" not in repr(SEALS) and "b'" not in repr(SEALS)
    with pytest.raises(ValueError, match="at least one"):
        Seals([])
