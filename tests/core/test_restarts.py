"""What a reload cannot take over is told by name."""

from __future__ import annotations

import pytest

from pisces_proxy import config, restarts


@pytest.mark.parametrize(
    ("file", "keys"),
    [
        ("", ()),
        ('[server]\nmax_body = "1KB"\nmetrics = true', ()),
        ('[server]\nhost = "0.0.0.0"\ndev = true', ("[server] host", "[server] dev")),
        ("[server]\nport = 9", ()),  # the command line says another
        ('[plugins]\ndisable = ["demo"]', ("[plugins]",)),
    ],
)
def test_keys_that_need_a_restart_are_named(file: str, keys: tuple[str, ...]) -> None:
    started = config.Config(overridden=frozenset({"port"}))
    assert restarts.needed_for(started, config.parse(file)) == keys
    assert all(key in restarts.said(keys) for key in keys) and bool(restarts.said(keys)) is bool(keys)
