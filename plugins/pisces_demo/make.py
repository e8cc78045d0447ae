"""Everything that the demo makes besides words, by the kind of the request."""

from __future__ import annotations

import base64

from pisces_proxy import media
from pisces_proxy.blobs import image_size
from pisces_proxy.chat import Loss
from pisces_proxy.errors import BadRequest, Unsupported
from pisces_proxy.media import Asset, Image, Picture, Pictures
from pisces_proxy.pricing import Images, Measures
from pisces_proxy.tokens import of_text
from pisces_proxy.usage import Usage

from . import hearing, judge, paint, sizes, vectors, voice

KINDS = frozenset({"embeddings", "rerank", "moderation", "image", "speech", "transcription", "video"})
_LARGEST = 4096  # pixels of a side
_UNREAD = "the demo reads PNG of eight bits a channel and at most 4 megapixels; it has painted a new picture"


def made(request: media.Request, model: str) -> media.Result:
    """Takes up to half a second of the processor: for a thread. Raises PiscesError."""
    match request:
        case media.Embeddings():
            return vectors.embed(request, model)
        case media.Rerank():
            return vectors.rank(request)
        case media.Moderation():
            return judge.judge(request)
        case Image():
            return _pictures(request)
        case media.Speech():
            return voice.speak(request, model)
        case media.Transcription():
            return hearing.listen(request)
        case _:
            raise Unsupported("The demo makes nothing of this kind at once.")


def words(request: media.Request) -> str:
    """Where an order would stand."""
    match request:
        case media.Embeddings(inputs=inputs) | media.Moderation(inputs=inputs):
            return inputs[0] if isinstance(inputs[0], str) else ""
        case media.Rerank(query=text) | media.Speech(text=text):
            return text
        case Image(prompt=text) | media.Transcription(prompt=text):
            return text
        case _:
            return ""


def _pictures(request: Image) -> Pictures:
    if request.output_format not in ("", "png"):
        raise Unsupported(f"The demo paints png, not {request.output_format}.", param="output_format", code="invalid_value")
    width, height = sizes.of_picture(request.size, request.aspect_ratio)
    if max(width, height) > _LARGEST:
        raise BadRequest(f"'size' is too large: the demo paints at most {_LARGEST} pixels a side.", param="size")
    drawn = [_drawn(request, number, width, height) for number in range(request.n)]
    # an edit keeps the size that it was given, where nobody asked for another
    width, height = _size_of(drawn[0][0]) or (width, height)
    counted = width * height // 1024 * request.n
    return Pictures(
        pictures=tuple(Picture(asset=Asset(data=data, mime="image/png")) for data, _ in drawn),
        size=f"{width}x{height}",
        quality=request.quality,
        output_format="png",
        usage=Usage(input=of_text(request.prompt), output=counted, image_output=counted),
        measures=Measures(images=(Images(count=request.n, size=f"{width}x{height}", quality=request.quality or "auto"),)),
        losses=drawn[0][1],
    )


def _drawn(request: Image, number: int, width: int, height: int) -> tuple[bytes, tuple[Loss, ...]]:
    seed = "" if request.seed is None else f"#{request.seed}"
    said = f"{request.prompt}{seed}" + (f"#{number}" if number else "")
    if not request.images:
        return paint.picture(said, width, height), ()
    asked = (width, height) if request.size or request.aspect_ratio else None
    mask = request.mask.content() if request.mask is not None else b""
    if (data := paint.edited(request.images[0].content(), said, asked, mask)) is not None:
        return data, ()
    return paint.picture(said, width, height), (Loss(field="image", action="dropped", reason=_UNREAD),)


def _size_of(data: bytes) -> tuple[int, int] | None:
    return image_size(base64.b64encode(data[:96]).decode())
