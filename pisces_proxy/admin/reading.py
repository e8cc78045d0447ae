"""A request's query and body as the route wants them; a mistake names the member, and the nearest right name."""

from __future__ import annotations

import difflib
import re
from functools import lru_cache
from typing import Any, Literal, get_args, get_origin

import msgspec
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import MultiMapping

from ..errors import BadRequest, TooLarge, UnsupportedMedia
from .asked import Asked, Nothing

LARGEST = 2**20  # bytes of a body

_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_MISSING = re.compile(r"missing required field `([^`]*)`")
_PATH = re.compile(r" - at `\$\.?([^`]*)`")


def read_query(query: MultiMapping[str], wanted: type[Asked]) -> Asked:
    for name in query:
        if len(query.getall(name)) > 1:
            raise BadRequest(f"The parameter `{name}` is there twice.", param=name, code="repeated_parameter")
    try:
        asked = msgspec.convert(dict(query), wanted, strict=False)
    except msgspec.ValidationError as error:
        raise _mistake(error, wanted, "parameter") from None
    for name in query:
        if getattr(asked, name) is None:  # msgspec takes the word `null` for none at all
            raise BadRequest(f"The parameter `{name}` cannot be `null`. Leave it away.", param=name, code="invalid_value")
    return asked


async def read_body(request: web.BaseRequest, wanted: Any) -> Any:
    """The body of a route that takes one."""
    if request.content_type != "application/json":
        raise UnsupportedMedia("Send JSON, with `Content-Type: application/json`.", code="unsupported_media_type")
    try:
        return _decoder(wanted).decode(await _bytes(request))
    except msgspec.ValidationError as error:
        raise _mistake(error, _struct(wanted), "member") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadRequest(f"The body is not valid JSON: {error}.", code="invalid_json") from None


async def read_nothing(request: web.BaseRequest) -> Nothing | None:
    """The body of a route that takes none: whoever sends members believes that they matter."""
    body = await _bytes(request)
    if not body.strip():
        return None
    try:
        return msgspec.json.decode(body, type=Nothing)
    except msgspec.ValidationError as error:
        raise _mistake(error, Nothing, "member") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadRequest(f"The body is not valid JSON: {error}.", code="invalid_json") from None


async def _bytes(request: web.BaseRequest) -> bytes:
    too_large = TooLarge(f"The body is larger than {LARGEST} bytes.", code="request_too_large")
    if (request.content_length or 0) > LARGEST:
        raise too_large
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise too_large from None
    except (HttpProcessingError, web.RequestPayloadError, ValueError):
        raise UnsupportedMedia("The body is cut off or not encoded as it says. Check its Content-Encoding.") from None
    if len(body) > LARGEST:
        raise too_large
    return body


@lru_cache
def _decoder(wanted: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(wanted)


def _struct(wanted: Any) -> type[Asked]:
    """Without what is annotated."""
    return get_args(wanted)[0] if get_origin(wanted) is not None else wanted  # type: ignore[no-any-return]


def _mistake(error: msgspec.ValidationError, wanted: type[Asked], what: str) -> BadRequest:
    message = str(error)
    if unknown := _UNKNOWN.search(message):
        return _unknown(unknown[1], wanted, what)
    if missing := _MISSING.search(message):
        return BadRequest(f"The {what} `{missing[1]}` is missing.", param=missing[1], code=f"missing_{what}")
    path = _PATH.search(message)
    said = _said(_PATH.sub("", message), path[1] if path else "", wanted)
    if path is None:
        return BadRequest(f"{said}.", code="invalid_value")
    return BadRequest(f"`{path[1]}`: {said}.", param=path[1], code="invalid_value")


def _said(message: str, member: str, wanted: type[Asked]) -> str:
    """What would be right, where the decoder only says what is wrong."""
    kind = next((field.type for field in msgspec.structs.fields(wanted) if field.name == member), None)
    if message.startswith("Invalid enum value"):
        return f"{message}. One of {', '.join(_choices(kind))}"
    if "matching regex" in message:
        return 'dollars are written as "12.50", with at most nine decimals; a credit is more than 0'
    return message


def _choices(kind: Any) -> list[str]:
    """Of a Literal, or of one among others."""
    if get_origin(kind) is Literal:
        return [str(choice) for choice in get_args(kind)]
    return [choice for part in get_args(kind) for choice in _choices(part)]


def _unknown(name: str, wanted: type[Asked], what: str) -> BadRequest:
    known = wanted.__struct_fields__
    nearest = difflib.get_close_matches(name, known, 1, 0.5)
    hint = f"Did you mean `{nearest[0]}`?" if nearest else f"Known here: {', '.join(known) or 'none'}."
    return BadRequest(f"There is no {what} `{name}`. {hint}", param=name, code=f"unknown_{what}")
