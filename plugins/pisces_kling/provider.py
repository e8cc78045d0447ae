"""Kling as an upstream: an API key, or an access key and a secret that sign each request."""

from __future__ import annotations

import time
from collections.abc import Mapping

from pisces_proxy.plugin import Provider

from .signing import token


class Kling(Provider):
    name = "kling"
    base_url = "https://api-singapore.klingai.com/v1"
    wires = {"kling.video": "/videos"}
    offers = ("kling-v3", "kling-v2-6", "kling-v2-5-turbo", "kling-v2-1", "kling-v2-master", "kling-v1-6")
    summary = "Kling videos; the key is an API key, or access key and secret as AK:SK (in China: base_url https://api-beijing.klingai.com/v1)"

    def authorize(self, wire: str, key: str) -> Mapping[str, str]:
        access, signed, secret = key.partition(":")
        bearer = token(access, secret, time.time()) if signed else key
        return {"Authorization": f"Bearer {bearer}"} if key else {}
