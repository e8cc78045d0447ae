"""What every admin call works with: the gateway, who asks, what for; and how pages and times are written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from ..errors import BadRequest, NotFound
from ..ledger import Audit
from ..storage import Storage
from .asked import Moment, Page

if TYPE_CHECKING:
    from ..gateway import Gateway

Query = TypeVar("Query")
Body = TypeVar("Body")
Item = TypeVar("Item")

LAST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


@dataclass(frozen=True)
class Call(Generic[Query, Body]):
    """One admin call, read and checked. `actor` is the token's name."""

    actor: str
    path: Mapping[str, str]
    query: Query
    body: Body


class Desk:
    """The gateway as admin calls see it."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.turn = asyncio.Lock()  # for what is read, changed and written back

    @property
    def storage(self) -> Storage:
        return self.gateway.storage


def audit(actor: str, action: str, target: str, detail: Mapping[str, object] | None = None) -> Audit:
    """Who changes what; the storage writes it with the change, or neither."""
    return Audit(at=time.time(), actor=actor, action=action, target=target, detail=dict(detail or {}))


def seconds(moment: datetime | None, param: str) -> float | None:
    """A time as storage keeps it."""
    if moment is None:
        return None
    found = moment.timestamp()
    if not 0 <= found < LAST:
        raise BadRequest("Times lie between 1970 and 9999.", param=param, code="invalid_value")
    return found


def instant(written: str | None, param: str) -> datetime | None:
    """A time as it stands in a query."""
    try:
        return None if written is None else msgspec.convert(written, Moment)
    except msgspec.ValidationError:
        message = f"`{param}` is no time with a zone as RFC 3339 has it. Write 2030-01-31T12:00:00Z."
        raise BadRequest(message, param=param, code="invalid_value") from None


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def paged(items: Sequence[Item], query: Page, name: Callable[[Item], str]) -> tuple[Sequence[Item], str | None]:
    """One page of what is all at hand, and the cursor of the next."""
    start = 0
    if query.cursor is not None:
        names = [name(item) for item in items]
        if query.cursor not in names:
            raise lost_cursor()
        start = names.index(query.cursor) + 1
    page = items[start : start + query.limit]
    return page, name(page[-1]) if start + query.limit < len(items) else None


def lost_cursor() -> BadRequest:
    return BadRequest(
        "What this cursor stood at is gone, or never was. Begin again without one.", param="cursor", code="invalid_cursor"
    )


def printable(name: str, param: str) -> str:
    """A name that people can read back from a list."""
    if not name.strip() or not name.isprintable():
        raise BadRequest(f"`{param}` must have printable characters only.", param=param, code="invalid_value")
    return name


def missing(what: str, name: str, param: str | None = None) -> NotFound:
    return NotFound(f"There is no {what} {name!r}.", param=param, code=f"{what}_not_found")


AnyCall = Call[Any, Any]
