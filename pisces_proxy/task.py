"""A task: work that outlives its request (video, slow images). Its row, its statuses, and how it may move. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from .media import Asset
from .pricing import NOTHING, Measures
from .usage import Usage

Status = Literal["queued", "in_progress", "completed", "failed", "cancelled", "expired"]
TaskType = Literal["image", "video"]
OVER: frozenset[str] = frozenset({"completed", "failed", "cancelled", "expired"})

# every word that an upstream has been seen to use (wire.md F7), in lower case
_WORDS: Mapping[Status, str] = {
    "queued": "not_start submitted queued pending preparing queueing starting in_queue created task_not_started",
    "in_progress": "in_progress running processing generating active",
    "completed": "success succeeded succeed ready completed finished",
    "failed": "failure failed fail error rejected|request moderated|content moderated",
    "cancelled": "canceled cancelled revoked",
    "expired": "expired",
}
_BY_WORD = {
    word: status
    for status, words in _WORDS.items()
    for part in words.split("|")
    for word in (part.split() if "mod" not in part else [part])
}


def status_of(word: str) -> Status | None:
    """An upstream's word for a status as ours; None for one that nobody knows: then the task stays as it is."""
    return _BY_WORD.get(word.strip().lower())


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What an upstream says of a task now. `status` None: it did not say. `progress` 0 to 100, None where it does not say.
    `state` replaces the driver's own state where given. `assets`: the results, once completed (a `role` of `thumbnail`,
    `last_frame` or `audio` marks what is not the main thing). `measures`, `usage`: what the upstream bills by."""

    status: Status | None = None
    progress: int | None = None
    assets: tuple[Asset, ...] = ()
    error_code: str = ""
    error_message: str = ""
    seconds: float | None = None
    width: int | None = None
    height: int | None = None
    usage: Usage | None = None
    measures: Measures = NOTHING
    state: Mapping[str, Any] | None = None
