"""multipart/form-data as values (RFC 7578): read for its small fields, sent on with its large files where they lie."""

from __future__ import annotations

import abc
import io
from collections.abc import Iterator
from typing import BinaryIO

import msgspec


class File(abc.ABC):
    """A file of a form, wherever it lies (memory, a spooled temporary file). `size` in bytes."""

    size: int

    @abc.abstractmethod
    def read(self) -> bytes:
        """All of it, for those that must look inside."""

    @abc.abstractmethod
    def chunks(self) -> Iterator[bytes]:
        """All of it in pieces of at most 256 KiB, from the beginning each time."""

    def open(self) -> BinaryIO:
        """A seekable reader with a place of its own, for those that look at parts of it."""
        return io.BytesIO(self.read())


class Held(File):
    """A file in memory."""

    def __init__(self, data: bytes) -> None:
        self.size = len(data)
        self._data = data

    def read(self) -> bytes:
        return self._data

    def chunks(self) -> Iterator[bytes]:
        yield self._data


class FormPart(msgspec.Struct, frozen=True, kw_only=True):
    """One part. `filename` and `mime` are empty for plain fields, whose value is text."""

    name: str
    value: str = ""
    file: File | None = None
    filename: str = ""
    mime: str = ""


class Form(msgspec.Struct, frozen=True):
    """The parts in order; names may repeat. A trailing `[]` or `[0]` on a name is how some clients write lists."""

    parts: tuple[FormPart, ...]

    def get(self, name: str) -> str | None:
        """The first text field of that name."""
        return next((part.value for part in self.parts if part.file is None and part.name == name), None)

    def texts(self, name: str) -> tuple[str, ...]:
        """Every text field of that name, `name[]` and `name[0]` included."""
        return tuple(part.value for part in self.parts if part.file is None and bare(part.name) == name)

    def files(self, name: str) -> tuple[FormPart, ...]:
        """Every file of that name, `name[]` and `name[0]` included."""
        return tuple(part for part in self.parts if part.file is not None and bare(part.name) == name)

    def replacing(self, name: str, value: str) -> Form:
        """The same with one text field set: in its place where there is one, else at the beginning."""
        if self.get(name) is None:
            return Form((FormPart(name=name, value=value), *self.parts))
        return Form(tuple(_set(part, value) if part.name == name and part.file is None else part for part in self.parts))

    def without(self, *names: str) -> Form:
        return Form(tuple(part for part in self.parts if part.name not in names))


def bare(name: str) -> str:
    """`image` for `image[]` and `image[0]`."""
    return name.partition("[")[0] if name.endswith("]") else name


def _set(part: FormPart, value: str) -> FormPart:
    return msgspec.structs.replace(part, value=value)
