"""Files of tasks over HTTP: `/content` for the owner's key, the signed URL for whoever was given it. Streamed, with Range."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from .calls import Incoming
from .errors import NotFound, PiscesError
from .relay import ClientLeft
from .task import Task
from .task_results import explained, kept_at

if TYPE_CHECKING:
    from .gateway import Gateway

SIGNED = re.compile(r"/v1/tasks/(task_[0-9A-Za-z]{32})/files/(\d{1,3})\Z")


async def content(gateway: Gateway, call: Incoming, request: web.BaseRequest, headers: Mapping[str, str]) -> web.StreamResponse:
    """The file behind `GET .../{id}/content?variant=...`."""
    call.settled = call.told = True
    task = await gateway.work.desk.own(call)
    number = gateway.work.results.number(task, call.operation.query.get("variant", ""))
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
