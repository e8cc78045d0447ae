"""The words of Google's API: names, numbers and what they mean here (wire.md B4, C9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pisces_proxy.chat import StopReason

WIRE: Final = "gemini.generate"
FAMILY: Final = "gemini"
EMBED: Final = "gemini.embed"
IMAGES: Final = "gemini.images"
IMAGEN: Final = "gemini.imagen"
SPEECH: Final = "gemini.speech"
TRANSCRIPTIONS: Final = "gemini.transcriptions"
VIDEO: Final = "gemini.video"
OPERATIONS: Final = "gemini.operations"
ONE: Final = "one"  # the form of an operation that came by `:embedContent`

# accepted in place of a signature that nobody has: https://ai.google.dev/gemini-api/docs/thought-signatures
SENTINEL: Final = "skip_thought_signature_validator"
SENTINELS: Final = frozenset({SENTINEL, "context_engineering_is_the_way_to_go"})

# in a carrier's `id`: the signature is all there is of this thinking (Claude's redacted_thinking)
REDACTED: Final = "redacted"

# -- enums, which some of Google's SDKs write as numbers (`$alt=json;enum-encoding=int`) -------------------------------

FINISH: Final = (
    "FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT",
    "SPII", "MALFORMED_FUNCTION_CALL", "MODEL_ARMOR",
)  # fmt: skip
BLOCK: Final = ("BLOCKED_REASON_UNSPECIFIED", "SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "MODEL_ARMOR", "JAILBREAK")
MODE: Final = ("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED")
LEVEL: Final = ("THINKING_LEVEL_UNSPECIFIED", "LOW", "MEDIUM", "HIGH", "MINIMAL")
MODALITY: Final = ("MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO", "VIDEO")
COUNTED_MODALITY: Final = ("MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "VIDEO", "AUDIO", "DOCUMENT")


def word(value: str | int | None, names: tuple[str, ...]) -> str:
    """An enum's value by name, however it was written; empty for none."""
    if isinstance(value, int):
        return names[value] if 0 <= value < len(names) else str(value)
    return (value or "").upper()


# -- finish reasons ----------------------------------------------------------------------------------------------------

_FILTERED = (
    "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION", "MODEL_ARMOR", "PUP_LIMITED_DISABLED", "ESCALATION",
)  # fmt: skip
_BROKEN = (
    "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE",
    "OTHER", "LANGUAGE", "NO_IMAGE", "IMAGE_OTHER",
)  # fmt: skip
_REASONS: Mapping[str, StopReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(_FILTERED, "content_filter"),
    **dict.fromkeys(_BROKEN, "error"),
}


def reason(raw: str, calls: bool) -> StopReason:
    """What a finish reason amounts to. Tool calls have none, they end with STOP (H04); MAX_TOKENS wins over them (H05)."""
    meant = _REASONS.get(raw, "stop")
    return "tool_calls" if calls and meant == "stop" else meant


_WORDS: Mapping[StopReason, str] = {
    "length": "MAX_TOKENS",
    "context_full": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "error": "OTHER",
}


# what the model wrote could not be read (H147); the next try may go well
MALFORMED: Final = frozenset({"MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL"})


def finish_word(meant: StopReason, raw: str) -> str:
    """The finish reason for a client. CONTINUATION is never said: the SDK would send the request again."""
    if _REASONS.get(raw) == meant:
        return raw
    return _WORDS.get(meant, "STOP")
