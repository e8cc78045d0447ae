"""The helper that plugin authors drive their plans with."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from pisces_proxy.dialect import Dialect
from pisces_proxy.errors import PiscesError, UpstreamBroken, UpstreamOverloaded
from pisces_proxy.plans import Ask, Fetch, Got, Plan, Wait
from pisces_proxy.testing import got, run_plan


class Numbers(Dialect):
    name = "test.numbers"
    protocol = "test"
    kind = "embeddings"

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> PiscesError:
        return UpstreamOverloaded(f"{status}: {body.decode()}")


def counting() -> Plan[str]:
    first = yield Ask(path="/a", body=b'{"n":1}')
    both = yield (Ask(path="/b"), Ask(path="/c"))
    yield Wait(2.5)
    file = yield Fetch("https://files.example/x")
    return " ".join([first.body.decode(), *(each.body.decode() for each in both), file.mime])


def test_a_plan_gets_its_answers_in_order_and_waits_take_none() -> None:
    played = run_plan(counting(), [{"a": 1}, b"b", "c", got(b"..", mime="image/png; q=1")])
    assert played.result == '{"a":1} b "c" image/png'
    assert [ask.path for ask in played.asks] == ["/a", "/b", "/c"]
    assert played.sent() == {"n": 1}
    assert played.waited == 2.5
    assert played.fetched == ["https://files.example/x"]


def test_answers_may_be_a_function_of_the_step() -> None:
    played = run_plan(counting(), lambda step: step.path.encode() if isinstance(step, Ask) else got(b"", mime="audio/wav"))
    assert played.result == "/a /b /c audio/wav"


def test_a_refusal_ends_the_plan_as_the_wire_reads_it() -> None:
    with pytest.raises(UpstreamOverloaded, match="529: busy"):
        run_plan(counting(), [Got(status=529, headers={}, body=b"busy")], wire=Numbers())


def test_an_error_stands_for_an_upstream_that_cannot_be_reached() -> None:
    with pytest.raises(UpstreamBroken):
        run_plan(counting(), [UpstreamBroken("gone")])


def test_too_few_answers_say_what_was_asked() -> None:
    with pytest.raises(AssertionError, match="/b"):
        run_plan(counting(), [b"1"])
