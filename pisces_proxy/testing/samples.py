"""Values for tests: with every field set, or with those that matter."""

from __future__ import annotations

from typing import Any

from ..storage import Attempt, Key, Record
from ..usage import Usage

NOON = 1_700_000_000.0  # 2023-11-14, 22:13 UTC

FULL_KEY = Key(
    id="key_1",
    name="alice",
    account="acme",
    digest="ab" * 32,
    hint="wxyz",
    kind="test",
    models=("gpt-4o", "[M]claude"),
    rpm=60,
    tpm=1000,
    concurrency=3,
    quota_nano=5_000_000_000,
    expires_at=1_900_000_000.5,
    networks=("10.0.0.0/8", "::1/128"),
    enabled=False,
    created_at=1_700_000_000.25,
    images_as_text=True,
)
FULL_RECORD = Record(
    request_id="req_1",
    at=1_700_000_000.125,
    key="key_1",
    account="acme",
    endpoint="/v1/messages",
    model="模型",
    upstream_model="model-1",
    channel="main",
    provider="vendor",
    protocol="a.wire",
    upstream_protocol="another.wire",
    stream=True,
    status=499,
    error="timeout",
    usage=Usage(input=9, cached_input=1, cache_write=2, cache_write_1h=1, audio_input=1, image_input=1, tool_input=1,
                output=8, reasoning=3, audio_output=1, image_output=1, searches=2, estimated=True),
    cost_nano=2**62,
    upstream_cost_nano=2**61,
    price_lines=[{"unit": "input", "nano": 3}],
    warnings=["top_k;dropped;unsupported"],
    flags=["client_left"],
    attempts=[Attempt(channel="main", upstream_model="model-1", status=200, started_ms=1.5, first_byte_ms=2.5, total_ms=3.5)],
    total_ms=4.5,
    first_byte_ms=2.5,
    upstream_ms=3.5,
    client_request_id="mine",
)  # fmt: skip


def record(n: object, **fields: Any) -> Record:
    return Record(**{"request_id": str(n), "at": NOON, "status": 200, **fields})
