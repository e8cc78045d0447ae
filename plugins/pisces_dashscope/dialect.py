"""What DashScope's formats share: where requests go, errors in 4xx and inside 200, files that it keeps."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

import msgspec

from pisces_proxy.errors import UpstreamError
from pisces_proxy.plans import Fetch, Got, Plan
from pisces_proxy.plugin import MediaWire

MULTIMODAL = "/services/aigc/multimodal-generation/generation"
encode = msgspec.json.Encoder().encode


class DashScopeWire(MediaWire):
    protocol: ClassVar[str] = "dashscope"


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
