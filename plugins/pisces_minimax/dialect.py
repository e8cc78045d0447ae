"""What MiniMax's formats share: `base_resp`, which holds its errors under a status of 200."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pisces_proxy import refusals
from pisces_proxy.chat import Loss
from pisces_proxy.errors import PiscesError, UpstreamBroken

encode = msgspec.json.Encoder().encode


class BaseResp(msgspec.Struct, frozen=True):
    status_code: int = 0
    status_msg: str = ""


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> PiscesError:
    return refusals.understand(status, headers, refusals.complaint(body))


def refused(body: bytes) -> PiscesError:
    """What `base_resp` says, or what a gateway before it says in its place."""
    return refusals.understand(200, {}, refusals.complaint(body))


def unreadable(body: bytes, what: str) -> PiscesError:
    """Why an answer with status 200 does not hold what was asked for."""
    found = refusals.complaint(body)
    if found is not None and not (found.type == "base_resp" and found.code in ("", "0")):
        return refusals.understand(200, {}, found)
    return UpstreamBroken(f"The upstream's answer holds no {what}.")


def bare(model: str) -> str:
    """`speech-2.8-hd` for `MiniMax/speech-2.8-hd`: resellers put the vendor before it (S3-75)."""
    return model.rpartition("/")[2]


def own_members(extra: Mapping[str, Any], known: frozenset[str]) -> tuple[dict[str, Any], list[Loss]]:
    """What a client has said in MiniMax's own words, and what nobody knows. Formats of requests put their strangers under
    their own name."""
    flat: dict[str, Any] = {}
    for name, value in extra.items():
        flat |= value if "." in name and isinstance(value, dict) else {name: value}
    losses = [Loss(field=name, action="dropped", reason="unknown to this protocol") for name in flat if name not in known]
    return {name: value for name, value in flat.items() if name in known}, losses
