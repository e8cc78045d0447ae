"""Signatures in `thinking.signature`: Anthropic's own as they are, all others inside the gateway's carrier (wire.md C6)."""

from __future__ import annotations

from typing import Literal

from pisces_proxy.chat import Signature
from pisces_proxy.seals import Seals

from . import shapes

PART_SIGNERS = frozenset({"gemini"})  # families that sign parts of an answer and not their thinking
UNSIGNED = "none"  # thinking that nobody signed: carried too, so that it can be told from Claude's own later


def opened(seals: Seals, data: str) -> Signature | Literal[False] | None:
    """What is in a carrier: the signature, False for thinking that nobody signed, None for a forged or foreign one."""
    signature = seals.open(data)
    if signature is None:
        return None
    return False if signature.kind == UNSIGNED else signature


def carried(seals: Seals, signature: Signature | None) -> str:
    """The text for a thinking block's signature; empty where it would be too large to carry."""
    if signature is None:
        signature = Signature(kind=UNSIGNED, data="")
    if signature.kind == shapes.FAMILY:
        return signature.data
    return seals.seal(signature) or ""
