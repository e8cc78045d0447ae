"""Google on both sides: bytes pass, only the model's name and the `pisces` member change."""

from __future__ import annotations

import msgspec

from pisces_proxy import splice
from pisces_proxy.chat import Loss
from pisces_proxy.errors import BadRequest
from pisces_proxy.plugin import Encoded, Profile, Reply
from pisces_proxy.seals import PREFIX

from . import pictures
from .answer_out import escaped
from .google import FAMILY

_encode = msgspec.json.Encoder().encode
_MODEL = b'"modelVersion"'
_FINISH = b'"finishReason"'
_SIGNED = (b'"thoughtSignature"', b'"thought_signature"')
_CARRIER = b'"' + PREFIX.encode()


def passes(body: bytes, profile: Profile) -> bool:
    """Not with another family's signatures in it, and not with calls that nobody signed for a model that insists on it: then
    the conversation began elsewhere (H78)."""
    if _CARRIER in body:
        return False
    unsigned = (b'"functionCall"' in body or b'"function_call"' in body) and not any(name in body for name in _SIGNED)
    return not (unsigned and profile.signature == FAMILY)


def rewrite(body: bytes, profile: Profile) -> Encoded:
    """The model stands in the path: as a rule the body stays byte for byte. Pictures that a client was given as text come
    back as pictures: as text they would be a million tokens."""
    body = pictures.as_data(body)
    changed = b'"pisces"' in body or profile.drop or profile.rename or profile.defaults
    if not changed:
        return Encoded(body=body)
    members = dict(splice.members(body))
    members.pop("pisces", None)
    losses = [Loss(field=name, action="dropped", reason="this upstream refuses it") for name in profile.drop if name in members]
    parts: dict[str, bytes | msgspec.Raw] = {
        profile.rename.get(name, name): value for name, value in members.items() if name not in profile.drop
    }
    for name, value in profile.defaults.items():
        parts.setdefault(name, _encode(value))
    return Encoded(body=splice.join(parts), losses=tuple(losses))


def count_request(body: bytes, model: str) -> bytes:
    """Google counts bare contents, or a whole request wrapped up with the model's name in it (wire.md E5)."""
    members = splice.members(body)
    if not members.keys() - {"contents", "model"}:
        return splice.edit(body, {"model": None}) if "model" in members else body
    name = _encode(f"models/{model.removeprefix('models/')}")
    whole = members.get("generateContentRequest") or members.get("generate_content_request")
    inner = splice.edit(bytes(whole) if whole is not None else body, {"model": name})
    return b'{"generateContentRequest":' + inner + b"}"


def response(body: bytes, reply: Reply) -> bytes:
    changes: dict[str, bytes | None] = {"pisces": reply.extension or None}
    if _MODEL in body:
        changes["modelVersion"] = _encode(reply.model)
    try:
        return splice.edit(_placed(body, reply), changes)
    except BadRequest:  # not an object: nothing of ours has a place in it
        return body


def frame(data: bytes, reply: Reply, first: bool) -> bytes:
    """One chunk; in an array it brings its bracket or comma along (H14)."""
    out = escaped(_named(_placed(data, reply), _encode(reply.model)))
    if reply.extension and (first or _FINISH in data):
        out = _extended(out, reply.extension)
    if reply.form == "array":
        return (b"[" if first else b",\r\n") + out
    return out


def _placed(data: bytes, reply: Reply) -> bytes:
    """With pictures where this client looks for them, wherever the upstream put them (S3-32)."""
    return pictures.as_text(data) if reply.images_as_text else pictures.as_data(data)


def _named(data: bytes, model: bytes) -> bytes:
    """The model's name is a short string at the top level: cut out of the bytes where it stands once, else spliced."""
    at = data.find(_MODEL)
    if at < 0:
        return data
    if data.find(_MODEL, at + 1) < 0:
        start = data.find(b'"', at + len(_MODEL))
        end = data.find(b'"', start + 1)
        if start > 0 and end > 0 and data[at + len(_MODEL) : start].strip() == b":" and b"\\" not in data[start:end]:
            return data if data[start : end + 1] == model else data[:start] + model + data[end + 1 :]
    return _edited(data, "modelVersion", model)


def _extended(data: bytes, extension: bytes) -> bytes:
    if b'"pisces"' in data:
        return _edited(data, "pisces", extension)
    return splice.append(data, "pisces", extension)


def _edited(data: bytes, name: str, value: bytes) -> bytes:
    try:
        return splice.edit(data, {name: value})
    except BadRequest:
        return data
