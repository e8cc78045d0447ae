"""Who may be shown a channel's credentials."""

from __future__ import annotations

import pytest

from pisces_proxy.sites import same_origin, same_site

OWN = [
    ("https://api.vendor.example/v1/jobs/1", "https://api.vendor.example/v1"),
    ("https://api.vendor.example:443/x", "https://api.vendor.example/v1"),
    ("http://127.0.0.1:9000/x", "http://127.0.0.1:9000/v1"),
]
SITE = [
    ("https://api.eu1.vendor.example/x", "https://api.vendor.example/v1"),
    ("https://files.vendor.example/x", "https://api.vendor.example/v1"),
    ("https://eu.my.host.example/x", "https://us.my.host.example/v1"),
    ("https://api2.vendor.com.cn/x", "https://api.vendor.com.cn/v1"),
]
FOREIGN = [
    ("https://evil.example/x", "https://api.vendor.example/v1"),
    ("https://vendor.example.evil.test/x", "https://api.vendor.example/v1"),
    ("https://evilvendor.example/x", "https://api.vendor.example/v1"),
    ("http://api.vendor.example/x", "https://api.vendor.example/v1"),
    ("https://api.vendor.example:8443/x", "https://api.vendor.example/v1"),
    ("http://127.0.0.1:9001/x", "http://127.0.0.1:9000/v1"),
    ("https://10.0.0.2/x", "https://10.0.0.1/v1"),
    ("https://evil.com.cn/x", "https://vendor.com.cn/v1"),
    ("https://evil.ai/x", "https://vendor.ai/v1"),
    ("https://other.azure.example/x", "https://mine.openai.azure.example/v1"),
    ("https://api.vendor.example@evil.example/x", "https://api.vendor.example/v1"),
    ("local:1", "https://api.vendor.example/v1"),
    ("https://api.vendor.example:port/x", "https://api.vendor.example/v1"),
]


@pytest.mark.parametrize(("url", "base"), OWN)
def test_the_same_origin_is_the_vendors_own(url: str, base: str) -> None:
    assert same_origin(url, base) and same_site(url, base)


@pytest.mark.parametrize(("url", "base"), SITE)
def test_a_neighbour_belongs_to_the_vendor_and_is_another_origin(url: str, base: str) -> None:
    assert same_site(url, base) and not same_origin(url, base)


@pytest.mark.parametrize(("url", "base"), FOREIGN)
def test_anybody_else_is_not_the_vendor(url: str, base: str) -> None:
    assert not same_site(url, base)
