"""The fields of a task's request, as JSON or as a form: read by name, refused by name."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from pisces_proxy.assets import asset_of
from pisces_proxy.errors import BadRequest
from pisces_proxy.forms import Form, bare
from pisces_proxy.media import Asset, Video
from pisces_proxy.plugin import Operation

_json = msgspec.json.Decoder(dict[str, Any])
_RESOLUTION = re.compile(r"(240|360|480|512|540|576|720|768|1080|1440|2160)p|[124]k", re.IGNORECASE)
_RATIO = re.compile(r"[1-9]\d{0,3}:[1-9]\d{0,3}|adaptive|auto|keep_ratio")
_SIZE = re.compile(r"([1-9]\d{1,4})[xX*]([1-9]\d{1,4})")
LONGEST = 600.0  # seconds
_LETTERS = 32_000  # of a prompt


class Fields:
    """Members of an object, by name; null is the same as nothing. `path` is what stands before their names in messages."""

    def __init__(self, values: Mapping[str, Any], path: str = "", form: Form | None = None) -> None:
        self._values = {name: value for name, value in values.items() if value is not None}
        self._path = path
        self.form = form

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def get(self, name: str) -> Any:
        return self._values.get(name)

    def others(self, known: Collection[str]) -> dict[str, Any]:
        return {name: value for name, value in self._values.items() if name not in known}

    def inside(self, name: str) -> Fields:
        """The object behind a member."""
        value = self._values.get(name, {})
        if not isinstance(value, dict):
            raise self.wrong(name, "must be an object")
        return Fields(value, f"{self._path}{name}.")

    def wrong(self, name: str, what: str, code: str = "invalid_value") -> BadRequest:
        param = self._path + name
        return BadRequest(f"{param} {what}.", param=param, code=code)

    # -- plain values

    def text(self, name: str, longest: int = _LETTERS) -> str:
        value = self._values.get(name, "")
        if not isinstance(value, str):
            raise self.wrong(name, "must be a string")
        if len(value) > longest:
            raise self.wrong(name, f"has {len(value)} characters; at most {longest} are possible")
        return value

    def required(self, name: str) -> str:
        value = self.text(name)
        if not value.strip():
            raise self.wrong(name, "is required and must not be empty", "missing_required_parameter")
        return value

    def flag(self, name: str) -> bool | None:
        value = self._values.get(name)
        match value:
            case None | bool():
                return value
            case "true" | "True" | "1":
                return True
            case "false" | "False" | "0":
                return False
            case _:
                raise self.wrong(name, "must be true or false")

    def whole(self, name: str, low: int, high: int) -> int | None:
        number = self._number(name)
        if number is None:
            return None
        if number != int(number) or not low <= number <= high:
            raise self.wrong(name, f"must be a whole number from {low} to {high}")
        return int(number)

    def seconds(self, name: str) -> float | None:
        """A length: a number, or one as a string (OpenAI's SDKs send "4")."""
        number = self._number(name)
        if number is not None and not 0 < number <= LONGEST:
            raise self.wrong(name, f"must be a number of seconds above 0 and at most {LONGEST:.0f}")
        return number

    def _number(self, name: str) -> float | None:
        value = self._values.get(name)
        if value is None or value == "":
            return None
        try:
            if isinstance(value, bool) or not isinstance(value, int | float | str):
                raise ValueError
            number = float(value)
            if number != number or abs(number) == float("inf"):
                raise ValueError
        except (ValueError, OverflowError):
            raise self.wrong(name, "must be a number") from None
        return number

    # -- what pictures are measured by

    def resolution(self, name: str) -> str:
        """`720p`, in lower case."""
        value = self.text(name).strip()
        if value and not _RESOLUTION.fullmatch(value):
            raise self.wrong(name, f"is {value[:40]!r}. Use 480p, 720p, 1080p or another number of lines with a p behind it")
        return value.lower()

    def ratio(self, name: str) -> str:
        value = self.text(name).strip()
        if value and not _RATIO.fullmatch(value):
            raise self.wrong(name, f"is {value[:40]!r}. Write it as 16:9")
        return value

    def size(self, name: str) -> str:
        """`1280x720`."""
        value = self.text(name).strip()
        found = _SIZE.fullmatch(value)
        if value and found is None:
            raise self.wrong(name, f"is {value[:40]!r}. Write width x height in pixels, such as 1280x720")
        return f"{found[1]}x{found[2]}" if found else ""

    # -- files

    def assets(self, name: str, role: str) -> tuple[Asset, ...]:
        """One URL or data URI, a list of them, or uploaded files."""
        uploaded = self.uploads(name, role)
        value = self._values.get(name)
        if value is None or uploaded:
            return uploaded
        if isinstance(value, list):
            return tuple(self._asset(each, f"{name}[{index}]", role) for index, each in enumerate(value))
        return (self._asset(value, name, role),)

    def uploads(self, name: str, role: str) -> tuple[Asset, ...]:
        if self.form is None:
            return ()
        parts = self.form.files(name)
        return tuple(Asset(file=part.file, mime=part.mime, filename=part.filename, role=role) for part in parts)

    def _asset(self, value: Any, name: str, role: str) -> Asset:
        if isinstance(value, dict):  # {"url": ...}, {"image_url": ...}, {"image_url": {"url": ...}}
            key = next((key for key in ("url", "image_url", "video_url") if value.get(key) is not None), None)
            if key is None:
                raise self.wrong(name, "names no `url`")
            return self._asset(value[key], f"{name}.{key}", role)
        return asset_of(value, self._path + name, role)

    def webhook(self) -> str:
        """`{"webhook": {"url": ...}}`, or the URL alone."""
        value = self._values.get("webhook", self._values.get("webhook_url"))
        if isinstance(value, dict):
            return self.inside("webhook").required("url")
        if value is not None and not isinstance(value, str):
            raise self.wrong("webhook", "must be an object with a `url`")
        return value or ""


def film(fields: Fields, assets: tuple[Asset, ...], known: Collection[str], **more: Any) -> Video:
    """A video as every dialect asks for it; `more` is what each says in words of its own."""
    return Video(
        model=fields.text("model"),
        prompt=fields.text("prompt") if assets else fields.required("prompt"),
        resolution=fields.resolution("resolution"),
        size=fields.size("size"),
        negative_prompt=fields.text("negative_prompt"),
        seed=fields.whole("seed", -1, 2**32),
        watermark=bool(fields.flag("watermark")),
        assets=assets,
        extra=fields.others(known),
        **more,
    )


def fields_of(operation: Operation) -> Fields:
    """What a client sent."""
    if operation.upload is not None:
        plain = {bare(part.name): part.value for part in reversed(operation.upload.parts) if part.file is None}
        return Fields(plain, form=operation.upload)
    try:
        return Fields(_json.decode(operation.body))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise BadRequest(f"The body is not a JSON object: {error}") from None
