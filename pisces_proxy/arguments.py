"""Tool arguments: text until a target needs an object (wire.md C5), and text that arrives in pieces."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from .chat import Loss

_json = msgspec.json.Decoder(msgspec.Raw)
_encode = msgspec.json.Encoder().encode

_HIGH = r"\\u[dD][89abAB][0-9a-fA-F]{2}"
_LOW = r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_PAIR_OR_LONE = re.compile(rf"(\\[^u]|{_HIGH}{_LOW})|{_HIGH}|{_LOW}", re.DOTALL)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*("?)(\\?)|[{}\[\]]', re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f]")
_CLOSING = {"{": "}", "[": "]"}

_HEAD = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_WHOLE_ESCAPES = re.compile(rf'(?:[^"\\]+|\\[^u]|{_HIGH}{_LOW}|\\u(?![dD][89abAB])[0-9a-fA-F]{{4}})*', re.DOTALL)
_UNFINISHED = re.compile(rf"(?:{_HIGH})?(?:\\(?:u[0-9a-fA-F]{{0,3}})?)?|{_HIGH}\\u(?:[dD](?:[c-fC-F][0-9a-fA-F]?)?)?")
_ESCAPE = re.compile(rf"{_HIGH}{_LOW}|\\u[0-9a-fA-F]{{4}}|\\.", re.DOTALL)
_MARK = re.compile(r'\\.?|["{}\[\]]', re.DOTALL)
_NAMED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class _Input(msgspec.Struct, forbid_unknown_fields=True):
    input: str


_input = msgspec.json.Decoder(_Input)


# -- whole -------------------------------------------------------------------------------------------------------------


def as_object(arguments: str) -> tuple[bytes, Loss | None]:
    """JSON text of an object, numbers and key order untouched: empty -> `{}`; another JSON value -> {"value": ...} + Loss;
    broken JSON: open
    brackets and strings closed once, else {"_raw": "..."} + Loss."""
    if not arguments or arguments.isspace():
        return b"{}", None
    if (raw := _checked(arguments)) is not None:
        return _object(raw, None)
    if (raw := _checked(_closed(arguments))) is not None:
        return _object(raw, _changed("broken JSON was completed"))
    text = arguments.encode("utf-8", "replace").decode()
    return b'{"_raw":' + _encode(text) + b"}", _changed("broken JSON was sent as text")


def _object(raw: bytes, loss: Loss | None) -> tuple[bytes, Loss | None]:
    if raw.startswith(b"{"):
        return raw, loss
    return b'{"value":' + raw + b"}", loss or _changed("a JSON value that is no object was wrapped")


def _changed(reason: str) -> Loss:
    return Loss(field="tool_call.arguments", action="changed", reason=reason)


def _checked(text: str) -> bytes | None:
    """The bytes of this JSON without white space around, None where it is none."""
    # a surrogate outside of an escape can only stand in a string, where its escape means the same
    raw = text.strip().encode("utf-8", "backslashreplace")
    try:
        return bytes(_json.decode(raw))
    except (msgspec.DecodeError, RecursionError):
        return raw if _right_but_for_surrogates(raw.decode()) else None


def _right_but_for_surrogates(text: str) -> bool:
    """Lone surrogates are JSON (RFC 8259, 8.2), though the decoder refuses them."""
    if "\\u" not in text:
        return False
    whole = _PAIR_OR_LONE.sub(lambda match: match[1] or r"\ufffd", text)
    try:
        _json.decode(whole)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _closed(text: str) -> str:
    """With what is open closed, and line breaks inside of strings escaped."""
    pieces: list[str] = []
    closing: list[str] = []
    end = 0
    for match in _TOKEN.finditer(text):
        pieces.append(text[end : match.start()])
        pieces.append(_closed_token(match, closing))
        end = match.end()
    rest = (text[end:] if pieces else text).rstrip()
    if closing and rest.endswith((",", ":")):
        rest = rest[:-1] if rest.endswith(",") else rest + "null"
    return "".join((*pieces, rest, *reversed(closing)))


def _closed_token(match: re.Match[str], closing: list[str]) -> str:
    token = match[0]
    if token[0] == '"':
        whole = token if match[1] else token.removesuffix("\\") + '"'
        return _CONTROL.sub(lambda control: f"\\u{ord(control[0]):04x}", whole)
    if token in _CLOSING:
        closing.append(_CLOSING[token])
    elif closing and closing[-1] == token:
        closing.pop()
    return token


def compact(value: bytes) -> str:
    """JSON without insignificant white space, everything else as it stands (key order, number spelling, escapes)."""
    try:
        return msgspec.json.format(bytes(value), indent=-1).decode()
    except (msgspec.DecodeError, RecursionError):  # too deep, or a lone surrogate
        return bytes(value).decode("utf-8", "replace")


def wrap_input(text: str) -> str:
    """A free-form tool's input as arguments for a target that has functions only: {"input": text}."""
    return '{"input":' + _encode(text).decode() + "}"


def unwrap_input(arguments: str) -> str:
    """Back again; arguments of another shape stay as they are."""
    try:
        return _input.decode(arguments).input
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return arguments


# -- in pieces ---------------------------------------------------------------------------------------------------------


