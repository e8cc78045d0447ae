"""Somebody else's video vendor in one file: a driver whose upstream finds lost jobs, one whose does not, a provider each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from pisces_proxy import chat, media, refusals
from pisces_proxy.errors import PiscesError, Unsupported, UpstreamBroken
from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.media import Asset, Video
from pisces_proxy.mediawire import Driver
from pisces_proxy.plans import Ask, Got
from pisces_proxy.plugin import Dialect, LocalProvider, Operation, Profile, Provider
from pisces_proxy.task import Progress, status_of


class Studio(Driver):
    """POST /jobs, GET and DELETE /jobs/{id}, GET /jobs?tag="""

    name = "studio.video"
    protocol = "studio"
    kind = "video"
    finds = True
    deadline = 600.0

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> PiscesError:
        return refusals.understand(status, headers, refusals.complaint(body))

    def submit(self, request: Video, model: str, profile: Profile, tag: str) -> Ask:
        if any(asset.role == "audio" for asset in request.assets):
            raise Unsupported("studio takes no sound.", param="input.media")
        body = {"model": model, "prompt": request.prompt, "seconds": request.seconds, "tag": tag, "of": request.remix_of}
        return Ask(path="/jobs", body=msgspec.json.encode(body))

    def submitted(self, got: Got) -> Mapping[str, Any]:
        id = msgspec.json.decode(got.body).get("id")
        if not id:
            raise UpstreamBroken("studio names no job.")
        return {"id": id}

    def poll(self, state: Mapping[str, Any]) -> Ask:
        return Ask(method="GET", path=f"/jobs/{state['id']}")

    def read(self, got: Got, state: Mapping[str, Any]) -> Progress:
        job = msgspec.json.decode(got.body)
        return Progress(
            status=status_of(job["status"]),
            progress=job.get("percent"),
            assets=tuple(Asset(url=url) for url in job.get("files", ())),
            error_message=job.get("why", ""),
            seconds=job.get("seconds"),
        )

    def cancel(self, state: Mapping[str, Any]) -> Ask | None:
        return Ask(method="DELETE", path=f"/jobs/{state['id']}")

    def with_callback(self, ask: Ask, url: str) -> Ask:
        body = msgspec.json.decode(ask.body) | {"callback": url}
        return msgspec.structs.replace(ask, body=msgspec.json.encode(body))

    def find(self, tag: str, request: Any) -> Ask | None:
        return Ask(method="GET", path=f"/jobs?tag={tag}")

    def found(self, got: Got, tag: str) -> Mapping[str, Any] | None:
        jobs = msgspec.json.decode(got.body)
        return {"id": jobs[0]["id"]} if jobs else None

    def fetch_headers(self, url: str) -> bool:
        return True


class Forgetful(Studio):
    """An upstream that cannot be asked for what it was sent."""

    name = "studio.forgetful"
    finds = False

    def find(self, tag: str, request: Any) -> Ask | None:
        return None


class Toy(LocalProvider):
    """Makes everything in this process."""

    name = "toy"
    base_url = "toy:"
    makes = frozenset({"image", "video"})

    def respond(self, request: chat.Request, operation: Operation) -> AsyncIterator[chat.Event]:
        raise Unsupported("toy does not talk.")

    async def make(self, request: media.Request, model: str) -> media.Result:
        return media.Pictures(pictures=(media.Picture(asset=Asset(data=b"a picture", mime="image/png")),))

    def begin(self, request: media.Request, model: str, tag: str, now: float) -> Mapping[str, Any]:
        return {"id": tag, "since": now}

    def look(self, state: Mapping[str, Any], now: float) -> Progress:
        if now - state["since"] < 0.5:
            return Progress(status="in_progress", progress=50)
        return Progress(status="completed", assets=(Asset(url="local:movie"),), seconds=2.0)

    async def content(self, url: str, state: Mapping[str, Any]) -> Asset:
        return Asset(data=b"a movie " * 100, mime="video/mp4")


@hookimpl
def pisces_wires() -> list[Dialect]:
    return [Studio(), Forgetful()]


@hookimpl
def pisces_providers() -> list[Provider]:
    return [
        Provider(name="studio", base_url="https://studio.example/v1", wires={"studio.video": ""}),
        Toy(),
        Provider(name="forgetful", base_url="https://studio.example/v1", wires={"studio.forgetful": ""}),
    ]
