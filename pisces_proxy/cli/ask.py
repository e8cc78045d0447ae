"""`pisces ask`: a client of the gateway that speaks any of its protocols, by the same wires."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp
import click

from .. import chat, keys, sse
from ..config import Config, load
from ..errors import ConfigError
from ..plugin import Profile, Provider, Wire
from ..registry import Registry
from ..storage import Account, Key
from .audits import audit
from .context import open_storage


@click.command()
@click.argument("text")
@click.option("--model", "-m", help="Default: the first model that the gateway lists.")
@click.option("--protocol", type=click.Choice(["openai", "anthropic", "gemini"]), default="openai", show_default=True)
@click.option("--url", envvar="PISCES_BASE_URL", help="Default: the address in the configuration.")
@click.option("--key", envvar="PISCES_API_KEY", help="Default: a key for this one question, made in the gateway's database.")
@click.option("--system", "-s", default="", help="System text.")
@click.option("--config", "path", metavar="FILE")
@click.option("--database", envvar="PISCES_DATABASE", metavar="URL")
def ask(
    text: str,
    model: str | None,
    protocol: str,
    url: str | None,
    key: str | None,
    system: str,
    path: str | None,
    database: str | None,
) -> None:
    """Stream an answer through a running gateway.

    \b
    pisces ask "Hello"
    pisces ask "Write a haiku" --model gpt-4o --protocol anthropic
    echo "Summarise this" | pisces ask -
    """
    if text == "-":
        text = sys.stdin.read()
    config = load(path)
    registry = Registry.load(config)
    provider = registry.providers[protocol]
    address = (
        (url or config.server.public_url or f"http://{_host(config)}:{config.server.port}").rstrip("/").removesuffix("/v1")
    )
    asyncio.run(_ask(text, model, system, registry, provider, address, key, path, database))


def _host(config: Config) -> str:
    return config.server.host if config.server.host not in ("0.0.0.0", "::") else "127.0.0.1"


async def _ask(
    text: str, model: str | None, system: str, registry: Registry, provider: Provider, url: str, key: str | None,
    path: str | None, database: str | None,
) -> None:  # fmt: skip
    wire = registry.wires[next(iter(provider.wires))]
    async with _key(key, path, database) as secret, aiohttp.ClientSession() as session:
        try:
            model = model or await _first_model(session, url, secret)
            await _stream(session, url, wire, provider, secret, _request(text, system, model))
        except aiohttp.ClientConnectionError:
            raise ConfigError(f"No gateway answers at {url}. Start one with `pisces serve`, or name it with --url.") from None


def _request(text: str, system: str, model: str) -> chat.Request:
    return chat.Request(
        model=model,
        stream=True,
        system=(chat.Text(text=system),) if system else (),
        turns=(chat.Turn(role="user", blocks=(chat.Text(text=text),)),),
    )


@asynccontextmanager
async def _key(key: str | None, path: str | None, database: str | None) -> AsyncIterator[str]:
    """The given key, or one that lives for this question."""
    if key:
        yield key
        return
    async with open_storage(path, database) as storage:
        secret = keys.new_secret("pisces-")
        now = time.time()
        if await storage.find_account("default") is None:
            account = Account(name="default", unlimited=True, created_at=now)
            await storage.add_account(account, audit=audit("account.create", account.name, unlimited=True))
        made = Key(
            id=keys.new_id(),
            name=f"ask-{keys.digest(secret)[:6]}",
            account="default",
            digest=keys.digest(secret),
            expires_at=now + 600,
            created_at=now,
        )
        await storage.add_key(made, audit=audit("key.create", made.name, id=made.id, account=made.account))
        try:
            yield secret
        finally:
            await storage.delete_key(made.id, audit=audit("key.delete", made.name, id=made.id))


async def _first_model(session: aiohttp.ClientSession, url: str, secret: str) -> str:
    async with session.get(url + "/v1/models", headers={"Authorization": f"Bearer {secret}"}) as response:
        told = await response.json()
    names = [row["id"] for row in told.get("data", ())]
    return next((name for name in names if name != "*"), "demo")


async def _stream(
    session: aiohttp.ClientSession, url: str, wire: Wire, provider: Provider, secret: str, request: chat.Request
) -> None:
    encoded = wire.encode_request(request, request.model, Profile())
    where = urlsplit(provider.base_url).path + wire.path(provider.wires[wire.name], request.model, "chat", True)
    headers = {"Content-Type": "application/json", **encoded.headers, **provider.authorize(wire.name, secret)}
    async with session.post(url + where, data=encoded.body, headers=headers) as response:
        if response.status != 200:
            error = wire.decode_error(response.status, response.headers, await response.read())
            raise ConfigError(f"{response.status}: {error.message}")
        reader, decoder = sse.Reader(), wire.decoder(Profile())
        thinking = False
        async for chunk in response.content.iter_any():
            for event, data in reader.feed(chunk):
                for step in decoder.decode(event, data):
                    thinking = _show(step, thinking)
        for step in [e for event, data in reader.end() for e in decoder.decode(event, data)] or decoder.end():
            thinking = _show(step, thinking)
    click.echo()


def _show(event: chat.Event, thinking: bool) -> bool:
    """Print what there is to read; thinking is dimmed. Whether the open block is thinking."""
    match event:
        case chat.BlockStart(block=chat.Reasoning()):
            return True
        case chat.BlockStart(block=chat.ToolCall() as call):
            click.secho(f"[{call.name}] ", nl=False, fg="cyan")
            return False
        case chat.BlockStart():
            return False
        case chat.Delta():
            click.secho(event.text, nl=False, dim=thinking)
            sys.stdout.flush()
        case chat.BlockEnd() if thinking:
            click.echo()
        case chat.Failed():
            raise ConfigError(f"The answer broke off: {event.error.message}")
    return thinking


commands = [ask]
