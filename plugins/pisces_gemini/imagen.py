"""The wire `gemini.imagen`: `:predict` with `instances` and `parameters`, for clients and upstreams (wire.md F4)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from pisces_proxy import media
from pisces_proxy.answers import read, unreadable
from pisces_proxy.chat import Loss
from pisces_proxy.errors import BadRequest, ContentRefused, Unsupported
from pisces_proxy.media import Asset, Image, Picture, Pictures
from pisces_proxy.mediawire import Counted, Told
from pisces_proxy.plans import Ask, Got, Plan, leaving
from pisces_proxy.plugin import Operation, Profile, Reply
from pisces_proxy.pricing import Images, Measures

from .given import asset_of
from .google import IMAGEN
from .images import measured
from .media_dialect import GeminiMedia, bytes_in, extended, without_ours
from .reading import EMPTY, Object
from .shapes import IMAGEN_RATIOS, ratio_of

MOST = 4  # pictures of one call: https://ai.google.dev/gemini-api/docs/imagen
_encode = msgspec.json.Encoder().encode
_FORMATS = ("png", "jpeg", "webp")
_UNHEARD = ("quality", "style", "background", "moderation", "input_fidelity")


class GeminiImagen(GeminiMedia):
    name: ClassVar[str] = IMAGEN
    kind: ClassVar[str] = "image"

    # -- the client's half

    def decode_request(self, operation: Operation) -> Image:
        body = Object(operation.body)
        instances = body.objects("instances")
        if any("content" in instance for instance in instances):
            said = "instances[0].content: to embed texts, send them to `:batchEmbedContents`."
            raise Unsupported(said, param="instances[0].content")
        if len(instances) != 1:
            raise BadRequest("`instances` must hold exactly one object.", param="instances", code="invalid_value")
        instance, parameters = instances[0], body.object("parameters") or EMPTY
        if parameters.text("mode") == "upscale":
            raise Unsupported("parameters.mode: no channel here scales pictures up.", param="parameters.mode")
        images, mask = _given(instance)
        if not instance.text("prompt") and not images:
            at = instance.at("prompt")
            raise BadRequest(f"`{at}` is required and must not be empty.", param=at, code="missing_required_parameter")
        output = parameters.object("outputOptions") or EMPTY
        return Image(
            model=operation.model,
            action="edit" if images else "generate",
            prompt=instance.text("prompt"),
            n=_count(parameters),
            size=parameters.text("sampleImageSize") or parameters.text("imageSize"),
            aspect_ratio=parameters.text("aspectRatio"),
            output_format=output.text("mimeType").removeprefix("image/"),
            output_compression=output.integer("compressionQuality"),
            negative_prompt=parameters.text("negativePrompt"),
            seed=parameters.integer("seed"),
            wants="data",
            images=images,
            mask=mask,
            extra={IMAGEN: _others(parameters)},
        )

    def encode_response(self, result: media.Result, request: media.Request, reply: Reply) -> Told:
        assert isinstance(result, Pictures)
        told: dict[str, Any] = {"predictions": [_prediction(picture) for picture in result.pictures]}
        if reply.extension:
            told["pisces"] = msgspec.Raw(reply.extension)
        return Told(body=_encode(told))

    # -- the upstream's half

    def plan(self, request: Image, model: str, profile: Profile) -> Plan[Pictures]:
        body, losses = _body(request, profile)
        counts = [MOST] * (request.n // MOST) + ([request.n % MOST] if request.n % MOST else [])
        asks = tuple(_ask(body, count) for count in counts)
        yield from leaving(losses)
        gots: tuple[Got, ...] = (yield asks) if len(asks) > 1 else ((yield asks[0]),)
        pictures, reasons = _read([got.body for got in gots])
        if not pictures:
            raise ContentRefused(reasons[0] if reasons else "The upstream's filters withheld every image.", param="prompt")
        withheld = f"{len(pictures)} came of {request.n}: {reasons[0]}" if reasons else ""
        fewer = (Loss(field="n", action="changed", reason=withheld),) if withheld else ()
        return Pictures(pictures=pictures, measures=measured(pictures), losses=fewer)

    # -- Imagen on both sides

    def rewrite(self, operation: Operation, model: str, profile: Profile) -> Ask:
        return Ask(path=":predict", body=without_ours(operation.body, profile))

    def counted(self, got: Got, operation: Operation, profile: Profile) -> Counted:
        found = read(_seen, got.body, "image")
        if found.predictions is None:
            raise unreadable(got.body, "image")
        drawn = sum(1 for each in found.predictions if each.data is not UNSET or each.uri is not UNSET)
        return Counted(measures=Measures(images=(Images(count=drawn, size="auto", quality="auto"),)))

    def relayed(self, got: Got, reply: Reply) -> Told:
        return Told(body=extended(got, reply))


# -- a client's --------------------------------------------------------------------------------------------------------


def _count(parameters: Object) -> int:
    count = parameters.integer("sampleCount")
    if count is not None and not 1 <= count <= 10:
        said = f"`parameters.sampleCount` is {count}. Use a number from 1 to 10."
        raise BadRequest(said, param="parameters.sampleCount", code="invalid_value")
    return count or 1


def _given(instance: Object) -> tuple[tuple[Asset, ...], Asset | None]:
    """Pictures to work from, and a mask."""
    images, mask = [], None
    if image := instance.object("image"):
        images.append(asset_of(image))
    for reference in instance.objects("referenceImages"):
        picture = reference.object("referenceImage")
        kind = reference.text("referenceType").removeprefix("REFERENCE_TYPE_")
        if picture is None or kind == "CONTROL":
            at = reference.at("referenceType")
            raise Unsupported(f"{at}: only pictures of the raw, subject, style and mask kinds are taken here.", param=at)
        if kind == "MASK":
            mask = asset_of(picture)
        else:
            images.append(asset_of(picture))
    return tuple(images), mask


_KNOWN = frozenset(
    ("sampleCount", "sampleImageSize", "imageSize", "aspectRatio", "outputOptions", "negativePrompt", "seed", "mode")
)


def _others(parameters: Object) -> dict[str, Any]:
    """What only Imagen knows: kept for it."""
    return {name: msgspec.json.decode(raw) for name, raw in parameters.rest(_KNOWN).items()}


def _prediction(picture: Picture) -> dict[str, str]:
    asset = picture.asset
    if asset.url and not asset.data:
        return {"gcsUri": asset.url, "mimeType": asset.mime or "image/png"}
    told = {"mimeType": asset.mime or "image/png", "bytesBase64Encoded": base64.b64encode(asset.content()).decode()}
    return {**told, "prompt": picture.revised_prompt} if picture.revised_prompt else told


# -- an upstream's -----------------------------------------------------------------------------------------------------


def _body(request: Image, profile: Profile) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    if request.images or request.mask is not None:
        raise Unsupported("Imagen draws from words only. Use a Gemini image model to change a picture.", param="image")
    losses: list[Loss] = []
    told: dict[str, Any] = {}
    if ratio := ratio_of(request.size, request.aspect_ratio, IMAGEN_RATIOS):
        told["aspectRatio"] = ratio
        if ratio != request.aspect_ratio:
            name = "size" if "x" in request.size else "aspect_ratio"
            losses.append(Loss(field=name, action="changed", reason=f"drawn with the ratio {ratio}"))
    if request.size in ("1K", "2K"):
        told["sampleImageSize"] = request.size
    elif request.size and "x" not in request.size:
        losses.append(Loss(field="size", action="dropped", reason="Imagen draws 1K and 2K"))
    told |= _output(request, losses)
    for name in (*_UNHEARD, "seed", "negative_prompt"):  # the last two: Google AI refuses what Vertex takes
        if getattr(request, name) not in ("", None, "auto"):
            losses.append(Loss(field=name, action="dropped", reason="Imagen has no such choice"))
    parameters = {**profile.defaults, **told, **request.extra.get(IMAGEN, {})}
    return {"prompt": request.prompt, "parameters": parameters}, tuple(losses)


def _output(request: Image, losses: list[Loss]) -> dict[str, Any]:
    if not request.output_format:
        return {}
    if request.output_format not in _FORMATS:
        losses.append(Loss(field="output_format", action="dropped", reason="Imagen writes png, jpeg, webp"))
        return {}
    options: dict[str, Any] = {"mimeType": f"image/{request.output_format}"}
    if request.output_compression is not None and request.output_format != "png":
        options["compressionQuality"] = request.output_compression
    return {"outputOptions": options}


def _ask(body: dict[str, Any], count: int) -> Ask:
    parameters = {**body["parameters"], "sampleCount": count}
    return Ask(path=":predict", body=_encode({"instances": [{"prompt": body["prompt"]}], "parameters": parameters}))


class _Prediction(msgspec.Struct, rename="camel"):
    bytes_base64_encoded: str | None = None
    mime_type: str | None = None
    prompt: str | None = None
    rai_filtered_reason: str | None = None


class _Answer(msgspec.Struct):
    predictions: list[_Prediction] | None = None


class _Drawn(msgspec.Struct):
    """As much as counting needs: pictures of megabytes stay unread."""

    data: msgspec.Raw | UnsetType = msgspec.field(default=UNSET, name="bytesBase64Encoded")
    uri: msgspec.Raw | UnsetType = msgspec.field(default=UNSET, name="gcsUri")


class _Seen(msgspec.Struct):
    predictions: list[_Drawn] | None = None


_answer = msgspec.json.Decoder(_Answer)
_seen = msgspec.json.Decoder(_Seen)


def _read(bodies: Sequence[bytes]) -> tuple[tuple[Picture, ...], list[str]]:
    """The pictures, and why some were withheld. An answer without predictions is one whose filters took them all."""
    predictions = [each for body in bodies for each in _predictions(body)]
    pictures = tuple(
        Picture(
            asset=Asset(data=bytes_in(each.bytes_base64_encoded), mime=each.mime_type or "image/png"),
            revised_prompt=each.prompt or "",
        )
        for each in predictions
        if each.bytes_base64_encoded
    )
    return pictures, [each.rai_filtered_reason for each in predictions if each.rai_filtered_reason]


def _predictions(body: bytes) -> list[_Prediction]:
    found = read(_answer, body, "image")
    if found.predictions is None and body.strip() != b"{}":
        raise unreadable(body, "image")
    return found.predictions or []
