"""An upstream's asynchronous work as one plan: submit, poll until it is over, for clients that wait for the answer. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from . import media
from .complaints import Complaint
from .errors import PiscesError, UpstreamBroken, UpstreamError, UpstreamTimeout
from .mediawire import Driver
from .plans import Ask, Fetch, Plan, Wait, leaving
from .profile import Profile
from .refusals import understand
from .task import OVER, Progress
from .usage import Usage

# what a driver may raise over an answer that it did not expect
UNREADABLE = (msgspec.MsgspecError, LookupError, TypeError, ValueError, AttributeError)
_PATIENCE = 5  # polls in a row that may fail


def shares(request: media.Request, profile: Profile) -> list[media.Request]:
    """The pieces of work that a request is for a driver, each for as many pictures as one draws (`n_max`)."""
    if not isinstance(request, media.Image) or request.n <= profile.n_max:
        return [request]
    full, rest = divmod(request.n, max(1, profile.n_max))
    return [msgspec.structs.replace(request, n=n) for n in [profile.n_max] * full + [rest] * bool(rest)]


def together(results: Sequence[media.Pictures]) -> media.Pictures:
    """The pictures of several pieces of work as one result."""
    first = results[0]
    if len(results) == 1:
        return first
    told = [result.measures for result in results]
    images = tuple(kind for measures in told for kind in measures.images) if all(one.images for one in told) else ()
    usages = [result.usage for result in results if result.usage is not None]
    return msgspec.structs.replace(
        first,
        pictures=tuple(picture for result in results for picture in result.pictures),
        usage=_summed(usages) if len(usages) == len(results) else None,
        measures=msgspec.structs.replace(first.measures, images=images),
    )


def _summed(usages: Sequence[Usage]) -> Usage:
    counts = {name: sum(getattr(usage, name) for usage in usages) for name in Usage.__struct_fields__}
    return Usage(**{**counts, "estimated": any(usage.estimated for usage in usages)})


class Driven:
    """One piece of a driver's work, waited for. Behind the submission an error is final: the work may be paid for."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._state: Mapping[str, Any] | None = None
        self.owed = False  # whether the upstream will want to be paid, as far as anybody knows

    def plan(self, request: media.Request, model: str, profile: Profile, tag: str) -> Plan[media.Pictures]:
        """Submit, look until it is over, and give what has been made."""
        yield from leaving(self._driver.losses(request, model, profile))
        got = yield self._driver.submit(request, model, profile, tag)
        with _readable(final=True):
            self._state = {**self._driver.remembered(request, model), **self._driver.submitted(got)}
        self.owed = True
        progress = yield from self._watched(self._state)
        self._state = None
        if progress.status != "completed" or not progress.assets:
            self.owed = False
            raise _failure(progress)
        pictures = yield from self._pictures(progress)
        return media.Pictures(pictures=pictures, usage=progress.usage, measures=progress.measures)

    def _pictures(self, progress: Progress) -> Plan[tuple[media.Picture, ...]]:
        pictures = []
        for asset in progress.assets:
            if asset.role:
                continue
            if self._driver.fleeting and asset.url:
                asset = yield from _fetched(asset)
            pictures.append(media.Picture(asset=asset))
        return tuple(pictures)

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
                with _readable(final=False):
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


@contextmanager
def _readable(final: bool) -> Iterator[None]:
    """An answer that a driver did not expect is the upstream's fault; `final` where work may have been begun by it."""
    try:
        yield
    except UNREADABLE as found:
        error = UpstreamBroken(f"The upstream's answer cannot be read ({type(found).__name__}: {found}).")
        error.final = final
        raise error from None


def _fetched(asset: media.Asset) -> Plan[media.Asset]:
    """With its bytes beside its URL: what has both is kept by the gateway for clients that want a URL."""
    for last in (False, True):
        try:
            got = yield Fetch(asset.url)
        except UpstreamError as error:
            if last:
                raise _final(error) from None
        else:
            return msgspec.structs.replace(asset, data=got.body, mime=asset.mime or got.mime)
    raise AssertionError("unreachable")


def _final(error: UpstreamError) -> UpstreamError:
    error.final = True
    return error


def _failure(progress: Progress) -> PiscesError:
    """What a task that has come to nothing means; vendors do not charge for these."""
    message = progress.error_message or f"The upstream's task ended as {progress.status}, without a result."
    return understand(500, {}, Complaint(code=progress.error_code, message=message))
