"""Tasks for clients: videos in OpenAI's, Happyhorse's and Seedance's shapes, and the gateway's own for pictures and videos."""

from __future__ import annotations

from pisces_proxy.hookspecs import hookimpl
from pisces_proxy.mediawire import TaskFacade
from pisces_proxy.plugin import Endpoint

from .endpoints import endpoints
from .generations import Generations
from .open_tasks import OpenTasks
from .videos import Videos


@hookimpl
def pisces_wires() -> list[TaskFacade]:
    return [Videos(), Generations(), OpenTasks()]


@hookimpl
def pisces_endpoints() -> list[Endpoint]:
    return endpoints()
