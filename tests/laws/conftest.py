"""All registered wires: a new one is tested by existing."""

from __future__ import annotations

from itertools import permutations

import pytest
from laws.wires import STREAMS, WIRES


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    names = set(metafunc.fixturenames)
    if {"source", "target"} <= names:
        pairs = list(permutations(WIRES.values(), 2))
        metafunc.parametrize(("source", "target"), pairs, ids=[f"{a.name}-{b.name}" for a, b in pairs])
    elif "wire" in names:
        metafunc.parametrize("wire", WIRES.values(), ids=WIRES)
    if "vendor_stream" in names:
        rows = [(WIRES[name], stream) for (name, _), stream in STREAMS.items()]
        metafunc.parametrize("vendor_stream", rows, ids=["-".join(key) for key in STREAMS])
