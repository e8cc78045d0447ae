"""What the tests of Google's media formats share: a large enough picture, answers, short ways to ask."""

from __future__ import annotations

import base64
import json
from typing import Any

from upstreams.gemini_media import B64, PNG

from pisces_proxy.plugin import Operation

__all__ = ["B64", "PNG"]
FILE = {"inlineData": {"mimeType": "image/png", "data": B64}}
GIVEN = {"bytesBase64Encoded": B64, "mimeType": "image/png"}
SAMPLES = b"\x01\x00" * 1200
RAW = {"inlineData": {"mimeType": "audio/L16;rate=24000", "data": base64.b64encode(SAMPLES).decode()}}


def answer(*parts: Any, finish: str = "STOP", **more: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": list(parts), "role": "model"}, "finishReason": finish}], **more}


def usage(prompt: int, **modalities: int) -> dict[str, Any]:
    details = [{"modality": name, "tokenCount": count} for name, count in modalities.items()]
    total = sum(modalities.values())
    return {"promptTokenCount": prompt, "candidatesTokenCount": total, "candidatesTokensDetails": details}


def asked(body: Any, wire: str, *, form: str = "sse", model: str = "m", **more: Any) -> Operation:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Operation(kind="k", wire=wire, model=model, body=raw, form=form, path={"model": model}, **more)
