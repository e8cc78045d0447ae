"""Work of a driver that a client waits for: in several pieces, with results that do not last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from pisces_proxy.driving import Driven, shares, together
from pisces_proxy.errors import PiscesError, UpstreamBroken
from pisces_proxy.media import Asset, Image, Picture, Pictures, Video
from pisces_proxy.plans import Ask, Got
from pisces_proxy.plugin import Driver, Profile
from pisces_proxy.pricing import NOTHING, Images, Measures
from pisces_proxy.task import Progress
from pisces_proxy.testing import got, run_plan
from pisces_proxy.usage import Usage


class Sketcher(Driver):
    name = "sketcher"
    protocol = "sketcher"
    kind = "image"
    fleeting = True

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> PiscesError:
        return UpstreamBroken(f"{status}")

    def submit(self, request: Any, model: str, profile: Profile, tag: str) -> Ask:
        return Ask(path="/draw")

    def remembered(self, request: Any, model: str) -> Mapping[str, Any]:
        return {"room": model}

    def submitted(self, got: Got) -> Mapping[str, Any]:
        return {"id": "7"}

    def poll(self, state: Mapping[str, Any]) -> Ask:
        return Ask(method="GET", path=f"/{state['room']}/{state['id']}")

    def read(self, got: Got, state: Mapping[str, Any]) -> Progress:
        asset = Asset(url="https://files.example/a.png")
        return Progress(status="completed", assets=(asset, Asset(url="https://files.example/t.png", role="thumbnail")))


def test_what_is_remembered_stands_in_the_state() -> None:
    plan = Driven(Sketcher()).plan(Image(prompt="p"), "attic", Profile(), "t")
    played = run_plan(plan, [{}, {}, got(b"png", mime="image/png")])
    assert played.asks[1].path == "/attic/7"


def test_results_that_do_not_last_come_with_their_bytes() -> None:
    plan = Driven(Sketcher()).plan(Image(prompt="p"), "attic", Profile(), "t")
    played = run_plan(plan, [{}, {}, UpstreamBroken("once more"), got(b"png", mime="image/png")])
    assert played.fetched == ["https://files.example/a.png"] * 2
    asset = Asset(data=b"png", url="https://files.example/a.png", mime="image/png")
    assert played.result.pictures == (Picture(asset=asset),)


def test_a_result_that_cannot_be_had_is_paid_for_all_the_same() -> None:
    plan = Driven(Sketcher()).plan(Image(prompt="p"), "attic", Profile(), "t")
    with pytest.raises(UpstreamBroken) as caught:
        run_plan(plan, [{}, {}, UpstreamBroken("gone"), UpstreamBroken("gone")])
    assert caught.value.final


@pytest.mark.parametrize(
    ("n", "most", "pieces"), [(1, 1, [1]), (3, 1, [1, 1, 1]), (4, 4, [4]), (7, 3, [3, 3, 1]), (2, 10, [2])]
)
def test_more_pictures_than_one_draws_are_several_pieces_of_work(n: int, most: int, pieces: list[int]) -> None:
    assert [part.n for part in shares(Image(prompt="p", n=n), Profile(n_max=most)) if isinstance(part, Image)] == pieces


def test_a_video_is_one_piece_of_work() -> None:
    assert shares(Video(prompt="p"), Profile(n_max=1)) == [Video(prompt="p")]


class Babbling(Sketcher):
    """Its answers are not always what its driver expects."""

    def submitted(self, got: Got) -> Mapping[str, Any]:
        return {"id": msgspec.json.decode(got.body)["id"]}

    def read(self, got: Got, state: Mapping[str, Any]) -> Progress:
        return Progress(status=msgspec.json.decode(got.body)["status"], error_message="It broke.")


@pytest.mark.parametrize("answer", [b"<html>", {"name": "7"}, [], 7])
def test_an_acceptance_that_cannot_be_read_may_have_begun_the_work(answer: Any) -> None:
    with pytest.raises(UpstreamBroken, match="cannot be read") as caught:
        run_plan(Driven(Babbling()).plan(Image(prompt="p"), "attic", Profile(), "t"), [got(answer)])
    assert caught.value.final


def test_a_look_that_cannot_be_read_is_taken_again_and_not_for_ever() -> None:
    driven = Driven(Babbling())
    looks = [b"<html>", {}, [], got(7), {"status": "failed"}]
    with pytest.raises(UpstreamBroken, match="It broke") as caught:
        run_plan(driven.plan(Image(prompt="p"), "attic", Profile(), "t"), [{"id": "7"}, *looks])
    assert not caught.value.final and not driven.owed
    driven = Driven(Babbling())
    with pytest.raises(UpstreamBroken, match="cannot be read") as caught:
        run_plan(driven.plan(Image(prompt="p"), "attic", Profile(), "t"), [{"id": "7"}, *[b"<html>"] * 5])
    assert caught.value.final and driven.owed


def drawn(url: str, usage: Usage | None = None, measures: Measures = NOTHING) -> Pictures:
    return Pictures(pictures=(Picture(asset=Asset(url=url)),), usage=usage, measures=measures)


def test_pieces_are_put_together_and_counted_together() -> None:
    one = Measures(images=(Images(count=1, size="1024x1024"),))
    both = together([drawn("a", Usage(input=1, output=2), one), drawn("b", Usage(input=3, output=4), one)])
    assert [picture.asset.url for picture in both.pictures] == ["a", "b"]
    assert both.usage == Usage(input=4, output=6) and both.measures.images == one.images * 2


def test_a_piece_that_does_not_say_what_it_cost_leaves_all_unsaid() -> None:
    both = together([drawn("a", Usage(input=1), Measures(images=(Images(count=1),))), drawn("b")])
    assert both.usage is None and both.measures == NOTHING
