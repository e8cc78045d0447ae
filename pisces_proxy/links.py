"""Links to kept files: signed, expiring, good for whoever was given one. Pure; the clock is passed in (unix seconds).

/v1/media/<token>.png      the token is a seal of this installation over the file's name, type and expiry
"""

from __future__ import annotations

import msgspec

from .chat import Signature
from .errors import NotFound
from .seals import Seals

PATH = "/v1/media/"
_KIND = "kept-file"
_encode = msgspec.json.Encoder().encode
_EXTENSIONS = {
    "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif", "image/svg+xml": "svg",
    "audio/mpeg": "mp3", "audio/wav": "wav", "audio/x-wav": "wav", "audio/ogg": "ogg", "audio/flac": "flac", "audio/aac": "aac",
    "video/mp4": "mp4", "video/webm": "webm", "video/quicktime": "mov",
}  # fmt: skip


class Link(msgspec.Struct, frozen=True, array_like=True):
    """A kept file: its name in the store, its type, and until when the link is good."""

    name: str
    mime: str
    expires: int


_link = msgspec.json.Decoder(Link)


def extension(mime: str) -> str:
    return _EXTENSIONS.get(mime.partition(";")[0].strip().lower(), "bin")


def path_of(link: Link, seals: Seals) -> str:
    """Where a link leads, below the gateway's address."""
    sealed = seals.seal(Signature(kind=_KIND, data=_encode(link).decode()))
    assert sealed is not None  # only what is larger than a name has no seal
    return f"{PATH}{sealed.replace('+', '-').replace('/', '_').rstrip('=')}.{extension(link.mime)}"


def read(path: str, seals: Seals, now: float) -> Link:
    """The link behind a path. Raises NotFound for what this gateway has not signed, and for what has expired."""
    token = path.removeprefix(PATH).partition(".")[0]
    opened = seals.open(token)
    if opened is None or opened.kind != _KIND:
        raise NotFound("This link is not one of this gateway's. Copy it whole.", code="invalid_link")
    link = _link.decode(opened.data)
    if link.expires <= now:
        raise NotFound("This link has expired.", code="link_expired", status=410)
    return link
