"""`pisces ask --image`, `--speech` and `--video`: a picture, a sound or a film asked of a gateway, and written to a file."""

from __future__ import annotations

import asyncio
import base64
import mimetypes
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
import msgspec

from ..blobs import sniff
from ..errors import ConfigError
from ..task import OVER

if TYPE_CHECKING:
    import aiohttp
    from rich.progress import Progress, TaskID

Kind = Literal["image", "speech", "video"]
_ENDINGS = {
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/pcm": "pcm",
    "audio/ogg": "opus",
    "audio/aac": "aac",
    "audio/flac": "flac",
}
_SOUNDS = frozenset(_ENDINGS.values())
_WAIT = 2.0  # seconds between looks, where the gateway does not say
_NAME = 40  # letters of the text that become the file's name


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask for: members besides model and text, and where the result goes."""

    kind: Kind
    text: str
    model: str
    settings: Mapping[str, Any] = {}
    out: str | None = None
    quiet: bool = False


class Client(msgspec.Struct, frozen=True):
    """A gateway, and who asks it."""

    session: aiohttp.ClientSession
    url: str
    secret: str

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[aiohttp.ClientResponse, bytes]:
        """Raises ConfigError with what the gateway has against it."""
        headers = {"Authorization": f"Bearer {self.secret}"}
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        async with self.session.request(method, self.url + path, json=body, headers=headers, timeout=timeout) as response:
            data = await response.read()
            if response.status >= 400:
                raise ConfigError(f"{response.status}: {_complaint(data)}")
            return response, data


def settings_of(given: Sequence[str]) -> dict[str, Any]:
    """`size=1024x1024` is text, `n=2` a number."""
    found: dict[str, Any] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{each!r} is no NAME=VALUE.", param_hint="--set")
        try:
            found[name] = msgspec.json.decode(value)
        except msgspec.DecodeError:
            found[name] = value
    return found


async def fetch(client: Client, wanted: Wanted) -> dict[str, Any]:
    """Ask, wait, write. What to tell of it."""
    match wanted.kind:
        case "image":
            told, results = await _image(client, wanted)
        case "speech":
            told, results = await _speech(client, wanted)
        case "video":
            told, results = await _video(client, wanted)
    files = [_written(wanted, data, ending, number) for number, (data, ending) in enumerate(results, 1)]
    return {"model": wanted.model, "files": [str(file) for file in files], **told}


Results = tuple[dict[str, Any], list[tuple[bytes, str]]]


async def _image(client: Client, wanted: Wanted) -> Results:
    body = {"model": wanted.model, "prompt": wanted.text, "response_format": "b64_json", **wanted.settings}
    with _waiting("Drawing", wanted.quiet):
        response, data = await client.ask("POST", "/v1/images/generations", body)
    texts = [row["b64_json"] for row in msgspec.json.decode(data)["data"]]
    return _told(response), [(base64.b64decode(text), sniff(text).partition("/")[2] or "png") for text in texts]


async def _speech(client: Client, wanted: Wanted) -> Results:
    body = {"model": wanted.model, "input": wanted.text, **wanted.settings}
    ending = Path(wanted.out or "").suffix[1:].lower()
    if ending in _SOUNDS:
        body.setdefault("response_format", ending)
    with _waiting("Speaking", wanted.quiet):
        response, data = await client.ask("POST", "/v1/audio/speech", body)
    return _told(response), [(data, _ending(response))]


async def _video(client: Client, wanted: Wanted) -> Results:
    body = {"model": wanted.model, "prompt": wanted.text, **wanted.settings}
    response, data = await client.ask("POST", "/v1/videos/tasks", body)
    task = msgspec.json.decode(data)
    with _progress(task["id"], wanted.quiet) as shown:
        while task["status"] not in OVER:
            await asyncio.sleep(float(response.headers.get("Retry-After", _WAIT)))
            response, data = await client.ask("GET", f"/v1/tasks/{task['id']}")
            task = msgspec.json.decode(data)
            if shown is not None:
                shown[0].update(shown[1], completed=task.get("progress") or 0, description=task["status"].replace("_", " "))
    if task["status"] != "completed":
        error = task.get("error") or {}
        raise ConfigError(f"{task['id']} has {task['status']}: {error.get('message') or 'no reason is given'}")
    response, data = await client.ask("GET", f"/v1/videos/{task['id']}/content")
    return {"task": task["id"], **_told(response)}, [(data, _ending(response))]


# -- while one waits ---------------------------------------------------------------------------------------------------


@contextmanager
def _waiting(what: str, quiet: bool) -> Iterator[None]:
    """A sign of life on the terminal; nothing where the output is no terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield
        return
    with console.status(f"{what} ..."):
        yield


@contextmanager
def _progress(task: str, quiet: bool) -> Iterator[tuple[Progress, TaskID] | None]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if quiet:
        yield None
        return
    click.echo(f"{task}: goes on when this command is stopped; see `pisces tasks show {task}`.", err=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield progress, progress.add_task("queued", total=100)


# -- files -------------------------------------------------------------------------------------------------------------


def _written(wanted: Wanted, data: bytes, ending: str, number: int) -> Path:
    file = _place(wanted, ending, number)
    try:
        file.write_bytes(data)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}.") from None
    return file


def _place(wanted: Wanted, ending: str, number: int) -> Path:
    """The named file, else one called after the text's first words, which is not there yet."""
    named = Path(wanted.out) if wanted.out else Path()
    if wanted.out and not named.is_dir():
        return named.with_stem(f"{named.stem}-{number}") if number > 1 else named
    return _free(named / f"{_slug(wanted.text) or wanted.kind}.{ending}")


def _slug(text: str) -> str:
    return re.sub(r"\W+", "-", text.lower())[:_NAME].strip("-_")


def _free(file: Path) -> Path:
    """This one, or the first of `name-2`, `name-3`, ... that is not there yet."""
    number, free = 1, file
    while free.exists():
        number += 1
        free = file.with_stem(f"{file.stem}-{number}")
    return free


def _ending(response: aiohttp.ClientResponse) -> str:
    return _ENDINGS.get(response.content_type) or (mimetypes.guess_extension(response.content_type) or ".bin")[1:]


def _told(response: aiohttp.ClientResponse) -> dict[str, Any]:
    return {"request_id": response.headers.get("x-request-id"), "channel": response.headers.get("x-pisces-channel")}


def _complaint(data: bytes) -> str:
    try:
        return str(msgspec.json.decode(data)["error"]["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return data[:200].decode(errors="replace")
