"""Pieces that do not fit stop the start, with the name of the piece; what a disabled plugin spoke is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from media.plugin import Home, Odd, Slow
from pisces_proxy.config import Config
from pisces_proxy.errors import ConfigError
from pisces_proxy.fitting import check
from pisces_proxy.plugin import Endpoint, Provider, TaskFacade
from pisces_proxy.registry import Registry


class Facade(TaskFacade):
    name = "odd.tasks"
    protocol = "odd"

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> Any:
        raise AssertionError

    def encode_task(self, view: Any, *, created: bool, extension: bytes) -> bytes:
        raise AssertionError


FORMATS = {each.name: each for each in (Odd(), Slow(), Facade())}


def route(wire: str, kind: str, **more: Any) -> Endpoint:
    return Endpoint(**{"method": "POST", "path": "/v1/odd", "kind": kind, "wire": wire, **more})


WRONG: dict[str, tuple[list[Endpoint], list[Provider], str]] = {
    "a route to nowhere": ([route("odd.picture", "image")], [], "Did you mean 'odd.pictures'"),
    "a route of another kind": ([route("odd.pictures", "speech")], [], "is for 'image'"),
    "a conversation": ([route("odd.pictures", "chat")], [], "is no Wire"),
    "a task of no facade": ([route("odd.pictures", "task.create")], [], "is no TaskFacade"),
    "pictures of a facade": ([route("odd.tasks", "image")], [], "is no MediaWire"),
    "an upload by GET": ([route("odd.pictures", "image", method="GET", uploads=True)], [], "no body"),
    "a provider of nothing": ([], [Provider(name="p", wires={"odd.picture": ""})], "Did you mean 'odd.pictures'"),
    "a provider of a facade": ([], [Provider(name="p", wires={"odd.tasks": ""})], "for clients only"),
    "models of another wire": (
        [],
        [Provider(name="p", wires={"odd.pictures": ""}, only={"slow.pictures": ("a",)})],
        "not speak",
    ),
    "a local maker of smells": ([], [Home(makes=frozenset({"smell"}))], "makes 'smell'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_piece_that_does_not_fit_is_named(name: str) -> None:
    endpoints, providers, why = WRONG[name]
    with pytest.raises(ConfigError, match=why):
        check(FORMATS, endpoints, providers)


def test_pieces_that_fit_are_let_through() -> None:
    providers = [Provider(name="p", wires={"odd.pictures": "", "slow.pictures": ""}, only={"slow.pictures": ("a",)}), Home()]
    check(FORMATS, [route("odd.pictures", "image", uploads=True), route("odd.tasks", "task.create")], providers)


def test_what_a_disabled_plugin_spoke_is_left_out_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    registry = Registry.load(Config(), without=["gemini"])
    assert not any(name.startswith("gemini.") for provider in registry.providers.values() for name in provider.wires)
    assert capsys.readouterr().err.count("wires_left_out") == 1


def test_with_the_plugin_the_wires_are_back() -> None:
    """Leaving out is of one start, not of the process."""
    whole = {name: dict(provider.wires) for name, provider in Registry.load(Config()).providers.items()}
    Registry.load(Config(), without=["openai"])
    assert {name: dict(provider.wires) for name, provider in Registry.load(Config()).providers.items()} == whole


def test_a_wire_that_no_plugin_has_stops_the_start_all_the_same() -> None:
    from pisces_proxy.hookspecs import hookimpl
    from pisces_proxy.registry import Plugin, find

    class Wrong:
        @hookimpl
        def pisces_providers(self) -> list[Provider]:
            return [Provider(name="wrong", wires={"nobody.speaks": ""})]

    with pytest.raises(ConfigError, match=r"nobody\.speaks"):
        Registry([*find(), Plugin("wrong", "a test", Wrong())])
