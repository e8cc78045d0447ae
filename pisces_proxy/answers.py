"""An upstream's answer with status 200, read: what was asked for, or the error that it holds in its place. No I/O."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from . import refusals
from .errors import PiscesError, UpstreamBroken

T = TypeVar("T")


def read(decoder: msgspec.json.Decoder[T], body: bytes, what: str) -> T:
    """The answer. `what` names what was asked for. Raises what `unreadable` gives."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise unreadable(body, what) from None


def unreadable(body: bytes, what: str) -> PiscesError:
    """Why there is no `what`: a complaint under a 200, or an answer that makes no sense."""
    found = refusals.complaint(body)
    if found is None or (found.type == "base_resp" and found.code in ("", "0")):  # MiniMax says there that all is well
        return UpstreamBroken(f"The upstream's answer holds no {what}.")
    return refusals.understand(200, {}, found)
