"""What a task is held at, and what it costs once it is over: real units at the price that was frozen when it was made."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from . import media
from .media import Asset, Image, Video
from .pricing import NOTHING, Images, Measures, Rates, price, upper_bound
from .storage import Attempt, Record
from .task import Phase, Task, Way, ended
from .usage import Usage

KEPT = 7 * 86400.0  # seconds for which results can be fetched
_ALSO = ("image_input", "image_output", "audio_output")
_FRAMES = 24  # a second; by Volcengine's rule a video is width x height x frames / 1024 tokens
_HEIGHTS = {"480p": (864, 480), "720p": (1280, 720), "1080p": (1920, 1080), "2k": (2560, 1440), "4k": (3840, 2160)}


def hold(request: Video | Image, ways: Sequence[Way]) -> int:
    """The most that a task may cost, over the ways it may take."""
    return max((_bound(request, way.rates) for way in ways if way.rates is not None), default=0)


def _bound(request: Video | Image, rates: Rates) -> int:
    usage, measures = expected(request, rates)
    return upper_bound(rates, usage.input, usage.output, also=_ALSO, measures=measures)


def expected(request: Video | Image, rates: Rates | None) -> tuple[Usage, Measures]:
    """What a request is counted as before anybody has said, in the words of a price table."""
    usage, measures = media.expected(request)
    if isinstance(request, Video):
        measures = msgspec.structs.replace(measures, resolution=_resolution(request, rates))
        usage = msgspec.structs.replace(usage, output=_tokens(request, measures.seconds))
    return usage, measures


def _tokens(request: Video, seconds: float) -> int:
    width, height = _pixels(request.size) or _HEIGHTS.get(request.resolution, _HEIGHTS["1080p"])
    return round(width * height * _FRAMES * seconds / 1024)


def _pixels(size: str) -> tuple[int, int] | None:
    width, _, height = size.partition("x")
    return (int(width), int(height)) if width.isdigit() and height.isdigit() else None


def _resolution(request: Video, rates: Rates | None) -> str:
    """The entry of a price table: the size in pixels where it has that, else lines (`720p`)."""
    if rates is not None and request.size in rates.seconds:
        return request.size
    pixels = _pixels(request.size)
    return request.resolution or (f"{min(pixels)}p" if pixels else "")


def cost(task: Task) -> tuple[Usage, Measures, int, list[dict[str, object]]]:
    """(usage, measures, nano-dollars, price lines) of a task that is over. Nothing was made: nothing is owed."""
    way = task.way
    if task.status != "completed":
        return Usage(), NOTHING, 0, []
    usage, measures = _real(task, way.rates if way is not None else None)
    if way is None or way.rates is None or task.test:
        return usage, measures, 0, []
    nano, lines = price(usage, way.rates, measures=measures)
    return usage, measures, nano, [msgspec.to_builtins(line) for line in lines]


def _real(task: Task, rates: Rates | None) -> tuple[Usage, Measures]:
    """What the upstream said, and what was expected for the rest."""
    usage, likely = expected(task.request, rates)
    if task.usage is not None:
        usage = task.usage
    elif rates is not None and (rates.seconds or rates.images):
        usage = msgspec.structs.replace(usage, input=0, output=0, image_output=0)  # priced by the piece: tokens are no guess
    if isinstance(task.request, Image):
        return usage, _pictures(task, likely)
    said = task.measures
    return usage, Measures(
        seconds=said.seconds or task.seconds or likely.seconds,
        resolution=_said(task, rates) or likely.resolution,
    )


def _said(task: Task, rates: Rates | None) -> str:
    given = task.measures.resolution.lower()
    if rates is not None and given not in rates.seconds and (pixels := _pixels(given)):
        return f"{min(pixels)}p"
    return given


def _pictures(task: Task, likely: Measures) -> Measures:
    if task.measures.images:
        return task.measures
    made = sum(1 for asset in task.assets if not asset.role)
    kind = likely.images[0] if likely.images else Images(count=0)
    return Measures(images=(msgspec.structs.replace(kind, count=made),))


def closed(task: Task, phase: Phase, provider: str, costs: Rates | None, now: float) -> tuple[Task, Record]:
    """A task that is over as its row keeps it, and its usage row. `costs` is what its channel pays."""
    record = record_of(task, provider, now)
    if costs is not None and task.status == "completed":
        record.upstream_cost_nano = price(record.usage, costs, measures=record.measures)[0]
    kept = msgspec.structs.replace(
        task,
        phase=phase,
        request=_emptied(task.request),
        cost_nano=record.cost_nano,
        expires_at=now + KEPT if task.status == "completed" else None,
    )
    return kept, record


def cancelled(task: Task, now: float) -> tuple[Task, Phase]:
    """A task ended by its owner; `late` where an upstream has still to be told."""
    over = ended(task, "cancelled", now, "cancelled", "The task was cancelled. Nothing is charged.")
    return msgspec.structs.replace(over, next_at=now), "late" if task.state else "over"


def _emptied(request: Video | Image) -> Video | Image:
    """Without the files that came with it: they are not needed any more."""

    def bare(asset: Asset) -> Asset:
        return msgspec.structs.replace(asset, data=b"", file=None)

    if isinstance(request, Video):
        return msgspec.structs.replace(request, assets=tuple(map(bare, request.assets)))
    return msgspec.structs.replace(request, images=tuple(map(bare, request.images)), mask=None)


def record_of(task: Task, provider: str, now: float) -> Record:
    """The usage row of a task that is over. `status` as a waiting client would have got it."""
    usage, measures, nano, lines = cost(task)
    return Record(
        request_id=task.request_id,
        at=task.created_at,
        key=task.key_name,
        account=task.account,
        endpoint=task.endpoint,
        model=task.model,
        upstream_model=task.upstream_model,
        channel=task.channel,
        provider=provider,
        protocol=task.facade,
        upstream_protocol=task.driver,
        status=_STATUS[task.status],
        error=None if task.status == "completed" else task.error_code or task.status,
        usage=usage,
        measures=measures,
        cost_nano=nano,
        price_lines=lines,
        warnings=[f"{loss.field};{loss.action};{loss.reason}" for loss in task.losses],
        flags=_flags(task, usage),
        attempts=[_attempt(task, each) for each in range(len(task.tries))],
        total_ms=round((now - task.created_at) * 1000, 3),
        client_request_id=task.client_request_id,
    )


_STATUS = {"completed": 200, "failed": 502, "expired": 504, "cancelled": 499}


def _flags(task: Task, usage: Usage) -> list[str]:
    flags = ["task", "test_key"] if task.test else ["task"]
    return [*flags, "usage_estimated"] if usage.estimated and task.status == "completed" else flags


def _attempt(task: Task, number: int) -> Attempt:
    tried = task.tries[number]
    started = round((tried.at - task.created_at) * 1000, 3)
    return Attempt(
        channel=tried.channel,
        upstream_model=tried.model,
        status=tried.status,
        error=tried.error,
        started_ms=started,
        total_ms=round(started + tried.ms, 3),
    )
