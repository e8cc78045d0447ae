"""Files of tasks over HTTP, streamed with Range: for the owner's key, or by a signed URL. And the door for upstreams' calls."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import aiohttp
import msgspec
from aiohttp import web

from .calls import Incoming
from .errors import NotFound, PiscesError
from .mediawire import TaskFacade
from .relay import ClientLeft
from .task import Task
from .task_results import explained, kept_at

if TYPE_CHECKING:
    from .gateway import Gateway

SIGNED = re.compile(r"/v1/tasks/(task_[0-9A-Za-z]{32})/files/(\d{1,3})\Z")

CALLED = re.compile(r"/v1/tasks/(task_[0-9A-Za-z]{32})/callbacks/([0-9a-f]{40})\Z")


async def called_back(gateway: Gateway, request: web.BaseRequest, headers: Mapping[str, str]) -> web.StreamResponse:
    """An upstream says that something has happened: reason enough to look now, and no more than that."""
    found = CALLED.match(request.path)
    assert found is not None
    if not hmac.compare_digest(gateway.work.results.token(found[1]), found[2]):
        raise NotFound("There is no such callback.", code="callback_not_found")
    await gateway.work.engine.hint(found[1])
    return web.json_response(_challenge(await request.content.read(4096)), headers=headers)


def _challenge(body: bytes) -> dict[str, str]:
    """MiniMax calls once with a challenge that it wants to have back (wire.md F7)."""
    try:
        return {"challenge": _challenged.decode(body).challenge}
    except msgspec.MsgspecError:
        return {}


class _Challenged(msgspec.Struct):
    challenge: str


_challenged = msgspec.json.Decoder(_Challenged)


async def content(gateway: Gateway, call: Incoming, request: web.BaseRequest, headers: Mapping[str, str]) -> web.StreamResponse:
    """The file behind `GET .../{id}/content?variant=...`."""
    call.settled = call.told = True
    task = await gateway.work.desk.own(call)
    assert isinstance(call.wire, TaskFacade)
    number = gateway.work.results.number(task, call.wire.variant(call.operation))
    return await _send(gateway, task, number, request, headers)


async def signed(gateway: Gateway, request: web.BaseRequest, headers: Mapping[str, str]) -> web.StreamResponse:
    """The file behind a signed URL."""
    found = SIGNED.match(request.path)
    assert found is not None
    id, number = found[1], int(found[2])
    gateway.work.results.check(id, number, request.query)
    task = await gateway.storage.task(id)
    if task is None or task.status != "completed":
        raise NotFound("This file is not here any more.", code="file_not_found")
    return await _send(gateway, task, number, request, headers)


async def _send(
    gateway: Gateway, task: Task, number: int, request: web.BaseRequest, headers: Mapping[str, str]
) -> web.StreamResponse:
    if (kept := kept_at(task, number)) is not None:
        return web.Response(status=302, headers={**headers, "Location": kept})
    response = None
    try:
        async with gateway.work.results.opened(task, number, request.headers.get("Range", "")) as found:
            response = web.StreamResponse(status=found.status, headers={**headers, **found.headers, "Cache-Control": "private"})
            await _to_client(response.prepare(request))
            async for piece in found.pieces:
                await _to_client(response.write(piece))
            await _to_client(response.write_eof())
            return response
    except (aiohttp.ClientError, OSError) as error:
        failure: PiscesError = explained(error)
    except PiscesError as error:
        failure = error
    if response is None or not response.prepared:
        raise failure
    if request.transport is not None:  # it is not whole, and there is no other way to say so
        request.transport.abort()
    return response


async def _to_client(sending: object) -> None:
    """A client that leaves is no failure of the upstream, though both raise the same."""
    try:
        await sending  # type: ignore[misc]
    except ConnectionError:
        raise ClientLeft from None
