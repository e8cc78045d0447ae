"""A text to be completed (wire.md E3): the client's form as a conversation, and the form for an upstream that speaks it.

Several prompts are several user turns in one request, for whoever counts them; `parts` takes them apart again.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pisces_proxy import splice, token_ids
from pisces_proxy.chat import Loss, Request, Text, Turn
from pisces_proxy.errors import BadRequest, Unsupported
from pisces_proxy.plugin import Encoded, Operation, Profile, read_body

from .rewriting import rewritten

_encode = msgspec.json.Encoder().encode
MOST = 2048  # prompts
_CHOICES = 128  # in all, where a prompt is asked for more than one: as `n` of a conversation
Prompt = str | tuple[int, ...]
Raw = msgspec.Raw


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class Asked(msgspec.Struct):
    prompt: Any = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    suffix: str | None = None
    echo: bool | None = None
    n: int | None = None
    best_of: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logprobs: int | bool | None = None
    logit_bias: Raw = Raw(b"null")
    user: str | None = None


_asked = msgspec.json.Decoder(Asked)
_READ = frozenset({"model", "pisces", "api_key", "extra_body", *Asked.__struct_fields__} - {"best_of"})


def read(body: bytes) -> Asked:
    return read_body(_asked, body)


def decode_request(operation: Operation) -> Request:
    asked = read(operation.body)
    bias = bytes(asked.logit_bias)
    prompts = prompts_of(asked.prompt)
    return Request(
        model=operation.model,
        turns=tuple(_turn(prompt, asked.suffix, index) for index, prompt in enumerate(prompts)),
        stream=bool(asked.stream),
        include_usage=bool(asked.stream_options and asked.stream_options.include_usage),
        max_tokens=asked.max_tokens,
        temperature=asked.temperature,
        top_p=asked.top_p,
        seed=asked.seed,
        frequency_penalty=asked.frequency_penalty,
        presence_penalty=asked.presence_penalty,
        n=_count(asked, len(prompts)),
        stop=_stops(asked.stop),
        logit_bias=b"" if bias == b"null" else bias,
        logprobs=asked.logprobs is not None and asked.logprobs is not False,
        top_logprobs=asked.logprobs if type(asked.logprobs) is int else None,
        user=asked.user or "",
        extra={name: bytes(value) for name, value in splice.members(operation.body).items() if name not in _READ},
        losses=(Loss(field="suffix", action="emulated", reason="asked for in words"),) if asked.suffix else (),
    )


def parts(request: Request) -> tuple[Request, ...]:
    """One request for each prompt; none where there is only one."""
    if len(request.turns) < 2:
        return ()
    return tuple(msgspec.structs.replace(request, turns=(turn,)) for turn in request.turns)


def prompts_of(given: Any) -> tuple[Prompt, ...]:
    """The prompts; token ids are told by their first: `[1, 2]` is one prompt."""
    match given:
        case None:
            raise BadRequest("Send `prompt`: the text to go on with.", param="prompt", code="missing_required_parameter")
        case str():
            return (given,)
        case [int(), *_]:
            return (_tokens(given, "prompt"),)
        case [str() | list(), *_] if len(given) <= MOST:
            return tuple(_prompt(each, f"prompt[{index}]") for index, each in enumerate(given))
        case [str() | list(), *_]:
            raise _bad(f"`prompt` holds {len(given)} texts. Send at most {MOST} at a time.", "prompt")
    raise _bad("`prompt` must be a text, a list of texts, or token ids, with at least one.", "prompt")


def _prompt(given: Any, param: str) -> Prompt:
    if isinstance(given, list):
        return _tokens(given, param)
    if not isinstance(given, str):
        raise _bad(f"`{param}` must be a text or a list of token ids, as the others.", param)
    return given


def _tokens(given: list[Any], param: str) -> tuple[int, ...]:
    if not all(type(each) is int and each >= 0 for each in given):
        raise _bad(f"`{param}` must hold token ids only: whole numbers from 0.", param)
    return tuple(given)


def _count(asked: Asked, prompts: int) -> int:
    count = 1 if asked.n is None else asked.n
    if count < 1:
        raise _bad("`n` must be at least 1.", "n")
    if count > 1 and count * prompts > _CHOICES:
        raise _bad(f"`n` asks for {count * prompts} texts in all. Ask for at most {_CHOICES} at a time.", "n")
    if asked.best_of is not None and asked.best_of < count:
        raise _bad("`best_of` must not be less than `n`.", "best_of")
    return count


def _stops(given: str | list[str] | None) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given or ())


def _bad(message: str, param: str) -> BadRequest:
    return BadRequest(message, param=param, code="invalid_value")


# -- as a conversation -------------------------------------------------------------------------------------------------

_BETWEEN = (
    "Write the text that belongs between the two parts below, and nothing else.\n\n"
    "<before>\n{before}\n</before>\n\n<after>\n{after}\n</after>"
)


def _turn(prompt: Prompt, suffix: str | None, index: int) -> Turn:
    text = prompt if isinstance(prompt, str) else token_ids.text_of(prompt, f"prompt[{index}]")
    return Turn(role="user", blocks=(Text(text=_BETWEEN.format(before=text, after=suffix) if suffix else text),))


# -- for an upstream ---------------------------------------------------------------------------------------------------


def encode_request(request: Request, model: str, profile: Profile) -> Encoded:
    """One text in the form of an upstream that completes texts. Raises Unsupported for a conversation."""
    wanted = request.max_tokens if request.max_tokens is not None else profile.default_max_tokens
    body: dict[str, Any] = {
        "model": model,
        "prompt": _text(request),
        "max_tokens": wanted,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": request.seed,
        "frequency_penalty": request.frequency_penalty,
        "presence_penalty": request.presence_penalty,
        "n": request.n if request.n > 1 else None,
        "stop": list(request.stop) or None,
        "logit_bias": Raw(request.logit_bias) if request.logit_bias else None,
        "logprobs": (request.top_logprobs or 0) if request.logprobs else None,
        "user": request.user or None,
        "stream": request.stream or None,
        "stream_options": {"include_usage": True} if request.stream and profile.stream_usage == "request" else None,
    }
    said = {name: value for name, value in body.items() if value is not None}
    said |= {name: Raw(value) for name, value in request.extra.items() if name == "best_of"}
    lost = [name for name in said if name in profile.drop] + [name for name in request.extra if name != "best_of"]
    losses = tuple(Loss(field=name, action="dropped", reason="this upstream does not take it") for name in lost)
    kept = {profile.rename.get(name, name): value for name, value in said.items() if name not in profile.drop}
    return Encoded(body=_encode(kept), losses=losses)


def _text(request: Request) -> str:
    match request.turns:
        case (Turn(role="user", blocks=blocks),) if not (request.tools or request.server_tools or request.output):
            texts = [block.text for block in (*request.system, *blocks) if isinstance(block, Text)]
            if len(texts) == len(request.system) + len(blocks):
                return "\n\n".join(texts)
    raise Unsupported("This model completes one text; it holds no conversations and calls no tools.", param="messages")


def rewrite(operation: Operation, model: str, profile: Profile) -> Encoded:
    members: dict[str, bytes | Raw] = {**splice.members(operation.body)}
    if not operation.stream or profile.stream_usage != "request":
        members.pop("stream_options", None)
    else:
        given = bytes(members.get("stream_options", b"null"))
        members["stream_options"] = splice.edit(b"{}" if given == b"null" else given, {"include_usage": b"true"})
    return Encoded(body=rewritten(members, model, profile, "extra_body"))


def passes(operation: Operation, profile: Profile) -> bool:
    """Whether this upstream takes so many prompts, and in this form."""
    prompts = prompts_of(read(operation.body).prompt)
    if len(prompts) > 1 and not profile.prompt_list:
        return False
    return profile.token_ids or all(isinstance(each, str) for each in prompts)


def max_output(operation: Operation) -> int | None:
    """Over all prompts and choices."""
    try:
        asked = read(operation.body)
        prompts = len(prompts_of(asked.prompt))
    except BadRequest:
        return None
    if asked.max_tokens is None:
        return None
    return max(0, asked.max_tokens) * max(1, asked.n or 1, asked.best_of or 1) * prompts
