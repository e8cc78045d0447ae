"""Pages of the model list, as Anthropic's SDKs turn them (wire.md E4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Raw

from pisces_proxy.errors import BadRequest
from pisces_proxy.plugin import Model

from . import shapes

Json = dict[str, Any]

_PAGE, _LARGEST = 20, 1000


def encode_models(models: Sequence[Model], query: Mapping[str, str], extension: bytes) -> bytes:
    limit = _limit(query.get("limit", ""))
    first, last = _window([model.id for model in models], query, limit)
    page = models[first:last]
    listed: Json = {
        "data": [_entry(model) for model in page],
        "has_more": first > 0 if query.get("before_id") else last < len(models),
        "first_id": page[0].id if page else None,
        "last_id": page[-1].id if page else None,
    }
    return _with_extension(listed, extension)


def encode_model(model: Model, extension: bytes) -> bytes:
    return _with_extension(_entry(model), extension)


def _window(ids: list[str], query: Mapping[str, str], limit: int) -> tuple[int, int]:
    """Where the page begins and ends: behind `after_id`, or in front of `before_id`."""
    if before := query.get("before_id"):
        end = _position(ids, before, "before_id")
        return max(end - limit, 0), end
    after = query.get("after_id")
    begin = _position(ids, after, "after_id") + 1 if after else 0
    return begin, min(begin + limit, len(ids))


def _position(ids: list[str], id: str, param: str) -> int:
    if id not in ids:
        raise BadRequest(f"There is no model {id!r} to page from.", param=param, code="invalid_value")
    return ids.index(id)


def _limit(text: str) -> int:
    if not text:
        return _PAGE
    if not text.isdecimal() or not 1 <= int(text) <= _LARGEST:
        raise BadRequest(f"limit is a number from 1 to {_LARGEST}.", param="limit", code="invalid_value")
    return int(text)


def _entry(model: Model) -> Json:
    entry: Json = {
        "type": "model",
        "id": model.id,
        "display_name": model.id,
        "created_at": datetime.fromtimestamp(model.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lifecycle": "active",  # the SDKs insist on it
    }
    if model.context:
        entry["max_input_tokens"] = model.context
    if model.max_output:
        entry["max_tokens"] = model.max_output
    return entry


def _with_extension(value: Json, extension: bytes) -> bytes:
    return shapes.encode({**value, "pisces": Raw(extension)} if extension else value)
