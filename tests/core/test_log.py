"""Lines of the log: JSON for machines, words for people, and nothing that a client could forge."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from pisces_proxy.log import configure, log


@pytest.fixture
def style() -> Iterator[None]:
    yield
    configure("auto")


def test_an_event_is_one_object_of_json_with_what_is_known(style: None, capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    log.warning("channel_off", channel="a", why="no key", kind=dict)
    told = json.loads(capsys.readouterr().err)
    assert told.pop("timestamp").endswith("Z")
    assert told == {"event": "channel_off", "level": "warning", "channel": "a", "why": "no key", "kind": "<class 'dict'>"}


@pytest.mark.parametrize("kind", ["json", "console"])
def test_an_error_has_its_trace_without_the_local_variables(style: None, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    configure(kind)  # type: ignore[arg-type]
    secret = "".join(["never", "-shown"])
    try:
        raise ValueError("broken")
    except ValueError as error:
        log.error("request_failed", exc_info=error)
    written = capsys.readouterr().err
    assert "ValueError: broken" in written
    assert secret not in written


def test_in_a_terminals_form_no_value_starts_a_line_of_its_own(style: None, capsys: pytest.CaptureFixture[str]) -> None:
    configure("console")
    log.info("request", model="a\nb \x1b[31m", status=200, key="alice")
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    assert "\x1b[31m" not in written
    assert "status=200 key=alice" in written
