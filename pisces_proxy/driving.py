"""An upstream's asynchronous work as one plan: submit, poll until it is over, for clients that wait for the answer. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import media
from .complaints import Complaint
from .errors import PiscesError, UpstreamError, UpstreamTimeout
from .mediawire import Driver
from .plans import Plan, Wait
from .profile import Profile
from .refusals import understand
from .task import OVER, Progress

_PATIENCE = 5  # polls in a row that may fail


def to_the_end(driver: Driver, request: media.Request, model: str, profile: Profile, tag: str) -> Plan[media.Result]:
    """Run a driver's work and wait for its result. Behind the submission an error is final: the work may be paid for."""
    got = yield driver.submit(request, model, profile, tag)
    state = driver.submitted(got)
    progress = yield from _watched(driver, state)
    if progress.status != "completed" or not progress.assets:
        raise _failure(progress)
    pictures = tuple(media.Picture(asset=asset) for asset in progress.assets if not asset.role)
    return media.Pictures(pictures=pictures, usage=progress.usage, measures=progress.measures)


def _watched(driver: Driver, state: Mapping[str, Any]) -> Plan[Progress]:
    waited, polls, failures = 0.0, 0, 0
    while waited < driver.deadline:
        delay = driver.delay(polls)
        yield Wait(delay)
        waited, polls = waited + delay, polls + 1
        try:
            got = yield driver.poll(state)
            progress = driver.read(got, state)
        except UpstreamError as error:
            failures += 1
            if failures >= _PATIENCE:
                raise _final(error) from None
            continue
        failures = 0
        state = progress.state if progress.state is not None else state
        if progress.status in OVER:
            return progress
    raise _final(UpstreamTimeout(f"The upstream was not done within {driver.deadline:.0f} s."))


def _final(error: UpstreamError) -> UpstreamError:
    error.final = True
    return error


def _failure(progress: Progress) -> PiscesError:
    """What a task that has come to nothing means; vendors do not charge for these."""
    message = progress.error_message or f"The upstream's task ended as {progress.status}, without a result."
    return understand(500, {}, Complaint(code=progress.error_code, message=message))
