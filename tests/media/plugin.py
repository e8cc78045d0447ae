"""A plugin of somebody else's: one way to ask for pictures that is nobody's, on every path through the media engine.

`odd.pictures` is asked at once, with a fetch, and takes no URLs; `slow.pictures` is work that is submitted and watched.
`home` makes pictures in this process.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import msgspec

from pisces_proxy import media
from pisces_proxy.errors import PiscesError
from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.plans import Ask, Fetch, Got, Plan, Wait
from pisces_proxy.plugin import Dialect, Driver, LocalProvider, MediaWire, Profile, Provider
from pisces_proxy.pricing import Images, Measures
from pisces_proxy.refusals import complaint, understand
from pisces_proxy.task import Progress, status_of
from pisces_proxy.usage import Usage

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
_encode = msgspec.json.Encoder().encode


class Odd(MediaWire):
    name: ClassVar[str] = "odd.pictures"
    protocol: ClassVar[str] = "odd"
    kind: ClassVar[str] = "image"

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> PiscesError:
        return understand(status, headers, complaint(body))

    def plan(self, request: Any, model: str, profile: Profile) -> Plan[Any]:
        given = [base64.b64encode(asset.content()).decode() for asset in request.images]
        got = yield Ask(path="/draw", body=_encode({"name": model, "words": request.prompt, "given": given, "n": request.n}))
        told = msgspec.json.decode(got.body)
        if "again" in told:
            yield Wait(0.01)
            got = yield Ask(method="GET", url=told["again"])
            told = msgspec.json.decode(got.body)
        pictures = []
        for place in told["pictures"]:
            if request.wants == "data" and told.get("fetch"):
                file = yield Fetch(place)
                pictures.append(media.Picture(asset=media.Asset(data=file.body, mime=file.mime)))
            else:
                pictures.append(media.Picture(asset=_asset(place)))
        counted = Measures(images=(Images(count=len(pictures), size="1024x1024", quality="high"),))
        return media.Pictures(pictures=tuple(pictures), measures=counted, usage=Usage() if told.get("counted") else None)


def _asset(place: str) -> media.Asset:
    return media.Asset(url=place) if "://" in place else media.Asset(data=base64.b64decode(place), mime="image/png")


class Slow(Driver):
    name: ClassVar[str] = "slow.pictures"
    protocol: ClassVar[str] = "slow"
    kind: ClassVar[str] = "image"

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> PiscesError:
        return understand(status, headers, complaint(body))

    def submit(self, request: Any, model: str, profile: Profile, tag: str) -> Ask:
        return Ask(path="/jobs", body=_encode({"name": model, "words": request.prompt, "tag": tag}))

    def submitted(self, got: Got) -> Mapping[str, Any]:
        return {"id": msgspec.json.decode(got.body)["id"]}

    def poll(self, state: Mapping[str, Any]) -> Ask:
        return Ask(method="GET", path=f"/jobs/{state['id']}")

    def read(self, got: Got, state: Mapping[str, Any]) -> Progress:
        told = msgspec.json.decode(got.body)
        assets = tuple(_asset(place) for place in told.get("pictures", ()))
        return Progress(
            status=status_of(told["status"]), assets=assets, error_code=told.get("code", ""), error_message=told.get("why", "")
        )

    def cancel(self, state: Mapping[str, Any]) -> Ask | None:
        return Ask(path=f"/jobs/{state['id']}/stop")

    def delay(self, polls: int) -> float:
        return 0.01


class Home(LocalProvider):
    name = "home"
    base_url = "home:"
    makes = frozenset({"image"})
    wires: Mapping[str, str] = {}

    def respond(self, request: Any, operation: Any) -> Any:
        raise AssertionError("nobody chats here")

    async def make(self, request: media.Request, model: str) -> media.Result:
        assert isinstance(request, media.Image)
        return media.Pictures(pictures=(media.Picture(asset=media.Asset(data=PNG, mime="image/png")),) * request.n)


@hookimpl
def pisces_wires() -> Iterable[Dialect]:
    return [Odd(), Slow()]


@hookimpl
def pisces_providers() -> Iterable[Provider]:
    return [
        Provider(name="odd", wires={"odd.pictures": ""}, summary="pictures at once"),
        Provider(name="slow", wires={"slow.pictures": ""}, summary="pictures in a while"),
        Home(),
    ]
