"""Files as Google's clients put them into `instances`."""

from __future__ import annotations

import base64

from pisces_proxy import blobs
from pisces_proxy.errors import BadRequest
from pisces_proxy.media import Asset

from .reading import Object


def asset_of(file: Object, role: str = "") -> Asset:
    """`{bytesBase64Encoded, mimeType}`, as Google names files in `instances`; or `inlineData` inside it (Gemini's docs)."""
    file = file.object("inlineData") or file
    name = "data" if "data" in file else "bytesBase64Encoded"
    if name not in file:
        uri = file.text("uri") or file.text("fileUri")
        if uri.startswith(("https://", "http://")):
            return Asset(url=uri, mime=file.text("mimeType"), role=role)
        at = file.at("gcsUri") if "gcsUri" in file else file.at("bytesBase64Encoded")
        raise BadRequest(f"{at}: files of Google's storage cannot be read from here. Send bytesBase64Encoded.", param=at)
    data = blobs.standard_base64(file.text(name), file.at(name))
    shown = blobs.sniff(data[:1024])
    return Asset(data=base64.b64decode(data), mime=shown or file.text("mimeType"), role=role)
