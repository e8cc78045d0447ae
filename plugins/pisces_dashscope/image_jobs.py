"""The wire `dashscope.image-jobs`: pictures by the older models (Wan up to 2.5), which draw in the background only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from pisces_proxy import refusals
from pisces_proxy.chat import Loss
from pisces_proxy.errors import Unsupported, UpstreamBroken
from pisces_proxy.media import Asset, Image
from pisces_proxy.plans import Ask, Got
from pisces_proxy.plugin import Profile
from pisces_proxy.task import Progress
from pisces_proxy.usage import Usage

from .dialect import secure
from .images import Counts, drawing, measured
from .jobs import Jobs, ended_badly, handed_over, seen, status

_TEXT = "/services/aigc/text2image/image-synthesis"


class _Result(msgspec.Struct):
    """One picture: drawn, or refused on its own in a task that succeeded."""

    url: str | None = None
    code: str = ""
    message: str = ""


_counts = msgspec.json.Decoder(Counts | None)


class ImageJobs(Jobs):
    name: ClassVar[str] = "dashscope.image-jobs"
    kind: ClassVar[str] = "image"

    def submit(self, request: Image, model: str, profile: Profile, tag: str) -> Ask:
        if request.images:
            raise Unsupported("This model draws from text only. Use qwen-image-edit for pictures.", param="image")
        parameters, _ = drawing(request, model, profile)
        negative = parameters.pop("negative_prompt", "")
        said = {"prompt": request.prompt, **({"negative_prompt": negative} if negative else {})}
        return handed_over(_TEXT, {"model": model, "input": said, "parameters": {**parameters, "n": request.n}})

    def losses(self, request: Image, model: str, profile: Profile) -> tuple[Loss, ...]:
        return drawing(request, model, profile)[1]

    def read(self, got: Got, state: Mapping[str, Any]) -> Progress:
        output, usage = seen(got)
        if status(output) != "completed":
            return ended_badly(output)
        results = msgspec.convert(output.results or [], list[_Result])
        drawn = tuple(Asset(url=secure(each.url)) for each in results if each.url)
        if not drawn:
            return _refused(results)
        counts = _decoded(usage)
        return Progress(
            status="completed", assets=drawn, usage=Usage(), measures=measured(counts.image_count or len(drawn), counts, "")
        )


def _refused(results: list[_Result]) -> Progress:
    """A task that succeeded, and each of its pictures did not."""
    first = next((each for each in results if each.code or each.message), _Result())
    code, message = refusals.of_task(first.code, first.message)
    return Progress(status="failed", error_code=code, error_message=message)


def _decoded(usage: bytes) -> Counts:
    try:
        return _counts.decode(usage) or Counts()
    except msgspec.MsgspecError:
        raise UpstreamBroken("The upstream's count of pictures cannot be read.") from None
