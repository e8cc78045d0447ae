"""Plans driven by recorded answers: what a wire or a driver asks an upstream, and what it makes of it, without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from ..chat import Loss
from ..dialect import Dialect
from ..errors import PiscesError
from ..plans import Ask, Fetch, Got, Lost, Plan, Step, Wait, with_losses

R = TypeVar("R")
Recorded = Got | bytes | str | Mapping[str, Any] | list[Any] | PiscesError
Answers = Iterable[Recorded] | Callable[[Ask | Fetch], Recorded]


class Played(Generic[R]):
    """A plan that has ended: its `result`, and in order the `steps` it took, `waits` included."""

    def __init__(self, result: R, steps: list[Ask | Fetch | Wait]) -> None:
        self.result = result
        self.steps = steps

    @property
    def asks(self) -> list[Ask]:
        return [step for step in self.steps if isinstance(step, Ask)]

    @property
    def fetched(self) -> list[str]:
        return [step.url for step in self.steps if isinstance(step, Fetch)]

    @property
    def waited(self) -> float:
        return sum(step.seconds for step in self.steps if isinstance(step, Wait))

    def sent(self, index: int = 0) -> Any:
        """The JSON body of one Ask, read."""
        body = self.asks[index].body
        assert isinstance(body, bytes), "that one sent a form"
        return msgspec.json.decode(body)


def got(body: Recorded = b"", status: int = 200, mime: str = "application/json", **headers: str) -> Got:
    """A recorded answer: bytes as they are, anything else as JSON. Underscores in header names are hyphens."""
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Got(status=status, headers={"content-type": mime, **{k.replace("_", "-"): v for k, v in headers.items()}}, body=data)


def run_plan(plan: Plan[R], answers: Answers = (), *, wire: Dialect | None = None) -> Played[R]:
    """Drive a plan to its end as the gateway would. `answers`: one for each Ask and each Fetch, in order (those of a tuple one
    by one), or a function of the step; a Wait takes none. Each is a Got, bytes, or a value that is written as JSON; an
    error is raised in the upstream's place. An answer that is not 2xx is raised in the plan as `wire.decode_error` says. What
    the plan leaves away stands in the result's `losses`, and must be told before the first Ask."""
    answer = answers if callable(answers) else _one_by_one(answers)
    steps: list[Ask | Fetch | Wait] = []
    losses: list[Loss] = []

    def outcome(step: Step) -> Any:
        if isinstance(step, Lost):
            assert not steps, f"the plan has asked already when it tells what it leaves away: {step}"
            losses.extend(step.losses)
            return None
        if isinstance(step, tuple):
            return tuple(outcome(each) for each in step)
        steps.append(step)
        return None if isinstance(step, Wait) else _got(answer(step), step, wire)

    try:
        step = next(plan)
        while True:
            try:
                found = outcome(step)
            except PiscesError as error:
                step = plan.throw(error)
            else:
                step = plan.send(found)
    except StopIteration as end:
        return Played(with_losses(end.value, losses), steps)
    finally:
        plan.close()


def _one_by_one(answers: Iterable[Recorded]) -> Callable[[Ask | Fetch], Recorded]:
    left = iter(answers)

    def answer(step: Ask | Fetch) -> Recorded:
        for found in left:
            return found
        raise AssertionError(f"the plan asks for more than was recorded: {step}")

    return answer


def _got(recorded: Recorded, step: Ask | Fetch, wire: Dialect | None) -> Got:
    if isinstance(recorded, PiscesError):
        raise recorded
    answer = recorded if isinstance(recorded, Got) else got(recorded)
    if not 200 <= answer.status < 300:
        assert wire is not None, f"{step} was answered {answer.status}: pass wire= to say what that means"
        raise wire.decode_error(answer.status, answer.headers, answer.body)
    return answer
