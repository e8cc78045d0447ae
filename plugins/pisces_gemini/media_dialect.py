"""What Google's formats share that are no conversations: errors in its words, answers under a 200 that are none."""

from __future__ import annotations

import base64
from typing import ClassVar

from pisces_proxy import splice
from pisces_proxy.errors import PiscesError, UpstreamBroken
from pisces_proxy.plans import Got
from pisces_proxy.plugin import MediaWire, Profile, Reply

from . import failures

_OURS = ("pisces", "api_key")


class GeminiMedia(MediaWire):
    """A format of Google's that is no chat."""

    protocol: ClassVar[str] = "gemini"

    def encode_error(self, error: PiscesError, request_id: str, extension: bytes) -> tuple[int, bytes]:
        return error.status, failures.body(error, request_id, extension)


def bytes_in(data: str) -> bytes:
    """What an upstream wrote in base64."""
    try:
        return base64.b64decode(data, validate=True)
    except ValueError:
        raise UpstreamBroken("The upstream's answer holds base64 that cannot be read.") from None


def without_ours(body: bytes, profile: Profile) -> bytes:
    """A client's body without the members that are the gateway's, or that the profile drops."""
    gone = {name: None for name in (*_OURS, *profile.drop) if b'"%s"' % name.encode() in body}
    return splice.edit(body, gone) if gone else body


def extended(got: Got, reply: Reply) -> bytes:
    """An upstream's answer with the gateway's member beside the rest."""
    if not reply.extension:
        return got.body
    if b'"pisces"' in got.body[-4096:]:  # the upstream is a gateway like this one
        return splice.edit(got.body, {"pisces": reply.extension})
    return splice.append(got.body, "pisces", reply.extension)
