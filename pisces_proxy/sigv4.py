"""Requests to S3-compatible stores, signed (AWS Signature Version 4). Pure: the moment is passed in.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec

_ALGORITHM = "AWS4-HMAC-SHA256"


class Access(msgspec.Struct, frozen=True):
    """Who signs. `token` is that of temporary credentials."""

    region: str
    key: str
    secret: str
    token: str = ""

    def __repr__(self) -> str:
        return f"Access({self.region})"


def signed(access: Access, method: str, url: str, headers: Mapping[str, str], body: bytes, at: datetime) -> dict[str, str]:
    """The headers of a request, with its signature. `url` as it will be sent, its path percent-encoded; `at` in UTC."""
    parts = urlsplit(url)
    stamp, hashed = f"{at:%Y%m%dT%H%M%SZ}", hashlib.sha256(body).hexdigest()
    sent = {**headers, "host": parts.netloc, "x-amz-content-sha256": hashed, "x-amz-date": stamp}
    if access.token:
        sent["x-amz-security-token"] = access.token
    canonical = {name.lower(): " ".join(value.split()) for name, value in sent.items()}
    names = ";".join(sorted(canonical))
    lines = [f"{name}:{canonical[name]}" for name in sorted(canonical)]
    request = "\n".join([method, parts.path or "/", _query(parts.query), *lines, "", names, hashed])
    scope = f"{stamp[:8]}/{access.region}/s3/aws4_request"
    told = "\n".join([_ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    signature = hmac.new(_key(access, scope), told.encode(), hashlib.sha256).hexdigest()
    credential = f"{_ALGORITHM} Credential={access.key}/{scope},SignedHeaders={names},Signature={signature}"
    return {**{name: value for name, value in sent.items() if name != "host"}, "Authorization": credential}


def _query(query: str) -> str:
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in parse_qsl(query, True))
    return "&".join(f"{name}={value}" for name, value in pairs)


def _key(access: Access, scope: str) -> bytes:
    key = ("AWS4" + access.secret).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
