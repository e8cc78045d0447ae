"""Formats for everything that is not a conversation: what a MediaWire, a Driver and a TaskFacade are.

A **MediaWire** is one format of one kind (images, speech, embeddings, ...), seen from the client's side, the upstream's, or
both. A **Driver** is an upstream's way to run work that outlives a request. A **TaskFacade** is one dialect in which clients
start and watch such work.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from . import media
from .chat import Loss
from .dialect import Dialect
from .errors import NotBuilt, PiscesError, Unsupported
from .operation import Operation, Reply
from .plans import Ask, Got, Plan
from .pricing import NOTHING, Measures
from .profile import Profile
from .task import Progress
from .usage import Usage


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer for a client."""

    body: bytes
    mime: str = "application/json"


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer that passes through was worth."""

    usage: Usage | None = None
    measures: Measures = NOTHING


class Watcher:
    """Reads along a streamed answer that passes through (audio bytes, server-sent events), for what it was worth.
    `failure` is set where the stream itself says that it failed, `done` once it has said all that is worth waiting for: what
    comes from there on is held back until the request is settled."""

    done: bool = False
    usage: Usage | None = None
    measures: Measures = NOTHING
    failure: PiscesError | None = None

    def feed(self, data: bytes) -> bytes:
        """The bytes to pass on for these: the same, but for what must not reach the client."""
        return data

    def end(self) -> bytes:
        """What is still to be sent when the upstream has ended."""
        return b""


class MediaEncoder(abc.ABC):
    """A result, written as the client's stream."""

    def start(self) -> bytes:
        return b""

    @abc.abstractmethod
    def result(self, result: media.Result) -> bytes:
        """The whole result as events, the end included."""

    @abc.abstractmethod
    def failed(self, error: PiscesError) -> bytes:
        """What tells the client that nothing more will come."""


class MediaWire(Dialect):
    """One format of one kind. The client's half: `decode_request`, `encode_response`, `encoder`, and of Dialect
    `encode_error`, `error_headers`, `limit_headers`. The upstream's half: `plan`, and of Dialect `decode_error`. A format with
    both halves passes bytes through where both sides speak it: `passes`, `rewrite`, `counted`, `relayed`, `watcher`.

    `takes_urls`: upstreams of this format fetch http(s) URLs in requests themselves; else the core puts the bytes in place
    (guarded) before `plan` sees the request.
    """

    takes_urls: ClassVar[bool] = False

    # -- the client's half

    def decode_request(self, operation: Operation) -> media.Request:
        """Raises BadRequest with `param` naming the field. `operation.upload` holds a multipart form."""
        raise NotBuilt(f"{self.name} has no clients.")

    def encode_response(self, result: media.Result, request: media.Request, reply: Reply) -> Told:
        raise NotBuilt(f"{self.name} has no clients.")

    def encoder(self, request: media.Request, reply: Reply) -> MediaEncoder:
        """For operations with `stream`."""
        raise NotBuilt(f"{self.name} has no streams.")

    def stream_headers(self, request: media.Request | None) -> Mapping[str, str]:
        return {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}

    # -- the upstream's half

    def plan(self, request: Any, model: str, profile: Profile) -> Plan[Any]:
        """Ask an upstream that calls the model `model`. Raises Unsupported for what this target has no place for."""
        raise Unsupported(f"{self.name} has no upstreams.")
        yield  # a generator, so that subclasses are

    # -- the same format on both sides

    def passes(self, operation: Operation, profile: Profile) -> bool:
        """Whether the client's bytes can pass to an upstream of this format."""
        return True

    def rewrite(self, operation: Operation, model: str, profile: Profile) -> Ask:
        """The client's own request for an upstream of the same format: the model's name and the profile's renames and drops
        change, nothing else."""
        raise NotBuilt(f"{self.name} does not pass.")

    def streams(self, operation: Operation) -> bool:
        """Whether the answer to a request that passes is relayed as it comes (audio bytes, events), not read whole."""
        return operation.stream

    def counted(self, got: Got, operation: Operation, profile: Profile) -> Counted:
        """What a whole answer that passes was worth. Raises the error that a 200 may hold."""
        return Counted()

    def relayed(self, got: Got, reply: Reply) -> Told:
        """A whole answer for a client of this format: the model's name and the `pisces` member change."""
        return Told(body=got.body, mime=got.headers.get("content-type", "application/json"))

    def watcher(self, operation: Operation, profile: Profile, reply: Reply) -> Watcher:
        return Watcher()


