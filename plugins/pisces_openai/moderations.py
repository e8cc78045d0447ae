"""The wire `openai.moderations`: whether texts and pictures break the rules (wire.md F3)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from pisces_proxy import answers, blobs, media, splice
from pisces_proxy.errors import BadRequest
from pisces_proxy.media import Asset, Moderation, Verdict, Verdicts
from pisces_proxy.mediawire import Counted, Told
from pisces_proxy.plans import Ask, Got, Plan
from pisces_proxy.plugin import Endpoint, Operation, Profile, Reply, read_body

from .manners import OpenAIMedia
from .rewriting import rewritten

WIRE = "openai.moderations"
MODEL = "omni-moderation-latest"  # what OpenAI takes where the client names none
CATEGORIES = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
    "self-harm/intent", "self-harm/instructions", "sexual", "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip
MOST = 2048  # inputs, as of embeddings: OpenAI names no number
_encode = msgspec.json.Encoder().encode


class _Asked(msgspec.Struct):
    model: str | None = None
    input: Any = None


class _Result(msgspec.Struct):
    categories: dict[str, bool | None] = {}
    category_scores: dict[str, float | None] = {}
    flagged: bool | None = None  # not among Mistral's members

    @property
    def bad(self) -> bool:
        return self.flagged if self.flagged is not None else any(self.categories.values())


class _Answer(msgspec.Struct):
    results: list[_Result]
    id: str = ""


_asked = msgspec.json.Decoder(_Asked)
_answer = msgspec.json.Decoder(_Answer)


class Moderations(OpenAIMedia):
    name: ClassVar[str] = WIRE
    kind: ClassVar[str] = "moderation"
    takes_urls: ClassVar[bool] = True

    # -- the client's half

    def decode_request(self, operation: Operation) -> Moderation:
        given = read_body(_asked, operation.body).input
        parted = isinstance(given, list) and bool(given) and isinstance(given[0], dict)
        return Moderation(model=operation.model, inputs=_inputs(given), parted=parted)

    def encode_response(self, result: media.Result, request: media.Request, reply: Reply) -> Told:
        assert isinstance(result, Verdicts) and isinstance(request, Moderation)
        kinds = sorted({"text" if isinstance(each, str) else "image" for each in request.inputs}, reverse=True)
        parts = {
            "id": _encode(result.id or f"modr-{reply.request_id.removeprefix('req_')}"),
            "model": _encode(reply.model),
            "results": _encode([_told(verdict, kinds) for verdict in result.verdicts]),
        }
        return Told(body=splice.join({**parts, "pisces": reply.extension} if reply.extension else parts))

    # -- the upstream's half

    def plan(self, request: Moderation, model: str, profile: Profile) -> Plan[Verdicts]:
        got = yield Ask(body=_encode({"model": model, "input": [_part(each, request.parted) for each in request.inputs]}))
        found = _found(got)
        verdicts = [
            Verdict(
                flagged=result.bad,
                categories={name: bool(said) for name, said in result.categories.items()},
                scores={name: score for name, score in result.category_scores.items() if score is not None},
            )
            for result in found.results
        ]
        return Verdicts(verdicts=tuple(verdicts), id=found.id)

    # -- the same format on both sides

    def rewrite(self, operation: Operation, model: str, profile: Profile) -> Ask:
        return Ask(body=rewritten(splice.members(operation.body), model, profile))

    def counted(self, got: Got, operation: Operation, profile: Profile) -> Counted:
        _found(got)
        return Counted()

    def relayed(self, got: Got, reply: Reply) -> Told:
        changes: dict[str, bytes | None] = {"model": _encode(reply.model)}
        if b'"flagged"' not in got.body:
            results = msgspec.json.decode(got.body)["results"]
            changes["results"] = _encode([{"flagged": _judged(each), **each} for each in results])
        if reply.extension:
            changes["pisces"] = reply.extension
        return Told(body=splice.edit(got.body, changes))


def _judged(result: dict[str, Any]) -> bool:
    return any((result.get("categories") or {}).values())


def _found(got: Got) -> _Answer:
    return answers.read(_answer, got.body, "verdicts")


def _told(verdict: Verdict, kinds: list[str]) -> dict[str, Any]:
    """OpenAI's thirteen categories always, others behind them."""
    names = (*CATEGORIES, *(name for name in verdict.categories if name not in CATEGORIES))
    return {
        "flagged": verdict.flagged,
        "categories": {name: verdict.categories.get(name, False) for name in names},
        "category_scores": {name: verdict.scores.get(name, 0.0) for name in names},
        "category_applied_input_types": {name: kinds if name in verdict.categories else [] for name in names},
    }


# -- what is to be judged ----------------------------------------------------------------------------------------------


def _inputs(given: Any) -> tuple[str | Asset, ...]:
    match given:
        case str():
            return (given,)
        case [str() | dict(), *_] if len(given) > MOST:
            raise _bad(f"`input` holds {len(given)} parts. Send at most {MOST} at a time.", "input")
        case [str() | dict(), *_]:
            return tuple(_input(each, f"input[{index}]", type(given[0])) for index, each in enumerate(given))
        case None:
            raise BadRequest("Send `input`: the text to judge.", param="input", code="missing_required_parameter")
    raise _bad("`input` must be a text, a list of texts, or a list of parts, with at least one.", "input")


def _input(given: Any, param: str, kind: type) -> str | Asset:
    match given:
        case str() if kind is str:
            return given
        case {"type": "text", "text": str(text)} if kind is dict:
            return text
        case {"type": "image_url", "image_url": {"url": str(url)}} if kind is dict:
            return _image(url, f"{param}.image_url.url")
    raise _bad(f"`{param}` must be a text, as the others, or a part of type `text` or `image_url`.", param)


def _image(url: str, param: str) -> Asset:
    if url[:5].lower() == "data:":
        blob = blobs.from_data_uri(url, param)
        return Asset(data=base64.b64decode(blob.data), mime=blob.mime)
    if not url.lower().startswith(("https://", "http://")):
        raise _bad(f"`{param}` must be a URL (https) or a data URI.", param)
    return Asset(url=url)


def _part(given: str | Asset, parted: bool) -> Any:
    if isinstance(given, str):
        return {"type": "text", "text": given} if parted else given
    url = given.url or f"data:{given.mime or 'image/png'};base64,{base64.b64encode(given.data).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}


def _bad(message: str, param: str) -> BadRequest:
    return BadRequest(message, param=param, code="invalid_value")


def _peek(body: bytes, path: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, bool, str]:
    return path.get("model") or read_body(_asked, body).model or MODEL, False, ""


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/v1/moderations",
        kind="moderation",
        wire=WIRE,
        peek=_peek,
        description="Judge texts and pictures (OpenAI).",
    ),
)
