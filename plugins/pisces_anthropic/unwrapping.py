"""`{"value": ...}` as it grows, without its wrapping: an emulated answer that is no JSON object (wire.md C8)."""

from __future__ import annotations


class ValueUnwrapper:
    """Drops everything up to the first colon and holds back the last closing brace."""

    def __init__(self) -> None:
        self._inside = False
        self._held = ""

    def feed(self, piece: str) -> str:
        if not self._inside:
            self._held += piece
            at = self._held.find(":")
            if at < 0:
                return ""
            self._inside = True
            piece, self._held = self._held[at + 1 :].lstrip(), ""
        text = self._held + piece
        kept = text.rstrip()
        end = len(kept) - 1 if kept.endswith("}") else len(text)
        self._held = text[end:]
        return text[:end]
