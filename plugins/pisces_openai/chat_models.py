"""The list of models as OpenAI's clients read it (wire.md E4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pisces_proxy.plugin import Model

_encode = msgspec.json.Encoder().encode


def encode_models(models: Sequence[Model], extension: bytes) -> bytes:
    """All of them on one page: the SDKs page by `data` only. `success` is what older clients of the house look for."""
    body: dict[str, Any] = {"object": "list", "data": [_described(model) for model in models], "success": True}
    if extension:
        body["pisces"] = msgspec.Raw(extension)
    return _encode(body)


def encode_model(model: Model, extension: bytes) -> bytes:
    body = _described(model)
    if extension:
        body["pisces"] = msgspec.Raw(extension)
    return _encode(body)


def _described(model: Model) -> dict[str, Any]:
    about: dict[str, Any] = {"id": model.id, "object": "model", "created": model.created, "owned_by": model.owned_by}
    optional = {"context_length": model.context, "max_output_tokens": model.max_output, "badges": model.badges}
    return about | {name: value for name, value in optional.items() if value}
