"""Google's JSON, read as leniently as Google does: camelCase or snake_case, null for unset, numbers in quotes (wire.md A4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw

from pisces_proxy.errors import BadRequest

from .google import word

_object = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[Raw])
_text = msgspec.json.Decoder(str)
_float = msgspec.json.Decoder(float, strict=False)
_integer = msgspec.json.Decoder(int, strict=False)
_flag = msgspec.json.Decoder(bool, strict=False)
_enum = msgspec.json.Decoder(str | int)
_encode = msgspec.json.Encoder().encode


def camel(name: str) -> str:
    """`system_instruction` as `systemInstruction`."""
    if "_" not in name.strip("_"):
        return name
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def is_text(raw: bytes | Raw) -> bool:
    return bytes(memoryview(raw)[:1]) == b'"'


def _is_null(raw: Raw) -> bool:
    view = memoryview(raw)  # not copied: it may be a film
    return view.nbytes == 4 and bytes(view) == b"null"


class Object:
    """One object. Only its members' names are read: what stands in them is asked for by name, and keeps its bytes."""

    __slots__ = ("_members", "path")

    def __init__(self, body: bytes | Raw, path: str = "") -> None:
        self.path = path
        members: dict[str, Raw] = self._decoded(_object, body, "an object")
        self._members = {camel(name): value for name, value in members.items() if not _is_null(value)}

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def _decoded(self, decoder: msgspec.json.Decoder[Any], raw: bytes | Raw, what: str, name: str = "") -> Any:
        at = self.at(name) if name else self.path
        try:
            return decoder.decode(raw)
        except msgspec.ValidationError:
            raise BadRequest(f"{at or 'The body'} must be {what}.", param=at or None, code="invalid_value") from None
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise BadRequest(f"The body is not valid JSON: {error}") from None

    def _read(self, name: str, decoder: msgspec.json.Decoder[Any], what: str) -> Any:
        raw = self._members.get(name)
        return None if raw is None else self._decoded(decoder, raw, what, name)

    def text(self, name: str) -> str:
        return self._read(name, _text, "a string") or ""

    def number(self, name: str) -> float | None:
        value: float | None = self._read(name, _float, "a number")
        return value

    def integer(self, name: str) -> int | None:
        value: int | None = self._read(name, _integer, "an integer")
        return value

    def flag(self, name: str) -> bool:
        return bool(self._read(name, _flag, "true or false"))

    def enum(self, name: str, names: tuple[str, ...] = ()) -> str:
        return word(self._read(name, _enum, "a string"), names)

    def raw(self, name: str) -> bytes:
        return bytes(self._members[name]) if name in self._members else b""

    def items(self, name: str) -> list[Raw]:
        """The members of a list; one thing alone stands for a list of it."""
        raw = self._members.get(name)
        if raw is None:
            return []
        if bytes(memoryview(raw)[:1]) != b"[":
            return [raw]
        values: list[Raw] = self._decoded(_list, raw, "a list", name)
        return [value for value in values if not _is_null(value)]

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(self._decoded(_text, raw, "a list of strings", name) for raw in self.items(name))

    def enums(self, name: str, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(word(self._decoded(_enum, raw, "a list of strings", name), names) for raw in self.items(name))

    def object(self, name: str) -> Object | None:
        return Object(self._members[name], self.at(name)) if name in self._members else None

    def objects(self, name: str) -> list[Object]:
        return [Object(raw, f"{self.at(name)}[{number}]") for number, raw in enumerate(self.items(name))]

    def only(self, *names: str) -> bytes:
        """An object of these members, as they stand."""
        return _encode({name: self._members[name] for name in names if name in self._members})

    def rest(self, known: frozenset[str]) -> dict[str, bytes]:
        return {name: bytes(raw) for name, raw in self._members.items() if name not in known}


EMPTY = Object(b"{}")


def string(raw: bytes | Raw) -> str:
    return _text.decode(raw)
