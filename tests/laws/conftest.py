"""All registered wires: a new one is tested by existing."""

from __future__ import annotations

from itertools import permutations

import pytest
from laws.samples import vendor_streams

from pisces_proxy.config import Config
from pisces_proxy.plugin import Wire
from pisces_proxy.registry import Registry

WIRES: dict[str, Wire] = {name: wire for name, wire in Registry.load(Config()).wires.items() if wire.kind == "chat"}
STREAMS = vendor_streams()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    names = set(metafunc.fixturenames)
    if {"source", "target"} <= names:
        pairs = list(permutations(WIRES.values(), 2))
        metafunc.parametrize(("source", "target"), pairs, ids=[f"{a.name}-{b.name}" for a, b in pairs])
    elif "wire" in names:
        metafunc.parametrize("wire", WIRES.values(), ids=WIRES)
    if "vendor_stream" in names:
        rows = [(WIRES[name], stream) for (name, _), stream in STREAMS.items() if name in WIRES]
        ids = [f"{name}-{scene}" for name, scene in STREAMS if name in WIRES]
        metafunc.parametrize("vendor_stream", rows, ids=ids)
