"""What docs pages say of authentication, limits, repeated requests and tracing, with this gateway's own figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..config import Config, Defaults


def authentication(config: Config) -> list[str]:
    return [
        f"Authorization: Bearer {config.server.key_prefix}...",
        "x-api-key, x-goog-api-key or api-key: the same key, on every endpoint.",
        "?key=... in the query, or a member api_key in a JSON body; neither reaches an upstream or a log.",
        "A missing, unknown, disabled or expired key is a 401 in the protocol's own shape.",
    ]


def rate_limit(config: Config, headers: Mapping[str, Sequence[str]]) -> list[str]:
    """`headers`: protocol -> the headers that tell what is left."""
    told = [f"{protocol}: {', '.join(names)}" for protocol, names in headers.items() if names]
    return [
        f"Keys without limits of their own: {_defaults(config.defaults)}.",
        "Over a limit: 429 with retry-after (seconds) and retry-after-ms. Wait that long.",
        "On 429 without it, and on 5xx: exponential backoff with jitter, 2^i s + random(0, 1) s, three tries.",
        "x-should-retry: false says that waiting does not help.",
        f"An exhausted balance is a {config.defaults.balance_status}.",
        *(f"What is left, {line}" for line in told),
    ]


def _defaults(defaults: Defaults) -> str:
    limits = (("requests per minute", defaults.rpm), ("tokens per minute", defaults.tpm), ("at one time", defaults.concurrency))
    return ", ".join(f"{limit:,} {name}" if limit else f"any number of {name}" for name, limit in limits)


def idempotency() -> list[str]:
    return [
        "Idempotency-Key: <your own id> on a paid POST; the same key again within 24 h is the same request, charged once.",
        "Finished: the stored answer, byte for byte, streams too, with Idempotency-Replayed: true.",
        "Still running: a stream is joined from its beginning; otherwise 409 with retry-after.",
        "The same key with another body: 422.",
        "Without the header each retry is a request of its own, and is charged.",
    ]


def tracing(config: Config) -> list[str]:
    body = ["JSON bodies and streams hold the same as an object pisces: gateway, protocol, request_id, channel, timestamp."]
    return [
        "x-request-id (and request-id) on every answer, req_...: give it to the operator.",
        "X-Request-Id on a request comes back as x-client-request-id, and is kept beside ours.",
        "x-pisces-channel and x-pisces-protocol: what served the request, and as what.",
        "x-pisces-warnings: what was changed or dropped on the way, as field;action;reason.",
        *(body if config.server.extension else []),
    ]
