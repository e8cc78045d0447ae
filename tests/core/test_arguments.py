"""Tool arguments: text until a target needs an object, and text that arrives in pieces."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisces_proxy import arguments
from pisces_proxy.arguments import ArgumentsOnce, InputUnwrapper, StopScanner, ThinkSplitter

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


# -- whole -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_a_call_without_arguments_becomes_an_empty_object(text: str) -> None:
    assert arguments.as_object(text) == (b"{}", None)


@pytest.mark.parametrize(
    "text",
    [
        '{"big":123456789012345678901234567890,"float":1.0,"exp":1e21,"neg":-0.0}',
        '{"b":1,"a":2,"b":3}',
        '{ "spaced" : [ 1 , 2 ] }',
        '{"text":"\\u00e9\\/ 😀"}',
        '{"lone":"\\ud83d","pair":"\\ud83d\\ude00","not":"\\\\ud83d"}',
    ],
)
def test_h109_an_object_keeps_every_byte(text: str) -> None:
    assert arguments.as_object(f"\n{text} ") == (text.encode(), None)


def test_h108_a_lone_surrogate_in_the_text_becomes_its_escape() -> None:
    assert arguments.as_object('{"a":"\ud83d"}') == (b'{"a":"\\ud83d"}', None)


@pytest.mark.parametrize("text", ["[1, 2.0]", '"text"', "1e21", "null", "true"])
def test_another_value_is_wrapped(text: str) -> None:
    body, loss = arguments.as_object(text)
    assert body == b'{"value":' + text.encode() + b"}"
    assert loss is not None and loss.action == "changed"


@pytest.mark.parametrize(
    ("broken", "completed"),
    [
        ('{"a":1', '{"a":1}'),
        ('{"a":{"b":[1.0,{"c":"d"', '{"a":{"b":[1.0,{"c":"d"}]}}'),
        ('{"a":"open', '{"a":"open"}'),
        ('{"a":"brace } in text', '{"a":"brace } in text"}'),
        ('{"a":"back\\', '{"a":"back"}'),
        ('{"a":1,', '{"a":1}'),
        ('{"a":', '{"a":null}'),
        ('{"a":"line\nbreak"}', '{"a":"line\\u000abreak"}'),
        ("{", "{}"),
    ],
)
def test_broken_json_is_completed_once(broken: str, completed: str) -> None:
    body, loss = arguments.as_object(broken)
    assert body.decode() == completed
    assert loss is not None and loss.action == "changed"


@pytest.mark.parametrize(
    "text", ["Paris", "{'a': 1}", '{"a":1}}', '{"a" 1}', "NaN", '{"a":NaN}', "{]", '{"a":tru', '{"a":01}', "\\"]
)
def test_what_cannot_be_completed_is_sent_as_text(text: str) -> None:
    body, loss = arguments.as_object(text)
    assert json.loads(body) == {"_raw": text}
    assert loss is not None


@pytest.mark.parametrize("text", ["[" * 100_000 + "]" * 100_000, '{"a":' * 50_000, "[" * 200_000])
def test_h108_nesting_without_end_is_text(text: str) -> None:
    body, loss = arguments.as_object(text)
    assert json.loads(body) == {"_raw": text}
    assert loss is not None


@given(st.text(max_size=60) | st.text(alphabet='{}[]":,\\u dDa8cC0', max_size=40))
def test_any_text_becomes_an_object(text: str) -> None:
    body, _ = arguments.as_object(text)
    assert body.startswith(b"{") and isinstance(json.loads(body), dict)


@given(st.dictionaries(TEXT, st.integers() | TEXT | st.none() | st.lists(st.floats(allow_nan=False, allow_infinity=False))))
def test_an_object_cut_anywhere_is_an_object(value: dict[str, Any]) -> None:
    text = json.dumps(value)
    for end in range(0, len(text), max(1, len(text) // 20)):
        assert isinstance(json.loads(arguments.as_object(text[:end])[0]), dict)


@pytest.mark.parametrize(
    ("loose", "tight"),
    [
        (b' { "b" : [ 1.0 , 1e21 ] , "a" : "x  y" } ', '{"b":[1.0,1e21],"a":"x  y"}'),
        (b'{"n":123456789012345678901234567890,"e":"\\u00e9\\/"}', '{"n":123456789012345678901234567890,"e":"\\u00e9\\/"}'),
        ('{"é": "你"}'.encode(), '{"é":"你"}'),
        (b'{"a": "\\ud83d"}', '{"a": "\\ud83d"}'),
        (b"[" * 5000 + b"]" * 5000, "[" * 5000 + "]" * 5000),
    ],
)
def test_h109_compact_json_says_the_same(loose: bytes, tight: str) -> None:
    assert arguments.compact(loose) == tight


@given(TEXT)
def test_h106_a_wrapped_input_is_unwrapped(text: str) -> None:
    assert arguments.unwrap_input(arguments.wrap_input(text)) == text


@pytest.mark.parametrize("text", ["", "{}", '{"input":1}', '{"input":"a","more":1}', '{"other":"a"}', "plain", '"a"'])
def test_arguments_of_another_shape_stay(text: str) -> None:
    assert arguments.unwrap_input(text) == text


# -- in pieces ---------------------------------------------------------------------------------------------------------


def unwrapped(parts: list[str]) -> str:
    unwrapper = InputUnwrapper()
    return "".join(map(unwrapper.feed, parts)) + unwrapper.end()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"input":"plain"}', "plain"),
        (' {\n "input" : "spaced" }\n', "spaced"),
        ('{"input":"a\\n\\t\\"b\\"\\\\ \\/ c"}', 'a\n\t"b"\\ / c'),
        ('{"input":"\\u00e9\\ud83d\\ude00!"}', "é😀!"),
        ('{"input":"\\\\ud83d"}', "\\ud83d"),
        ('{"input":"lone \\ud83d\\n \\ud83dx \\ude00."}', "lone \ufffd\n \ufffdx \ufffd."),
        ('{"input":"raw\nline"}', "raw\nline"),
        ('{"input":""}', ""),
        ("{}", "{}"),
        ('{"other":"x"}', '{"other":"x"}'),
        ('{"input":1}', '{"input":1}'),
        ("plain", "plain"),
        ('{"inp', '{"inp'),
        ('{"input":"broken o', "broken o"),
        ("", ""),
    ],
)
def test_h106_an_input_is_unwrapped_however_it_is_cut(text: str, said: str, size: int) -> None:
    assert unwrapped(pieces(text, size)) == said


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 9), st.booleans())
def test_h106_any_input_is_unwrapped(text: str, size: int, ascii_only: bool) -> None:
    wrapped = json.dumps({"input": text}, ensure_ascii=ascii_only)
    assert unwrapped(pieces(wrapped, size)) == text


@given(st.text(alphabet='\\ud83DeE0"nx ', max_size=40), st.integers(1, 5))
def test_h106_broken_escapes_are_read_the_same_however_they_are_cut(text: str, size: int) -> None:
    whole = '{"input":"' + text
    assert unwrapped(pieces(whole, size)) == unwrapped(["{", whole[1:]])


def test_h106_an_input_is_told_as_it_grows() -> None:
    unwrapper = InputUnwrapper()
    assert [unwrapper.feed(part) for part in ['{"input":"*** Be', "gin\\", "n+x\\ud8", '3d\\ude00"', "}"]] == [
        "*** Be",
        "gin",
        "\n+x",
        "😀",
        "",
    ]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (['{"a":', "1}"], '{"a":1}'),
        (["{}", '{"a":1}'], '{"a":1}'),
        (["{}"], "{}"),
        (['{"a":1}', '{"a":1}'], '{"a":1}'),
        (['{"a":', '"}"', "}", '{"a":"}"}'], '{"a":"}"}'),
        (['{"a":"\\', '"}', '"}', "x"], '{"a":"\\"}"}'),
        (['{"a":', "{}", "}"], '{"a":{}}'),
        (['{"a":[1', "]}  ", "junk"], '{"a":[1]}'),
        ([], ""),
    ],
)
def test_arguments_said_twice_are_taken_once(parts: list[str], said: str) -> None:
    once = ArgumentsOnce()
    assert "".join(map(once.feed, parts)) + once.end() == said


def _thinking(parts: list[str]) -> tuple[str, str]:
    splitter = ThinkSplitter()
    said = [pair for part in parts for pair in splitter.feed(part)] + splitter.end()
    assert all(text for _, text in said)
    return "".join(text for thinking, text in said if thinking), "".join(text for thinking, text in said if not thinking)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("text", "thought", "answer"),
    [
        ("<think>a<b</think>c", "a<b", "c"),
        (" \n<think>\na\n</think>\n\nc", "\na\n", "\n\nc"),
        ("<think></think>c", "", "c"),
        ("<think>never closed </thin", "never closed </thin", ""),
        ("say <think>x</think>", "", "say <think>x</think>"),
        ("<thin air", "", "<thin air"),
        ("  plain", "", "  plain"),
        ("<thi", "", "<thi"),
        ("<think>a</think>b<think>c</think>", "a", "b<think>c</think>"),
        ("<think>a</</think>b", "a</", "b"),
        ("", "", ""),
    ],
)
def test_thinking_in_the_text_is_told_apart_however_it_is_cut(text: str, thought: str, answer: str, size: int) -> None:
    assert _thinking(pieces(text, size)) == (thought, answer)


def test_thinking_is_told_as_it_grows() -> None:
    splitter = ThinkSplitter()
    assert [splitter.feed(part) for part in ["<th", "ink>so ", "it is</", "think>", "yes"]] == [
        [],
        [(True, "so ")],
        [(True, "it is")],
        [],
        [(False, "yes")],
    ]


def _stopped(parts: list[str], sequences: tuple[str, ...]) -> tuple[str, str]:
    scanner = StopScanner(sequences)
    return "".join(map(scanner.feed, parts)) + scanner.end(), scanner.hit


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("text", "sequences", "said", "hit"),
    [
        ("one END two", ("END",), "one ", "END"),
        ("one EN", ("END",), "one EN", ""),
        ("aabaab", ("aab",), "", "aab"),
        ("a b c", ("c", "b"), "a ", "b"),
        ("xabcdy", ("abcde", "bc"), "xa", "bc"),
        ("xabc", ("bc", "abc"), "x", "abc"),
        ("aaab", ("aab",), "a", "aab"),
        ("text", (), "text", ""),
        ("text", ("",), "text", ""),
    ],
)
def test_a_stop_sequence_ends_the_text_however_it_is_cut(
    text: str, sequences: tuple[str, ...], said: str, hit: str, size: int
) -> None:
    assert _stopped(pieces(text, size), sequences) == (said, hit)


@given(
    st.text(alphabet="ab", max_size=30), st.lists(st.text(alphabet="ab", min_size=1, max_size=4), max_size=3), st.integers(1, 5)
)
def test_a_stop_sequence_is_found_wherever_it_is_cut(text: str, sequences: list[str], size: int) -> None:
    marks = tuple(sequences)
    assert _stopped(pieces(text, size), marks) == _stopped([text], marks)
    assert not any(mark in _stopped([text], marks)[0] for mark in marks)


def test_a_stop_sequence_holds_back_no_more_than_it_must() -> None:
    scanner = StopScanner(("\n\nHuman:",))
    assert [scanner.feed(part) for part in ["Hello", " there\n", "friend"]] == ["Hello", " there", "\nfriend"]


@pytest.mark.parametrize("make", [InputUnwrapper, ThinkSplitter, ArgumentsOnce, lambda: StopScanner(("x",))])
def test_nothing_in_is_nothing_out(make: Callable[[], Any]) -> None:
    reader = make()
    assert not reader.feed("")
    assert not reader.end()
