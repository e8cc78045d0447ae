"""Channels with their health, taken out and put back in; the configuration read again."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Literal

import msgspec

from ..errors import ConfigError, KeyReused
from ..routing import Target
from . import told
from .asked import Nothing
from .desk import Call, Desk, audit, missing, moment

_OFF = "channels_off"


async def list_channels(desk: Desk, call: Call[Nothing, None]) -> told.Channels:
    return told.Channels(data=[_told(target) for target in desk.gateway.world.routes.targets])


async def get_channel(desk: Desk, call: Call[Nothing, None]) -> told.Channel:
    return _told(_target(desk, call.path["name"]))


async def enable_channel(desk: Desk, call: Call[Nothing, None]) -> told.Channel:
    return await _switch(desk, call.path["name"], call.actor, off=False)


async def disable_channel(desk: Desk, call: Call[Nothing, None]) -> told.Channel:
    return await _switch(desk, call.path["name"], call.actor, off=True)


async def _switch(desk: Desk, name: str, actor: str, *, off: bool) -> told.Channel:
    """Here at once, in other processes within a second."""
    _target(desk, name)
    async with desk.turn:
        written = await desk.storage.setting(_OFF)
        before = set(msgspec.json.decode(written, type=list[str]) if written else [])
        after = before | {name} if off else before - {name}
        if after != before:
            done = audit(actor, "channel.disable" if off else "channel.enable", name)
            await desk.storage.set_setting(_OFF, msgspec.json.encode(sorted(after)).decode(), audit=done)
        desk.gateway.world.disable(dict.fromkeys(after, True))
    return _told(_target(desk, name))


async def reload(desk: Desk, call: Call[Nothing, None]) -> told.Reloaded:
    """This process answers for the file; the others that share the database follow."""
    mark = f"{time.time():.6f}-{os.getpid()}"
    try:
        desk.gateway.reload(mark)
    except ConfigError as error:
        raise KeyReused(error.message, code="invalid_configuration") from None
    await desk.storage.set_setting("reload", mark, audit=audit(call.actor, "reload", desk.gateway.config.source))
    return told.Reloaded(channels=len(desk.gateway.config.channels))


def _target(desk: Desk, name: str) -> Target:
    for target in desk.gateway.world.routes.targets:
        if target.channel.name == name:
            return target
    raise missing("channel", name)


def _told(target: Target) -> told.Channel:
    now = asyncio.get_running_loop().time()
    channel = target.channel
    state, reason, wait = _health(target, now)
    return told.Channel(
        name=channel.name,
        provider=channel.provider,
        state=state,
        reason=reason or None,
        resting_until=moment(round(time.time() + wait, 3)) if state == "resting" else None,
        failures=target.rest.failures,
        keys=len(channel.keys),
        keys_resting=sum(not rest.available(now) for _, rest in target.keys),
        priority=channel.priority,
        weight=channel.weight,
        wires=list(target.wires),
        models=dict(channel.models),
    )


def _health(target: Target, now: float) -> tuple[Literal["ready", "resting", "disabled", "off"], str, float]:
    wait, reason = target.resting(now)
    if target.channel.off:
        return "off", target.channel.off, 0.0
    if target.disabled:
        return "disabled", reason, 0.0
    return ("resting", reason, wait) if reason else ("ready", "", 0.0)
