"""Images as events: for clients that asked for a stream, from upstreams that draw in one go."""

from __future__ import annotations

import base64

from pisces_proxy import media
from pisces_proxy.errors import PiscesError, UpstreamBroken
from pisces_proxy.media import Image, Picture, Pictures
from pisces_proxy.mediawire import MediaEncoder
from pisces_proxy.plugin import Reply

from .images_answer import usage_told
from .media_events import event, failed


class ImageEncoder(MediaEncoder):
    """One `completed` for each image; nobody has seen it in part."""

    def __init__(self, request: Image, reply: Reply) -> None:
        self._request = request
        self._reply = reply

    def result(self, result: media.Result) -> bytes:
        assert isinstance(result, Pictures)
        if any(not picture.asset.data for picture in result.pictures):
            return self.failed(UpstreamBroken("The upstream's image could not be fetched."))
        return b"".join(self._completed(picture, result) for picture in result.pictures)

    def _completed(self, picture: Picture, result: Pictures) -> bytes:
        asked = self._request
        members = {
            "b64_json": base64.b64encode(picture.asset.data).decode(),
            "background": result.background or asked.background or "auto",
            "created_at": result.created or self._reply.created,
            "output_format": result.output_format or asked.output_format or _format(picture),
            "quality": result.quality or asked.quality or "auto",
            "size": result.size or asked.size or "auto",
        }
        if result.usage is not None:
            members["usage"] = usage_told(result.usage)
        kind = "image_generation" if asked.action == "generate" else "image_edit"
        return event(f"{kind}.completed", members, self._reply.extension)

    def failed(self, error: PiscesError) -> bytes:
        return failed(error, self._reply.extension)


def _format(picture: Picture) -> str:
    return picture.asset.mime.partition("/")[2] or "png"
