"""An upstream's asynchronous work as one plan: submit, poll until it is over, for clients that wait for the answer. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import media
from .complaints import Complaint
from .errors import PiscesError, UpstreamError, UpstreamTimeout
from .mediawire import Driver
from .plans import Ask, Plan, Wait
from .profile import Profile
from .refusals import understand
from .task import OVER, Progress

_PATIENCE = 5  # polls in a row that may fail


class Driven:
    """One piece of a driver's work, waited for. Behind the submission an error is final: the work may be paid for."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._state: Mapping[str, Any] | None = None

    def plan(self, request: media.Request, model: str, profile: Profile, tag: str) -> Plan[media.Result]:
        """Submit, look until it is over, and give what has been made."""
        got = yield self._driver.submit(request, model, profile, tag)
        self._state = self._driver.submitted(got)
        progress = yield from self._watched(self._state)
        self._state = None
        if progress.status != "completed" or not progress.assets:
            raise _failure(progress)
        pictures = tuple(media.Picture(asset=asset) for asset in progress.assets if not asset.role)
        losses = self._driver.losses(request, model, profile)
        return media.Pictures(pictures=pictures, usage=progress.usage, measures=progress.measures, losses=losses)

    def stopping(self) -> Ask | None:
        """What stops the work that nobody waits for any more; None where there is none, or it cannot be stopped."""
        return self._driver.cancel(self._state) if self._state is not None else None

    def _watched(self, state: Mapping[str, Any]) -> Plan[Progress]:
        waited, polls, failures = 0.0, 0, 0
        while waited < self._driver.deadline:
            delay = self._driver.delay(polls)
            yield Wait(delay)
            waited, polls = waited + delay, polls + 1
            try:
                got = yield self._driver.poll(state)
                progress = self._driver.read(got, state)
            except UpstreamError as error:
                failures += 1
                if failures >= _PATIENCE:
                    raise _final(error) from None
                continue
            failures = 0
            self._state = state = progress.state if progress.state is not None else state
            if progress.status in OVER:
                return progress
        raise _final(UpstreamTimeout(f"The upstream was not done within {self._driver.deadline:.0f} s."))


def _final(error: UpstreamError) -> UpstreamError:
    error.final = True
    return error


def _failure(progress: Progress) -> PiscesError:
    """What a task that has come to nothing means; vendors do not charge for these."""
    message = progress.error_message or f"The upstream's task ended as {progress.status}, without a result."
    return understand(500, {}, Complaint(code=progress.error_code, message=message))
