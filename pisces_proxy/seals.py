"""Another family's signature inside the client's own opaque field: signed, self-contained, stateless (wire.md C6).

    PSC1 | kind length (1) | kind | zlib(msgpack payload) | HMAC-SHA256[:12], as standard base64 (always starts `UFND`)

Survives a restart and a second node, as long as they share the secret. Holds nothing of the tenant.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import zlib
from collections.abc import Sequence

import msgspec

from .chat import Signature

MAGIC = b"PSC1"
PREFIX = "UFND"
LIMIT = 64 * 1024
_MAC = 12


class _Payload(msgspec.Struct, array_like=True, frozen=True):
    data: str
    family: str = ""
    id: str = ""
    parts: tuple[int, ...] = ()


class Seals:
    """Seals with the first secret of the ring, opens with any: rotate by putting a new one in front."""

    __slots__ = ("_ring",)

    def __init__(self, ring: Sequence[bytes]) -> None:
        if not ring:
            raise ValueError("a ring of at least one secret")
        self._ring = tuple(ring)

    def __repr__(self) -> str:
        return f"Seals({len(self._ring)} secrets)"

    def seal(self, signature: Signature) -> str | None:
        """The carrier, or None where it would be too large to carry. Deterministic: same signature, same text."""
        payload = msgspec.msgpack.encode(_Payload(signature.data, signature.family, signature.id, signature.parts))
        kind = signature.kind.encode()
        body = MAGIC + bytes([len(kind)]) + kind + zlib.compress(payload, 6)
        if len(body) > LIMIT:
            return None
        sealed = body + self._mac(self._ring[0], body)
        return base64.b64encode(sealed).decode()

    def open(self, carrier: str) -> Signature | None:
        """The signature inside, or None for anything that this gateway did not seal."""
        if not carrier.startswith(PREFIX):
            return None
        try:
            raw = base64.b64decode(carrier.replace("-", "+").replace("_", "/") + "=" * (-len(carrier) % 4))
            body, mac = raw[:-_MAC], raw[-_MAC:]
            if not body.startswith(MAGIC) or not any(
                hmac.compare_digest(mac, self._mac(secret, body)) for secret in self._ring
            ):
                return None
            kind = body[5 : 5 + body[4]].decode()
            inflate = zlib.decompressobj()
            payload = msgspec.msgpack.decode(inflate.decompress(body[5 + body[4] :], 4 * LIMIT), type=_Payload)
        except (ValueError, binascii.Error, zlib.error, msgspec.MsgspecError, IndexError):
            return None
        return Signature(kind=kind, data=payload.data, family=payload.family, id=payload.id, parts=payload.parts)

    @staticmethod
    def looks_sealed(text: str) -> bool:
        """Whether this claims to be a carrier (it may still be a forged or foreign one)."""
        return text.startswith(PREFIX)

    @staticmethod
    def _mac(secret: bytes, body: bytes) -> bytes:
        return hmac.digest(secret, body, hashlib.sha256)[:_MAC]