class InputUnwrapper:
    """`unwrap_input` for arguments that come in pieces: decodes the JSON string in {"input":"..."} as it grows, escapes
    and surrogate pairs cut anywhere included."""

    __slots__ = ("_held", "_place")

    def __init__(self) -> None:
        self._held = ""
        self._place: Literal["head", "string", "tail", "other"] = "head"

    def feed(self, piece: str) -> str:
        match self._place:
            case "string":
                return self._string(piece)
            case "head":
                return self._head(piece)
            case "other":
                return piece
            case "tail":
                return ""

    def end(self) -> str:
        """What was held back: arguments that broke off before their shape was clear."""
        held, self._held = self._held, ""
        return held if self._place == "head" else ""

    def _head(self, piece: str) -> str:
        held = self._held + piece
        if match := _HEAD.match(held):
            self._held, self._place = "", "string"
            return self._string(held[match.end() :])
        if '{"input":"'.startswith("".join(held.split())):
            self._held = held
            return ""
        self._held, self._place = "", "other"
        return held

    def _string(self, piece: str) -> str:
        if not self._held and "\\" not in piece and '"' not in piece:
            return piece
        text, said = self._held + piece, []
        self._held = ""
        while text:
            match = _WHOLE_ESCAPES.match(text)
            whole = match[0] if match else ""
            said.append(_ESCAPE.sub(_unescaped, whole))
            text = self._after(text[len(whole) :], said)
        return "".join(said)

    def _after(self, rest: str, said: list[str]) -> str:
        """What remains to be read where the whole escapes end."""
        if not rest:
            return ""
        if rest[0] == '"':
            self._place = "tail"
            return ""
        if _UNFINISHED.fullmatch(rest):
            self._held = rest
            return ""
        said.append("\ufffd" if re.match(_HIGH, rest) else rest[:2])
        return rest[6:] if re.match(_HIGH, rest) else rest[2:]


def _unescaped(match: re.Match[str]) -> str:
    escape = match[0]
    if escape[1] != "u":
        return _NAMED.get(escape[1], escape[1])
    code = int(escape[2:6], 16)
    if len(escape) == 12:
        return chr(0x10000 + ((code & 0x3FF) << 10) + (int(escape[8:], 16) & 0x3FF))
    return "\ufffd" if 0xD800 <= code <= 0xDFFF else chr(code)


class ArgumentsOnce:
    """Arguments in pieces from an upstream that says them twice: a provisional `{}` goes when others follow, and nothing
    passes behind the end of the object (wire.md C5)."""

    __slots__ = ("_depth", "_done", "_escaped", "_held", "_in_string")

    def __init__(self) -> None:
        self._depth = 0
        self._escaped = False  # the last piece ended with a backslash
        self._done = False
        self._held = ""
        self._in_string = False

    def feed(self, piece: str) -> str:
        if self._done or not piece:
            return ""
        if piece == "{}" and not self._depth:
            self._held = piece
            return ""
        start, self._held, self._escaped = int(self._escaped), "", False
        for match in _MARK.finditer(piece, start):
            self._count(match[0])
            if self._done:
                return piece[: match.end()]
        return piece

    def end(self) -> str:
        return self._held

    def _count(self, mark: str) -> None:
        if mark == "\\":
            self._escaped = True
        elif mark == '"':
            self._in_string = not self._in_string
        elif not self._in_string and mark in "{[":
            self._depth += 1
        elif not self._in_string and mark in "}]":
            self._depth -= 1
            self._done = self._depth == 0


class ThinkSplitter:
    """Thinking written into the text: `<think>...</think>` at the start of an answer (leading white space allowed), tags
    cut anywhere."""

    __slots__ = ("_held", "_place")

    def __init__(self) -> None:
        self._held = ""
        self._place = "start"

    def feed(self, piece: str) -> list[tuple[bool, str]]:
        """(is thinking, text) pieces, none empty."""
        if self._place == "answer":
            return [(False, piece)] if piece else []
        text, self._held = self._held + piece, ""
        return self._started(text) if self._place == "start" else self._thought(text)

    def _started(self, text: str) -> list[tuple[bool, str]]:
        said = text.lstrip()
        if said.startswith("<think>"):
            self._place = "thinking"
            return self._thought(said[7:])
        if "<think>".startswith(said):
            self._held = text
            return []
        self._place = "answer"
        return [(False, text)]

    def _thought(self, text: str) -> list[tuple[bool, str]]:
        thought, tag, answer = text.partition("</think>")
        if tag:
            self._place = "answer"
            return [pair for pair in ((True, thought), (False, answer)) if pair[1]]
        held = _may_become(text, ("</think>",))
        self._held = text[len(text) - held :]
        return [(True, text[: len(text) - held])] if len(text) > held else []

    def end(self) -> list[tuple[bool, str]]:
        """What was held back."""
        held, self._held = self._held, ""
        return [(self._place == "thinking", held)] if held else []


class StopScanner:
    """Stop sequences for a target that has none: text up to the first one, holding back what may become one."""

    hit: str = ""  # the sequence that was found

    def __init__(self, sequences: tuple[str, ...]) -> None:
        self._sequences = tuple(sequence for sequence in sequences if sequence)
        self._held = ""

    def feed(self, piece: str) -> str:
        if self.hit:
            return ""
        text, self._held = self._held + piece, ""
        # the one that is complete first, so that the cuts between pieces make no difference
        found = [(at + len(sequence), at, sequence) for sequence in self._sequences if (at := text.find(sequence)) >= 0]
        if found:
            _, at, self.hit = min(found)
            return text[:at]
        held = _may_become(text, self._sequences)
        self._held = text[len(text) - held :]
        return text[: len(text) - held]

    def end(self) -> str:
        held, self._held = self._held, ""
        return held


def _may_become(text: str, marks: tuple[str, ...]) -> int:
    """The length of the longest end of the text that begins one of the marks."""
    longest = min(max(map(len, marks), default=1) - 1, len(text))
    for length in range(longest, 0, -1):
        if any(mark.startswith(text[-length:]) for mark in marks):
            return length
    return 0
