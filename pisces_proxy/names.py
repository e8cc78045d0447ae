"""Names and ids that a target cannot spell, changed and changed back; deterministic, so that prefixes stay cacheable."""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MINTED = 24


class _Style(NamedTuple):
    """Ids that fit stay; for the others a prefix and so many letters of their hash."""

    fits: re.Pattern[str]
    prefix: str = "call_"
    letters: int = _MINTED


_STYLES = {
    "any": _Style(re.compile(r".*", re.DOTALL)),
    "anthropic": _Style(re.compile(r"[a-zA-Z0-9_-]+"), "toolu_"),
    "le64": _Style(re.compile(r".{1,64}", re.DOTALL)),
    "le40": _Style(re.compile(r".{1,40}", re.DOTALL)),
    "mistral9": _Style(re.compile(r"[a-zA-Z0-9]{9}"), "", 9),
}


class Names:
    """Tool names for one request to one target: those it refuses get a spelling of their own, `<sanitised>_<hash4>`.

    `alphabet` is a regular expression character class body (`a-zA-Z0-9_-`), `limit` the longest name it takes,
    `first` the class body for the first character where that is narrower.
    """

    def __init__(self, alphabet: str = "a-zA-Z0-9_-", limit: int = 64, first: str = "") -> None:
        self.back: dict[str, str] = {}  # the target's spelling -> the client's; only names that changed
        self._spelled: dict[str, str] = {}  # every name asked for -> the target's spelling
        self._taken: set[str] = set()
        self._fits = re.compile(f"[{first or alphabet}][{alphabet}]{{0,{limit - 1}}}")
        self._foreign = re.compile(f"[^{alphabet}]")
        self._opens = re.compile(f"[{first or alphabet}]")
        self._limit = limit

    def to(self, name: str) -> str:
        if name not in self._spelled:
            self._spelled[name] = self._spelling(name)
            self._taken.add(self._spelled[name])
        return self._spelled[name]

    def _spelling(self, name: str) -> str:
        if name not in self._taken and self._fits.fullmatch(name):
            return name
        stem = self._foreign.sub("_", name)
        if not self._opens.match(stem):
            stem = ("_" if self._opens.match("_") else "t") + stem
        length = 4
        while (spelled := f"{stem[: self._limit - length - 1]}_{_digest(name, length)}") in self._taken:
            length += 1  # two names of one spelling: a longer hash tells them apart
        self.back[spelled] = name
        return spelled


def restore(names: dict[str, str], name: str) -> str:
    """The client's spelling of a tool name that came back from a target."""
    return names.get(name, name)


def minted_id(*parts: object, prefix: str = "call_") -> str:
    """An id for a call that came without one: a function of the parts (answer id, ordinal), 24 letters and digits."""
    return prefix + _digest("\x1f".join(map(str, parts)), _MINTED)


def fitting_id(id: str, style: str) -> str:
    """A tool call id as the target wants it, the same for the call and its result (wire.md C5): `any` leaves it, `anthropic`
    wants [a-zA-Z0-9_-]+ (else `toolu_` + hash), `le64` and `le40` bound the length, `mistral9` is nine letters and digits."""
    rule = _STYLES[style]
    return id if rule.fits.fullmatch(id) else rule.prefix + _digest(id, rule.letters)


def _digest(text: str, length: int) -> str:
    number = int.from_bytes(hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest(), "big")
    letters = []
    for _ in range(length):
        number, digit = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[digit])
    return "".join(letters)
