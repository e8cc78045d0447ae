"""Names and ids that a target cannot spell, changed and changed back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisces_proxy.names import Names, fitting_id, minted_id, restore

WILD = ["mcp:files.read", "a.b", "a:b", "über", "x" * 65, "x" * 200, "", " ", "get weather", "工具"]


@pytest.mark.parametrize("name", ["get_weather", "a-b", "A1", "x" * 64])
def test_a_name_that_fits_stays(name: str) -> None:
    names = Names()
    assert names.to(name) == name
    assert not names.back


@pytest.mark.parametrize("name", WILD)
def test_h59_a_name_that_does_not_fit_is_changed_and_restored(name: str) -> None:
    names = Names()
    spelled = names.to(name)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", spelled)
    assert restore(names.back, spelled) == name


def test_h59_a_name_keeps_its_looks() -> None:
    assert re.fullmatch(r"mcp_files_read_[a-zA-Z0-9]{4}", Names().to("mcp:files.read"))


@pytest.mark.parametrize("name", ["1st", "-x", "9", ""])
def test_h59_a_first_character_may_be_narrower(name: str) -> None:
    names = Names(alphabet="a-zA-Z0-9_.-", limit=64, first="a-zA-Z_")
    spelled = names.to(name)
    assert re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_.-]{0,63}", spelled)
    assert restore(names.back, spelled) == name


def test_the_first_character_may_have_to_be_a_letter() -> None:
    assert Names(first="a-z").to("_hidden")[0] == "t"


@given(st.lists(st.text(max_size=80), unique=True, max_size=20))
def test_h59_different_names_stay_different(names: list[str]) -> None:
    known = Names(alphabet="a-z", limit=12)
    spelled = [known.to(name) for name in names]
    assert len(set(spelled)) == len(names)
    assert [restore(known.back, name) for name in spelled] == names
    assert [known.to(name) for name in names] == spelled


def test_a_name_that_looks_like_a_changed_one_gives_way() -> None:
    names = Names()
    changed = names.to("a.b")
    assert names.to(changed) != changed
    assert restore(names.back, names.to(changed)) == changed


def test_names_are_the_same_in_every_process() -> None:
    assert Names().to("a.b") == Names().to("a.b") == "a_b_sgGo"


def test_a_minted_id_is_a_function_of_its_parts() -> None:
    assert minted_id("resp_1", 0) == minted_id("resp_1", 0)
    assert re.fullmatch(r"call_[0-9a-zA-Z]{24}", minted_id("resp_1", 0))
    assert minted_id("resp_1", 0, prefix="toolu_").startswith("toolu_")


def test_minted_ids_differ_with_any_part() -> None:
    assert len({minted_id("a", 0), minted_id("a", 1), minted_id("b", 0), minted_id("a", "01"), minted_id("a0", 1)}) == 5


@pytest.mark.parametrize(
    ("style", "shape"),
    [
        ("any", r".*"),
        ("anthropic", r"[a-zA-Z0-9_-]+"),
        ("le64", r".{1,64}"),
        ("le40", r".{1,40}"),
        ("mistral9", r"[a-zA-Z0-9]{9}"),
    ],
)
@given(id=st.text(max_size=90))
def test_h58_an_id_fits_and_stays_fitting(style: str, shape: str, id: str) -> None:
    fitting = fitting_id(id, style)
    assert re.fullmatch(shape, fitting, re.DOTALL)
    assert fitting_id(fitting, style) == fitting == fitting_id(id, style)


@pytest.mark.parametrize(
    ("id", "style"),
    [
        ("functions.get:0", "any"),
        ("toolu_01-A", "anthropic"),
        ("call|fc_1", "le64"),
        ("x" * 40, "le40"),
        ("abcDEF123", "mistral9"),
    ],
)
def test_h58_an_id_that_fits_stays(id: str, style: str) -> None:
    assert fitting_id(id, style) == id


@pytest.mark.parametrize(
    ("id", "style", "start"),
    [
        ("functions.get:0", "anthropic", "toolu_"),
        ("call|fc_1", "anthropic", "toolu_"),
        ("x" * 65, "le64", "call_"),
        ("x" * 41, "le40", "call_"),
    ],
)
def test_h58_an_id_that_does_not_fit_is_hashed(id: str, style: str, start: str) -> None:
    assert fitting_id(id, style) != id
    assert fitting_id(id, style).startswith(start)
    assert fitting_id(id, style) != fitting_id(id + "1", style)
