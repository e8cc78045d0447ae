"""What DashScope's formats share: where requests go, errors in 4xx and inside 200, files that it keeps."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit

import msgspec

from pisces_proxy import blobs, refusals
from pisces_proxy.chat import Loss
from pisces_proxy.errors import PiscesError, UpstreamBroken, UpstreamError
from pisces_proxy.media import Asset
from pisces_proxy.plans import Fetch, Got, Plan
from pisces_proxy.plugin import MediaWire

MULTIMODAL = "/services/aigc/multimodal-generation/generation"
encode = msgspec.json.Encoder().encode
T = TypeVar("T")


class DashScopeWire(MediaWire):
    protocol: ClassVar[str] = "dashscope"

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> PiscesError:
        return refusals.understand(status, headers, refusals.complaint(body))


def read(decoder: msgspec.json.Decoder[T], body: bytes, what: str) -> T:
    """An answer with status 200. Raises the error that it holds in place of what was asked for."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        raise unreadable(body, what) from None


def unreadable(body: bytes, what: str) -> PiscesError:
    """`{"code": ..., "message": ...}` under a 200, or an answer that makes no sense."""
    found = refusals.complaint(body)
    if found is not None:
        return refusals.understand(200, {}, found)
    return UpstreamBroken(f"The upstream's answer holds no {what}.")


def own_members(extra: Mapping[str, Any], known: frozenset[str]) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """What a client has said in DashScope's own words, and what nobody knows. Formats of requests put their strangers under
    their own name."""
    flat: dict[str, Any] = {}
    for name, value in extra.items():
        flat |= value if "." in name and isinstance(value, dict) else {name: value}
    taken = {name: value for name, value in flat.items() if name in known}
    losses = [Loss(field=name, action="dropped", reason="unknown to this protocol") for name in flat if name not in known]
    return taken, tuple(losses)


def link(asset: Asset, mime: str) -> str:
    """A URL, or the bytes as a data URI."""
    if asset.url:
        return asset.url
    data = base64.b64encode(asset.content()).decode()
    return blobs.data_uri(asset.mime or mime, data)


def secure(url: str) -> str:
    """DashScope hands out its results under plain http, and serves them under https as well."""
    host = urlsplit(url).hostname or ""
    return "https" + url[4:] if url.startswith("http://") and host.endswith(".aliyuncs.com") else url


def collected(url: str) -> Plan[Got]:
    """A result that has been paid for: asked for twice, and no other channel makes it again where it does not come."""
    try:
        got = yield Fetch(secure(url))
    except UpstreamError:
        try:
            got = yield Fetch(secure(url))
        except UpstreamError as error:
            error.final = True
            raise
    assert isinstance(got, Got)
    return got
