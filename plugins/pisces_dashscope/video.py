"""The wire `dashscope.video`: Wan's and Happyhorse's videos (wire.md F7, S3-33 to S3-51).

https://www.alibabacloud.com/help/en/model-studio/image-to-video-general-api-reference
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from pisces_proxy import media
from pisces_proxy.chat import Loss
from pisces_proxy.errors import Unsupported
from pisces_proxy.inputs import own_members
from pisces_proxy.media import Asset
from pisces_proxy.plans import Ask, Got
from pisces_proxy.plugin import Profile
from pisces_proxy.pricing import Measures
from pisces_proxy.task import Progress

from .dialect import secure
from .jobs import Jobs, ended_badly, handed_over, seen, status
from .video_models import Line, line_of
from .video_shapes import shape

_KNOWN = frozenset({"audio_setting", "prompt_extend", "shot_type", "template", "audio", "enable_audio"})


class _Counts(msgspec.Struct):
    """Each line of models counts in words of its own. `duration` is what is billed, input included."""

    duration: float | None = None
    video_duration: float | None = None
    output_video_duration: float | None = None
    SR: int | str | None = None
    size: str | None = None  # `1280*720`
    width: int | None = None
    height: int | None = None


_counts = msgspec.json.Decoder(_Counts | None)


class Video(Jobs):
    name: ClassVar[str] = "dashscope.video"
    kind: ClassVar[str] = "video"

    def submit(self, request: media.Video, model: str, profile: Profile, tag: str) -> Ask:
        if request.remix_of:
            raise Unsupported("This model remixes nothing. Start a new video with the old one as a reference.", param="id")
        line = line_of(model)
        given = {"prompt": request.prompt, "negative_prompt": request.negative_prompt, **line.media(request, model)}
        parameters, _ = _parameters(request, line)
        said = {name: value for name, value in given.items() if value}
        return handed_over(line.path, {"model": model, "input": said, "parameters": parameters})

    def losses(self, request: media.Video, model: str, profile: Profile) -> tuple[Loss, ...]:
        return _parameters(request, line_of(model))[1]

    def read(self, got: Got, state: Mapping[str, Any]) -> Progress:
        output, usage = seen(got)
        ended = status(output)
        if ended != "completed":
            return ended_badly(output)
        results = output.results if isinstance(output.results, dict) else {}
        url = output.video_url or results.get("video_url") or ""
        return _done(str(url), _decoded(usage))


def _parameters(request: media.Video, line: Line) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    own, losses = own_members(request.extra, _KNOWN)
    members, lost = shape(request, line)
    parameters: dict[str, Any] = {**members, "watermark": request.watermark}  # theirs is true where nothing is said
    if request.seconds is not None and line.chooses_length:
        parameters["duration"] = int(request.seconds) if request.seconds == int(request.seconds) else request.seconds
    if request.seed is not None and request.seed >= 0:
        parameters["seed"] = request.seed
    told = [*losses, *lost]
    if request.audio is not None and line.audio_switch:
        parameters["audio"] = request.audio
    elif request.audio and not line.always_sounds:
        told.append(Loss(field="audio", action="dropped", reason="the model has no such choice"))
    return {**parameters, **own}, tuple(told)


def _done(url: str, counts: _Counts) -> Progress:
    wide, high = _pixels(counts)
    length = counts.output_video_duration or counts.video_duration or counts.duration
    resolution = f"{counts.SR}p".lower().replace("pp", "p") if counts.SR else (f"{wide}x{high}" if wide and high else "")
    return Progress(
        status="completed",
        assets=(Asset(url=secure(url), mime="video/mp4"),) if url else (),
        seconds=length,
        width=wide,
        height=high,
        measures=Measures(seconds=counts.duration or length or 0.0, resolution=resolution),
    )


def _pixels(counts: _Counts) -> tuple[int | None, int | None]:
    if counts.width and counts.height:
        return counts.width, counts.height
    wide, _, high = (counts.size or "").partition("*")
    return (int(wide), int(high)) if wide.isdigit() and high.isdigit() else (None, None)


def _decoded(usage: bytes) -> _Counts:
    try:
        return _counts.decode(usage) or _Counts()
    except msgspec.MsgspecError:  # what cannot be counted is billed as it was asked for
        return _Counts()
