"""What MiniMax's formats share: `base_resp`, which holds its errors under a status of 200."""

from __future__ import annotations

import msgspec

from pisces_proxy import refusals
from pisces_proxy.errors import PiscesError

encode = msgspec.json.Encoder().encode


class BaseResp(msgspec.Struct, frozen=True):
    status_code: int = 0
    status_msg: str = ""


def refused(body: bytes) -> PiscesError:
    """What `base_resp` says, or what a gateway before it says in its place."""
    return refusals.understand(200, {}, refusals.complaint(body))


def bare(model: str) -> str:
    """`speech-2.8-hd` for `MiniMax/speech-2.8-hd`: resellers put the vendor before it (S3-75)."""
    return model.rpartition("/")[2]
