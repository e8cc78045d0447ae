"""The fields of a request, whether they came as JSON or as a form: read by name, refused by name."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from pisces_proxy import blobs
from pisces_proxy.errors import BadRequest
from pisces_proxy.forms import Form, FormPart, bare
from pisces_proxy.media import Asset
from pisces_proxy.plugin import Operation, read_body

from .rewriting import GATEWAYS_OWN

_json = msgspec.json.Decoder(dict[str, Any])


class Fields:
    """What a client sent, by name; null is the same as nothing."""

    def __init__(self, values: Mapping[str, Any], form: Form | None = None) -> None:
        self.form = form
        self._values = {name: value for name, value in values.items() if value is not None and name not in GATEWAYS_OWN}

    @classmethod
    def of(cls, operation: Operation) -> Fields:
        form = operation.upload
        if form is not None:
            return cls({bare(part.name): part.value for part in reversed(form.parts) if part.file is None}, form)
        values: dict[str, Any] = read_body(_json, operation.body)
        return cls(values)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def get(self, name: str) -> Any:
        return self._values.get(name)

    def others(self, known: Collection[str]) -> dict[str, Any]:
        """Members that are not known."""
        return {name: value for name, value in self._values.items() if name not in known}

    def text(self, name: str, *, longest: int | None = None) -> str:
        value = self._values.get(name, "")
        if not isinstance(value, str):
            raise _wrong(name, "a string")
        if longest is not None and len(value) > longest:
            said = f"'{name}' has {len(value)} characters; at most {longest} are possible. Shorten it."
            raise BadRequest(said, param=name, code="string_above_max_length")
        return value

    def required(self, name: str, *, longest: int | None = None) -> str:
        value = self.text(name, longest=longest)
        if not value.strip():
            raise BadRequest(f"'{name}' is required and must not be empty.", param=name, code="missing_required_parameter")
        return value

    def choice(self, name: str, allowed: Collection[str]) -> str:
        value = self.text(name)
        if value and value not in allowed:
            raise BadRequest(f"'{name}' is {value!r}. Use one of: {', '.join(allowed)}.", param=name, code="invalid_value")
        return value

    def number(self, name: str, low: float, high: float) -> float | None:
        value = self._values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise _wrong(name, "a number")
        try:
            number = float(value)
        except ValueError:
            raise _wrong(name, "a number") from None
        if not low <= number <= high:
            said = f"'{name}' is {value}. Use a number from {low:g} to {high:g}."
            raise BadRequest(said, param=name, code="invalid_value")
        return number

    def whole(self, name: str, low: int, high: int) -> int | None:
        number = self.number(name, low, high)
        if number is None:
            return None
        if not number.is_integer():
            raise _wrong(name, "a whole number")
        return int(number)

    def flag(self, name: str) -> bool:
        value = self._values.get(name, False)
        if isinstance(value, str) and value.strip().lower() in ("true", "1", "false", "0", ""):
            return value.strip().lower() in ("true", "1")
        if not isinstance(value, bool):
            raise _wrong(name, "true or false")
        return value

    def texts(self, name: str, allowed: Collection[str] | None = None) -> tuple[str, ...]:
        """A list of strings: in JSON a list or one string, in a form any spelling of the name."""
        if self.form is not None:
            values: Any = self.form.texts(name)
        else:
            values = self._values.get(name, self._values.get(f"{name}[]", ()))
        listed = [values] if isinstance(values, str) else values
        if not isinstance(listed, list | tuple) or not all(isinstance(each, str) for each in listed):
            raise _wrong(name, "a list of strings")
        for each in listed:
            if allowed is not None and each not in allowed:
                raise BadRequest(f"'{name}' holds {each!r}. Use: {', '.join(allowed)}.", param=name, code="invalid_value")
        return tuple(listed)

    def file(self, name: str) -> FormPart | None:
        """The first file of that name; an empty one is a mistake."""
        found = self.form.files(name) if self.form is not None else ()
        if not found:
            return None
        return filled(found[0], name)


def filled(part: FormPart, name: str) -> FormPart:
    if part.file is None or part.file.size == 0:
        raise BadRequest(f"'{name}' is an empty file. Send its bytes.", param=name, code="invalid_value")
    return part


def uploaded(part: FormPart, name: str) -> Asset:
    """A file of a form where it lies; what it is as its first bytes show it."""
    filled(part, name)
    assert part.file is not None
    with part.file.open() as file:
        shown = blobs.sniff(base64.b64encode(file.read(512)).decode())
    return Asset(file=part.file, mime=shown or part.mime, filename=part.filename)


def linked(value: Any, name: str) -> Asset:
    """A picture or sound named in JSON: a data URI, an http(s) URL, an object around one of them, or bare base64 that shows
    what it is."""
    if isinstance(value, dict):
        if value.get("file_id"):
            raise BadRequest(
                f"'{name}' names a stored file, which this gateway has none of. Send a URL or a data URI.", param=name
            )
        inner = value.get("image_url", value.get("url"))
        inner = inner.get("url") if isinstance(inner, dict) else inner
        return linked(inner, name) if isinstance(inner, str) else _nowhere(name)
    if not isinstance(value, str) or not value.strip():
        return _nowhere(name)
    text = value.strip()
    if text[:8].lower().startswith(("http://", "https://")):
        return Asset(url=text)
    if text[:5].lower() == "data:":
        blob = blobs.from_data_uri(text, name)
        return Asset(data=base64.b64decode(blob.data), mime=blob.mime)
    return _bare(text, name)


def _bare(text: str, name: str) -> Asset:
    try:
        data = blobs.standard_base64(text, name)
    except BadRequest:
        return _nowhere(name)
    mime = blobs.sniff(data)
    return Asset(data=base64.b64decode(data), mime=mime) if mime else _nowhere(name)


def _nowhere(name: str) -> Asset:
    raise BadRequest(
        f"'{name}' is no file that can be read from here. Send https://..., data:<type>;base64,..., or upload it as "
        "multipart/form-data.",
        param=name,
        code="invalid_value",
    )


def _wrong(name: str, what: str) -> BadRequest:
    return BadRequest(f"'{name}' must be {what}.", param=name, code="invalid_type")
