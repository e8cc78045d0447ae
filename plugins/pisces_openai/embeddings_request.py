"""What a client wants embedded, read from OpenAI's form, and written for an upstream that speaks it (wire.md F1)."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from pisces_proxy.chat import Loss
from pisces_proxy.errors import BadRequest, Unsupported
from pisces_proxy.media import Embeddings
from pisces_proxy.plugin import Operation, Profile, read_body

MOST = 2048  # inputs of one request: https://platform.openai.com/docs/api-reference/embeddings/create
_encode = msgspec.json.Encoder().encode
Input = str | tuple[int, ...]


class Asked(msgspec.Struct):
    """The members that are read here. `input_type` is what Cohere, Voyage and NVIDIA add to OpenAI's form."""

    model: str | None = None
    input: Any = None
    dimensions: int | None = None
    encoding_format: str | None = None
    user: str | None = None
    input_type: str | None = None


_asked = msgspec.json.Decoder(Asked)
_members = msgspec.json.Decoder(dict[str, Any])
_OTHERS = frozenset({"pisces", "api_key", "extra_body", *Asked.__struct_fields__})
_TASKS = {"search_query": "query", "search_document": "document", "passage": "document"}


def read(body: bytes) -> Asked:
    return read_body(_asked, body)


def decode_request(operation: Operation) -> Embeddings:
    asked = read(operation.body)
    inputs, single = inputs_of(asked.input)
    if asked.dimensions is not None and asked.dimensions < 1:
        raise BadRequest("`dimensions` must be at least 1.", param="dimensions", code="invalid_value")
    task = asked.input_type or ""
    return Embeddings(
        model=operation.model,
        user=asked.user or "",
        inputs=inputs,
        single=single,
        dimensions=asked.dimensions,
        encoding=encoding_of(asked),
        task=_TASKS.get(task, task),
        extra={name: value for name, value in _members.decode(operation.body).items() if name not in _OTHERS},
    )


def encoding_of(asked: Asked) -> Literal["float", "base64"]:
    match asked.encoding_format:
        case None | "" | "float":
            return "float"
        case "base64":
            return "base64"
    raise BadRequest("`encoding_format` must be `float` or `base64`.", param="encoding_format", code="invalid_value")


def inputs_of(given: Any) -> tuple[tuple[Input, ...], bool]:
    """The inputs, and whether there was one bare value. Token ids are told by their first: `[1, 2]` is one input."""
    match given:
        case str():
            return (_text(given, "input"),), True
        case [int(), *_]:
            return (_tokens(given, "input"),), True
        case [str() | list(), *_] if len(given) <= MOST:
            return tuple(_input(each, f"input[{index}]") for index, each in enumerate(given)), False
        case [str() | list(), *_]:
            raise _bad(f"`input` holds {len(given)} inputs. Send at most {MOST} at a time.", "input")
        case []:
            raise _bad("`input` is empty. Send a text, or a list with at least one.", "input")
        case None:
            raise BadRequest("Send `input`: the text to embed.", param="input", code="missing_required_parameter")
    raise _bad("`input` must be a text, a list of texts, or token ids.", "input")


def _input(given: Any, param: str) -> Input:
    match given:
        case str():
            return _text(given, param)
        case list():
            return _tokens(given, param)
    raise _bad(f"`{param}` must be a text or a list of token ids, as the others.", param)


def _text(text: str, param: str) -> str:
    if not text:
        raise _bad(f"`{param}` is an empty text. Send at least one letter.", param)
    return text


def _tokens(given: list[Any], param: str) -> tuple[int, ...]:
    if not given:
        raise _bad(f"`{param}` is an empty list. Send at least one token.", param)
    if not all(type(each) is int and each >= 0 for each in given):
        raise _bad(f"`{param}` must hold token ids only: whole numbers from 0.", param)
    return tuple(given)


def _bad(message: str, param: str) -> BadRequest:
    return BadRequest(message, param=param, code="invalid_value")


# -- for an upstream ---------------------------------------------------------------------------------------------------


class Writing:
    """A canonical request in the words of one upstream, but for the inputs: each part of a batch has its own."""

    def __init__(self, request: Embeddings, model: str, profile: Profile) -> None:
        self.losses: list[Loss] = []
        self._profile = profile
        self._body: dict[str, Any] = {"model": model, "input": None, **self._options(request)}

    def body(self, inputs: tuple[Input, ...], single: bool) -> bytes:
        named = {**self._body, "input": inputs[0] if single else inputs}
        body = {**named, **{name: value for name, value in self._profile.defaults.items() if name not in named}}
        return _encode({self._profile.rename.get(name, name): value for name, value in body.items()})

    def _options(self, request: Embeddings) -> dict[str, Any]:
        profile = self._profile
        if request.dimensions is not None and not profile.dimensions:
            message = "The vectors of this model have one length: leave `dimensions` away."
            raise Unsupported(message, param="dimensions", code="unsupported_parameter")
        said: dict[str, Any] = {"dimensions": request.dimensions, "user": request.user or None, **self._task(request.task)}
        if request.encoding == "base64" and profile.embedding_format in ("any", "base64"):
            said["encoding_format"] = "base64"  # float is what all give unasked
        for name in [name for name in said if said[name] is not None and name in profile.drop]:
            self.losses.append(Loss(field=name, action="dropped", reason="this upstream does not take it"))
            said[name] = None
        kept = {name: value for name, value in request.extra.items() if name not in profile.drop}
        return {**{name: value for name, value in said.items() if value is not None}, **kept}

    def _task(self, task: str) -> dict[str, str]:
        words = self._profile.embedding_task
        if not task:
            return {}
        if not words:
            self.losses.append(Loss(field="input_type", action="dropped", reason="this model makes no difference"))
            return {}
        return {words["member"]: words.get(task, task)}
