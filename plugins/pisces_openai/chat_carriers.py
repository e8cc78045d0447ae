"""Signatures in a chat answer, and back from its replay: native where they are Gemini's, sealed otherwise (wire.md C6).

A signed thought before a tool call rides on the call (`extra_content.pisces.sig`), since clients keep calls best; any other
goes into `reasoning_details`. `of` says what it signs: a thought, withheld thinking, or the text of the answer.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from pisces_proxy.chat import Signature
from pisces_proxy.seals import Seals

FORMAT = "pisces"
ENCRYPTED = "reasoning.encrypted"
Signed = Literal["thinking", "redacted", "text"]

_encode = msgspec.json.Encoder().encode


class GoogleExtra(msgspec.Struct, omit_defaults=True):
    thought_signature: str | None = None


class PiscesExtra(msgspec.Struct, omit_defaults=True):
    sig: str | None = None


class ExtraContent(msgspec.Struct, omit_defaults=True):
    google: GoogleExtra | None = None
    pisces: PiscesExtra | None = None


class SealedDetail(msgspec.Struct, omit_defaults=True):
    index: int
    type: str
    format: str
    data: str
    of: str = "thinking"


def call_extra(seals: Seals, own: Signature | None, thought: Signature | None) -> ExtraContent | None:
    """The `extra_content` of a tool call: its own signature, or that of the thought before it."""
    carried = thought or own
    if carried is None:
        return None
    google = GoogleExtra(own.data) if own is not None and own.kind == "gemini" else None
    sealed = seals.seal(carried)
    if google is None and sealed is None:
        return None  # too large to carry
    return ExtraContent(google, PiscesExtra(sealed) if sealed is not None else None)


def sealed_detail(seals: Seals, signature: Signature, index: int, of: Signed) -> SealedDetail | None:
    sealed = seals.seal(signature)
    if sealed is None:
        return None
    return SealedDetail(index=index, type=ENCRYPTED, format=FORMAT, data=sealed, of=of)


def opened_extra(seals: Seals, extra: ExtraContent | None) -> Signature | None:
    """The signature that a replayed call carries, whoever it belongs to; forged and foreign carriers count as none."""
    if extra is None:
        return None
    if extra.pisces is not None and extra.pisces.sig and (found := seals.open(extra.pisces.sig)) is not None:
        return found
    if extra.google is not None and (native := extra.google.thought_signature):
        if Seals.looks_sealed(native):  # a client that knows Google's place only
            return seals.open(native)
        return Signature(kind="gemini", data=native)
    return None
