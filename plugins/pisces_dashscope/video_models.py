"""Which words a line of video models has for its pictures, clips and sounds, and what it lets choose.

From Wan 2.7 and Happyhorse on, everything given is one list of `{type, url}`; older models have a member for each.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pisces_proxy import blobs
from pisces_proxy.errors import BadRequest, Unsupported
from pisces_proxy.media import Asset, Video

_PATH = "/services/aigc/video-generation/video-synthesis"
_KEYFRAMES = "/services/aigc/image2video/video-synthesis"
_NAMES = {
    "first_frame": "a first frame",
    "last_frame": "a last frame",
    "reference": "reference images",
    "video": "a video",
    "audio": "sound",
}
_ONCE = frozenset({"first_frame", "last_frame", "video", "first_clip", "driving_audio"})


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Models of one purpose and age. `words`: role of a file -> its type in `media`, or the member of `input` that it is; roles
    without a word are refused. `needs`: one of these must be there. `size`: `resolution` (720P), or `size` (1280*720).
    `chooses_ratio`: else the picture's own is kept."""

    words: Mapping[str, str] = {}
    needs: tuple[str, ...] = ()
    listed: bool = True
    size: str = "resolution"
    path: str = _PATH
    chooses_ratio: bool = False
    chooses_length: bool = True
    audio_switch: bool = False
    always_sounds: bool = False

    def media(self, request: Video, model: str) -> dict[str, Any]:
        """The members of `input` for what was given. Raises BadRequest, Unsupported."""
        assets = [asset for asset in request.assets if asset.role or asset.url or asset.content()]
        self._check(assets, model)
        if self.listed:
            return {"media": [{"type": self.words[asset.role], "url": _link(asset)} for asset in assets]}
        return self._members(assets)

    def _check(self, assets: Sequence[Asset], model: str) -> None:
        for asset in assets:
            if asset.role not in self.words:
                raise Unsupported(
                    f"{model} does not take {_called(asset.role)}. {_advice(self.words)}",
                    param="input.media",
                    code="unsupported_value",
                )
        once = [asset for asset in assets if self.words[asset.role] in _ONCE]
        if len({self.words[asset.role] for asset in once}) < len(once):
            raise Unsupported(f"{model} takes one of each: a first frame, a last frame, a video.", param="input.media")
        if self.needs and not any(asset.role in self.needs for asset in assets):
            called = " or ".join(_called(role) for role in self.needs)
            raise BadRequest(
                f"{model} needs {called}: send its public https URL.", param="input.media", code="missing_required_parameter"
            )

    def _members(self, assets: Sequence[Asset]) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for asset in assets:
            name = self.words[asset.role]
            if name.endswith("s"):
                members.setdefault(name, []).append(_link(asset))
            elif name in members:
                raise Unsupported(f"This model takes {_called(asset.role)} once only.", param="input.media")
            else:
                members[name] = _link(asset)
        return members


def _called(role: str) -> str:
    return _NAMES.get(role, "a file of that kind")


def _advice(words: Mapping[str, str]) -> str:
    if not words:
        return "It makes videos of text alone: use an i2v model for pictures, an r2v model for references."
    return f"It takes {', '.join(_called(role) for role in words)}."


def _link(asset: Asset) -> str:
    """Pictures may come as data URIs; of clips and sounds they take URLs only."""
    if asset.url:
        return asset.url
    data = base64.b64encode(asset.content()).decode()
    mime = asset.mime or blobs.sniff(data[:4096]) or "image/png"
    if not mime.startswith("image/"):
        raise Unsupported(
            "This model fetches clips and sounds itself. Send a public https URL, no upload and no data URI.",
            param="input.media",
            code="invalid_url",
        )
    return blobs.data_uri(mime, data)


_FRAMES = {"first_frame": "first_frame", "reference": "first_frame"}  # a lone picture is where an i2v model begins
_REFERENCES = {"first_frame": "reference_image", "reference": "reference_image"}
_EDIT = Line(words={"video": "video", **_REFERENCES}, needs=("video",), chooses_length=False)
_LINES: tuple[tuple[str, Line], ...] = (
    # https://help.aliyun.com/zh/model-studio/happyhorse-text-to-video-api-reference and its neighbours
    (r"happyhorse.*-t2v", Line(chooses_ratio=True, always_sounds=True)),
    (r"happyhorse.*-i2v", Line(words=_FRAMES, needs=("first_frame", "reference"), always_sounds=True)),
    (
        r"happyhorse.*-r2v",
        Line(words=_REFERENCES, needs=("reference", "first_frame"), chooses_ratio=True, always_sounds=True),
    ),
    (r"happyhorse.*-edit", _EDIT),
    # Wan up to 2.6: a member for each
    (r"wan.*-kf2v", Line(
        words={"first_frame": "first_frame_url", "last_frame": "last_frame_url"}, needs=("first_frame",), listed=False,
        path=_KEYFRAMES,
    )),
    (r"(?:wanx|wan2\.[0-6]).*-t2v", Line(words={"audio": "audio_url"}, listed=False, size="size", audio_switch=True)),
    (r"(?:wanx|wan2\.[0-6]).*-i2v", Line(
        words={"first_frame": "img_url", "reference": "img_url", "audio": "audio_url"}, needs=("first_frame", "reference"),
        listed=False, audio_switch=True,
    )),
    (r"(?:wanx|wan2\.[0-6]).*-r2v", Line(
        words={"reference": "reference_urls", "first_frame": "reference_urls", "video": "reference_urls"},
        needs=("reference", "first_frame", "video"), listed=False, size="size", audio_switch=True,
    )),
    # Wan from 2.7 on: one list
    (r"wan.*-t2v", Line(words={"audio": "audio_url"}, listed=False, chooses_ratio=True, always_sounds=True)),
    (r"wan.*-i2v", Line(
        words={"first_frame": "first_frame", "last_frame": "last_frame", "video": "first_clip", "audio": "driving_audio"},
        needs=("first_frame", "video"), always_sounds=True,
    )),
    (r"wan.*-r2v", Line(
        words={"first_frame": "first_frame", "reference": "reference_image", "video": "reference_video"},
        needs=("reference", "video", "first_frame"), chooses_ratio=True, always_sounds=True,
    )),
    (r"wan.*-(?:video)?edit", msgspec.structs.replace(_EDIT, chooses_ratio=True)),
)  # fmt: skip
_ANY = Line(
    words={
        "first_frame": "first_frame",
        "last_frame": "last_frame",
        "reference": "reference_image",
        "video": "video",
        "audio": "driving_audio",
    },
    chooses_ratio=True,
)
_COMPILED = tuple((re.compile(pattern), line) for pattern, line in _LINES)


def line_of(model: str) -> Line:
    """The line of a model, by its name; what nobody knows yet is asked as the newest are."""
    bare = model.lower().rpartition("/")[2]
    return next((line for pattern, line in _COMPILED if pattern.match(bare)), _ANY)
