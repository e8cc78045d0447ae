"""A generateContent request for one thing made (a picture, sound, a transcript), and the answer read as what it made."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from pisces_proxy import blobs
from pisces_proxy.answers import read, unreadable
from pisces_proxy.errors import ContentRefused, PiscesError, UpstreamBroken
from pisces_proxy.media import Asset
from pisces_proxy.plans import Ask
from pisces_proxy.plugin import Profile
from pisces_proxy.usage import Usage

from .answer import Candidate, Chunk, Part, chunk
from .counts import Meter
from .google import BLOCK, FINISH, reason, word
from .media_dialect import bytes_in
from .pictures import is_picture

_encode = msgspec.json.Encoder().encode
_MOST_TEXT = 600  # letters of a model's own words in an error


def asking(parts: Sequence[Mapping[str, Any]], config: Mapping[str, Any], profile: Profile) -> Ask:
    body = {**profile.defaults, "contents": [{"role": "user", "parts": list(parts)}], "generationConfig": config}
    return Ask(path=":generateContent", body=_encode(body))


def inline(asset: Asset, fallback: str) -> dict[str, Any]:
    """A file as a part."""
    data = base64.b64encode(asset.content()).decode()
    mime = (asset.mime or blobs.sniff(data[:1024]) or fallback).partition(";")[0]
    return {"inlineData": {"mimeType": mime, "data": data}}


class Made:
    """One answer: its text, its files, what it cost. Thoughts and their drafts are left out (H131)."""

    def __init__(self, body: bytes, what: str) -> None:
        self._what = what
        read = _read(body, what)
        self.usage = _usage(read)
        self._blocked = _blocked(read)
        self._candidates = read.candidates or []
        parts = [part for candidate in self._candidates for part in _parts(candidate)]
        self.assets = tuple(asset for part in parts if (asset := _asset(part)) is not None)
        self.text = "".join(part.text or "" for part in parts if not is_picture(part.text))

    def refusal(self) -> PiscesError:
        """Why nothing was made: what the model says itself is the best reason there is."""
        finish = next((word(each.finish_reason, FINISH) for each in self._candidates if each.finish_reason), "")
        told = next((each.finish_message for each in self._candidates if each.finish_message), "")
        said = self.text.strip()[:_MOST_TEXT] or told or self._blocked
        meant = reason(finish, calls=False)
        if said or meant == "content_filter" or finish == "NO_IMAGE":
            why = said or f"The model made no {self._what} ({finish}). Change the prompt."
            return ContentRefused(why, code=(finish or "no_" + self._what).lower() if finish != "STOP" else None)
        return UpstreamBroken(f"The upstream's answer holds no {self._what}{f' ({finish})' if finish else ''}.")


def _read(body: bytes, what: str) -> Chunk:
    found = read(chunk, body, what)
    refused = found.error is not UNSET and bytes(found.error) != b"null"
    if refused or (not found.candidates and found.prompt_feedback is None):
        raise unreadable(body, what)
    return found


def _blocked(read: Chunk) -> str:
    feedback = read.prompt_feedback
    if feedback is None or not feedback.block_reason:
        return ""
    name = word(feedback.block_reason, BLOCK)
    return feedback.block_reason_message or f"The prompt was refused ({name}). Change it."


def _parts(candidate: Candidate) -> Iterator[Part]:
    for part in (candidate.content.parts if candidate.content else None) or ():
        if part is not None and not part.thought:
            yield part


def _asset(part: Part) -> Asset | None:
    """Bytes of `inlineData`, or of a text that some resellers write them into (S3-32)."""
    if part.inline_data is not None and part.inline_data.data:
        return _decoded(part.inline_data.data, part.inline_data.mime_type or "")
    if part.file_data is not None and (part.file_data.file_uri or "").startswith("https://"):
        return Asset(url=part.file_data.file_uri or "", mime=part.file_data.mime_type or "")
    return _decoded(part.text, "") if part.text and is_picture(part.text) else None


def _decoded(data: str, mime: str) -> Asset:
    return Asset(data=bytes_in(data), mime=mime or blobs.sniff(data[:1024]))


def _usage(read: Chunk) -> Usage | None:
    if read.usage_metadata is None:
        return None
    meter = Meter()
    meter.read(read.usage_metadata)
    return meter.usage()