class Driver(Dialect):
    """An upstream's asynchronous work, as pure steps: submit, poll until it is over. `kind` is `video` or `image`.

    `state` is a JSON object of the driver's own (the upstream's id, a polling URL, the next step), kept in the task's row: it
    must be all that a later process needs. `finds` is true where an upstream accepts our task id at submission and can be
    asked for it, so that a submission whose answer was lost can be found again. `fleeting`: its results' URLs live for minutes,
    so that they are fetched before anybody is told of them.
    """

    finds: ClassVar[bool] = False
    fleeting: ClassVar[bool] = False
    deadline: ClassVar[float] = 3600.0  # seconds until a task that does not end counts as failed
    takes_urls: ClassVar[bool] = True

    @abc.abstractmethod
    def submit(self, request: Any, model: str, profile: Profile, tag: str) -> Ask:
        """`tag` is our id of the task, for upstreams that take one. Raises Unsupported, BadRequest naming the field."""

    def losses(self, request: Any, model: str, profile: Profile) -> tuple[Loss, ...]:
        """What of a request `submit` leaves away or changes."""
        return ()

    def remembered(self, request: Any, model: str) -> Mapping[str, Any]:
        """What of a request the state must hold from the beginning, beside what `submitted` and `found` read."""
        return {}

    @abc.abstractmethod
    def submitted(self, got: Got) -> Mapping[str, Any]:
        """The state after an accepted submission. Raises the refusal that a 200 may hold."""

    @abc.abstractmethod
    def poll(self, state: Mapping[str, Any]) -> Ask: ...

    @abc.abstractmethod
    def read(self, got: Got, state: Mapping[str, Any]) -> Progress:
        """Raises UpstreamError where the answer cannot be read: the task is polled again."""

    def cancel(self, state: Mapping[str, Any]) -> Ask | None:
        """None where the upstream cannot."""
        return None

    def with_callback(self, ask: Ask, url: str) -> Ask:
        """The submission with a URL that the upstream may call when something has happened, where it can. Such a call is
        never believed, it only makes the gateway look at once."""
        return ask

    def find(self, tag: str, request: Any) -> Ask | None:
        """What asks for a submission whose answer was lost."""
        return None

    def found(self, got: Got, tag: str) -> Mapping[str, Any] | None:
        """The state of the submission looked for; None where the upstream never got it."""
        return None

    def delay(self, polls: int) -> float:
        """Seconds until the next poll: 2, then half as long again each time, at most 15."""
        return min(2.0 * 1.5**polls, 15.0)

    def fetch_headers(self, url: str) -> bool:
        """Whether a result's URL wants the channel's credentials (only ever sent to the upstream's own site)."""
        return False


class TaskView(msgspec.Struct, frozen=True, kw_only=True):
    """A task as its owner may see it. Times in unix seconds; `urls` are the gateway's own."""

    id: str
    type: str
    model: str
    status: str
    progress: int
    created_at: int
    started_at: int | None = None
    completed_at: int | None = None
    expires_at: int | None = None
    request: media.Request
    urls: tuple[str, ...] = ()
    extra_urls: Mapping[str, str] = {}  # thumbnail, last_frame, audio
    seconds: float | None = None
    width: int | None = None
    height: int | None = None
    error_code: str = ""
    error_message: str = ""
    polling_url: str = ""
    remixed_from: str = ""  # the id of the task that it is a remix of


class TaskFacade(Dialect):
    """One dialect in which clients start and watch tasks: decoding what they ask, spelling what they are told.

    Endpoints of kind `task.create`, `task.get`, `task.list`, `task.cancel`, `task.delete`, `task.remix` and `task.content`
    lead here; the path parameter is `id`, unless `task_id` reads it elsewhere. `lists` is the type of task that its list
    holds (empty: all), `accepted` the status of the answer to a creation.
    """

    kind = "task"
    lists: ClassVar[str] = ""
    accepted: ClassVar[int] = 200

    def task_id(self, operation: Operation) -> str:
        """Which task a request is about."""
        return operation.path.get("id", "")

    def variant(self, operation: Operation) -> str:
        """Which of its files is wanted: a role such as `thumbnail`, a number among the main ones, or empty for the first."""
        return operation.query.get("variant", "")

    def decode_create(self, operation: Operation) -> tuple[media.Request, str]:
        """The request (Video or Image), and the webhook's URL or an empty string. Raises BadRequest naming the field."""
        raise NotBuilt(f"{self.name} starts no tasks.")

    def decode_remix(self, operation: Operation) -> str:
        """The prompt of a remix."""
        raise NotBuilt(f"{self.name} remixes nothing.")

    def wait_headers(self, seconds: int) -> Mapping[str, str]:
        """What tells clients of this dialect when to look again."""
        return {"Retry-After": str(seconds)}

    @abc.abstractmethod
    def encode_task(self, view: TaskView, *, created: bool, extension: bytes) -> bytes:
        """One task: as the answer to its creation, or to a look at it."""

    def encode_list(self, views: Sequence[TaskView], has_more: bool, extension: bytes) -> bytes:
        raise NotBuilt(f"{self.name} lists no tasks.")

    def encode_deleted(self, view: TaskView, extension: bytes) -> bytes:
        return self.encode_task(view, created=False, extension=extension)
