"""A task: work that outlives its request (video, slow images). Its row, its statuses, and how it may move. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from .chat import Loss
from .media import Asset, Image, Video
from .pricing import NOTHING, Measures, Rates
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


Phase = Literal["new", "submitting", "running", "parked", "late", "over"]


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """A channel that may run a task, what it calls the model, in which format it is asked, and the sale price as it was when
    the task was made (None: the model has none). `driver` empty: the channel answers at once, by a plan."""

    channel: str
    model: str
    wire: str = ""
    driver: str = ""
    rates: Rates | None = None


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """One submission to one channel. `at` in unix seconds."""

    channel: str
    model: str
    at: float
    status: int | None = None
    error: str | None = None
    ms: float = 0.0


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """The row of a task. Times are unix seconds.

    `phase` is how far the gateway is with it: `new` nobody has been asked; `submitting` a channel is being asked right now, so
    a process that dies here leaves a task that may be running upstream; `running` a channel has accepted it; `parked`
    nobody knows whether one has; `late` it is over for the client, and looked at a little longer; `over`.

    `channel` to `key_mark` say who runs it, `state` is the driver's. `key` is the id of the owner's key, `key_name` its name;
    `origin` is where its owner reaches the gateway (scheme and host). `version` changes with each write: who writes must have
    seen the last one.
    """

    id: str
    account: str
    key: str
    key_name: str = ""
    test: bool = False
    type: TaskType
    facade: str
    model: str
    request: Video | Image
    request_id: str
    client_request_id: str | None = None
    endpoint: str = ""
    losses: tuple[Loss, ...] = ()
    remixed_from: str = ""
    webhook: str = ""
    origin: str = ""
    created_at: float
    deadline: float
    hold_nano: int = 0
    ways: tuple[Way, ...] = ()

    status: Status = "queued"
    progress: int = 0
    phase: Phase = "new"
    next_at: float = 0.0
    polls: int = 0
    misses: int = 0
    tries: tuple[Try, ...] = ()
    channel: str = ""
    upstream_model: str = ""
    driver: str = ""
    key_mark: str = ""
    state: Mapping[str, Any] = {}
    submitted_at: float | None = None
    started_at: float | None = None
    completed_at: float | None = None
    expires_at: float | None = None
    assets: tuple[Asset, ...] = ()
    seconds: float | None = None
    width: int | None = None
    height: int | None = None
    usage: Usage | None = None
    measures: Measures = NOTHING
    cost_nano: int = 0
    error_code: str = ""
    error_message: str = ""
    note: str = ""
    version: int = 0

    @property
    def over(self) -> bool:
        """Whether it has ended, as far as its owner can see."""
        return self.status in OVER

    @property
    def way(self) -> Way | None:
        """The way that was taken."""
        return next((way for way in self.ways if way.channel == self.channel and way.model == self.upstream_model), None)


_RANK: Mapping[str, int] = {"queued": 0, "in_progress": 1}


def advance(task: Task, progress: Progress, now: float) -> Task:
    """The task after what its upstream says. Statuses and progress never go back, nothing changes once it is over, and 100
    is said of completed tasks only."""
    if task.over:
        return task
    status = progress.status or task.status
    if _RANK.get(status, 2) < _RANK[task.status]:
        status = task.status
    begun = status in ("in_progress", "completed")
    return msgspec.structs.replace(
        task,
        status=status,
        progress=_progress(task.progress, progress.progress, status),
        started_at=now if begun and task.started_at is None else task.started_at,
        completed_at=now if status in OVER else None,
        state=task.state if progress.state is None else progress.state,
        assets=progress.assets if status == "completed" else (),
        seconds=progress.seconds if progress.seconds is not None else task.seconds,
        width=progress.width or task.width,
        height=progress.height or task.height,
        usage=progress.usage or task.usage,
        measures=progress.measures if progress.measures != NOTHING else task.measures,
        error_code="" if status == "completed" else progress.error_code or task.error_code,
        error_message="" if status == "completed" else progress.error_message or task.error_message,
    )


def _progress(before: int, said: int | None, status: Status) -> int:
    if status == "completed":
        return 100
    return max(before, min(99, max(0, said or 0)))


def ended(task: Task, status: Status, now: float, code: str = "", message: str = "") -> Task:
    """The task ended by us: cancelled, given up, refused by everybody."""
    return advance(task, Progress(status=status, error_code=code, error_message=message), now)
