"""OpenAI's image format for clients and upstreams (wire.md F4)."""

from __future__ import annotations

from typing import Any, ClassVar

from pisces_proxy import media
from pisces_proxy.media import Image, Pictures
from pisces_proxy.mediawire import Counted, MediaEncoder, Told, Watcher
from pisces_proxy.plans import Ask, Got, Plan
from pisces_proxy.plugin import Operation, Profile, Reply

from . import images_answer, images_relay, images_request, images_upstream
from .images_fitting import kind_of
from .images_request import size_of
from .images_stream import ImageEncoder
from .manners import OpenAIMedia
from .media_fields import Fields
from .media_passing import upload_endpoint

WIRE = "openai.images"
ENDPOINTS = (
    upload_endpoint("/v1/images/generations", "image", WIRE, "generate", "Draw images (OpenAI)."),
    upload_endpoint("/v1/images/edits", "image", WIRE, "edit", "Draw images from others, and over them (OpenAI)."),
    upload_endpoint("/v1/images/variations", "image", WIRE, "variation", "Draw an image again, otherwise (OpenAI)."),
)


class OpenAIImages(OpenAIMedia):
    name: ClassVar[str] = WIRE
    kind: ClassVar[str] = "image"

    def decode_request(self, operation: Operation) -> Image:
        return images_request.decode(operation)

    def encode_response(self, result: media.Result, request: media.Request, reply: Reply) -> Told:
        assert isinstance(result, Pictures) and isinstance(request, Image)
        return Told(body=images_answer.encode(result, request, reply))

    def encoder(self, request: media.Request, reply: Reply) -> MediaEncoder:
        assert isinstance(request, Image)
        return ImageEncoder(request, reply)

    def plan(self, request: Any, model: str, profile: Profile) -> Plan[Any]:
        return images_upstream.plan(request, model, profile)

    def passes(self, operation: Operation, profile: Profile) -> bool:
        return images_relay.passes(operation, profile)

    def rewrite(self, operation: Operation, model: str, profile: Profile) -> Ask:
        return images_relay.rewrite(operation, model, profile)

    def counted(self, got: Got, operation: Operation, profile: Profile) -> Counted:
        fields = Fields.of(operation)
        kind = kind_of(size_of(fields), fields.text("quality"), profile)
        usage, measures = images_answer.count(got.body, *kind)
        return Counted(usage=usage, measures=measures)

    def relayed(self, got: Got, reply: Reply) -> Told:
        return Told(body=images_relay.relayed(got, reply))

    def watcher(self, operation: Operation, profile: Profile, reply: Reply) -> Watcher:
        return images_relay.ImageWatcher(operation, profile, reply)
