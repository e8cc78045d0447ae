"""channels.toml as frozen values. Errors name the file, the line, the table and the nearest right name."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from . import price_tables
from .errors import ConfigError
from .price_tables import Price
from .pricing import Schedule

Count = Annotated[int, msgspec.Meta(ge=0)]


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The root of every table: an unknown key is an error."""


class Server(Table, frozen=True):
    """[server]. `max_body` (JSON), `max_upload` (forms) and `max_result` (one file of an upstream) in bytes, `grace` and
    `heartbeat` in seconds, `cors` the origins that browsers may call from (`*`: any).
    `media` is where files are kept for clients that want URLs, a folder beside the database where it does not say."""

    host: str = "127.0.0.1"
    port: int = 8080
    database: str = "sqlite:///pisces.db"
    limits: str = "memory://"
    public_url: str = ""
    max_body: int | str = "64MiB"
    max_upload: int | str = "512MiB"
    max_result: int | str = "256MiB"
    media: str = ""
    media_ttl: float | str = "7d"
    extension: bool = True
    key_prefix: str = "pisces-"
    cors: tuple[str, ...] = ("*",)
    grace: float | str = "30s"
    heartbeat: float | str = "15s"
    fetch_private: bool = False
    dev: bool = False
    retention: float | str = 0
    metrics: bool = False
    log: Literal["auto", "json", "console"] = "auto"


class Defaults(Table, frozen=True):
    """[defaults]: limits of keys without their own; 0 is no limit. `hold_tokens`: the answer that is paid for in advance
    where a request names no limit of its own."""

    rpm: Count = 3000
    tpm: Count = 1_000_000
    concurrency: Count = 100
    balance_status: Literal[402, 403, 429] = 403
    hold_tokens: Count = 4096


class _ChannelTable(Table, frozen=True):
    name: str
    provider: str
    key: str | None = None
    keys: tuple[str, ...] = ()
    models: dict[str, str] | tuple[str, ...] = ()
    base_url: str | None = None
    priority: int = 0
    weight: int = 1
    wires: tuple[str, ...] | None = None
    connect_timeout: float | str = "10s"
    first_byte_timeout: float | str = "120s"
    idle_timeout: float | str = "120s"
    total_timeout: float | str = "3600s"
    on_disconnect: Literal["cancel", "drain"] = "cancel"
    proxy: str | None = None
    headers: dict[str, str] = {}
    flags: dict[str, Any] = {}
    cost: Any = {}  # as [price]; price_tables reads it
    enabled: bool = True


class ModelInfo(Table, frozen=True):
    """[model."name"]: what the public lists say. Token counts."""

    owned_by: str = ""
    badges: tuple[str, ...] = ()
    context: int = 0
    max_output: int = 0
    created: int = 0


class Plugins(Table, frozen=True):
    disable: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


class _File(Table, frozen=True):
    server: Server = Server()
    defaults: Defaults = Defaults()
    channel: tuple[_ChannelTable, ...] = ()
    price: Any = {}  # price_tables reads it
    model: dict[str, ModelInfo] = {}
    plugins: Plugins = Plugins()


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One [[channel]], values read: timeouts in seconds, `models` public name -> upstream name (`*`: any, as it is).
    `cost` is what its upstream charges, by model (public or upstream name, or `*`). `off` says why it takes no requests,
    empty where it does."""

    name: str
    provider: str
    keys: tuple[str, ...] = ()
    models: Mapping[str, str] = {}
    base_url: str = ""
    priority: int = 0
    weight: int = 1
    wires: tuple[str, ...] | None = None
    connect_timeout: float = 10.0
    first_byte_timeout: float = 120.0
    idle_timeout: float = 120.0
    total_timeout: float = 3600.0
    on_disconnect: Literal["cancel", "drain"] = "cancel"
    proxy: str | None = None
    headers: Mapping[str, str] = {}
    flags: Mapping[str, Any] = {}
    cost: Mapping[str, Schedule] = {}
    off: str = ""

    def __repr__(self) -> str:  # keys, headers and proxies hold secrets
        return f"<channel {self.name}>"


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file. `source` is where it came from, for messages; `overridden` the [server] keys of the command line."""

    source: str = "built-in defaults"
    server: Server = Server()
    defaults: Defaults = Defaults()
    channels: tuple[Channel, ...] = ()
    prices: Mapping[str, Schedule] = {}
    models: Mapping[str, ModelInfo] = {}
    plugins: Plugins = Plugins()
    overridden: frozenset[str] = frozenset()

    @property
    def max_body(self) -> int:
        return size(self.server.max_body)


def load(path: str | Path | None) -> Config:
    """Read a file; without one (None, or the default name absent) everything has its default."""
    file = Path(path) if path is not None else Path("channels.toml")
    if not file.exists():
        if path is None or file == Path("channels.toml"):
            return Config()
        raise ConfigError(f"{file}: no such file. Copy the sample channels.toml, or leave --config out.")
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read: {error}") from None
    return parse(text, str(file))


def parse(text: str, source: str = "channels.toml") -> Config:
    """A file's text. Raises ConfigError."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source}: not valid TOML: {error}") from None
    try:
        file = msgspec.convert(data, _File)
        return _build(file, text, source)
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(str(error), data, text, source)) from None


def _build(file: _File, text: str, source: str) -> Config:
    names: set[str] = set()
    channels = []
    for index, table in enumerate(file.channel):
        where = f"{source}:{_line(text, 'channel', index, 'name')}: [[channel]] {table.name!r}"
        if table.name in names:
            raise ConfigError(f"{where}: a second channel of that name. Channel names are unique.")
        names.add(table.name)
        above = _line(text, "channel", index, "") - 1
        cost = price_tables.read(table.cost, text, source, "channel.cost", above)
        channels.append(_channel(table, cost, where))
    for key, read in _MEASURED:
        try:
            read(getattr(file.server, key))
        except ConfigError as error:
            raise ConfigError(f"{source}:{_line(text, 'server', 0, key)}: [server], key {key!r}: {error}") from None
    places = {key: _place(getattr(file.server, key), key, text, source) for key in ("database", "limits")}
    return Config(
        source=source,
        server=msgspec.structs.replace(file.server, **places),
        defaults=file.defaults,
        channels=tuple(channels),
        prices=price_tables.read(file.price, text, source),
        models=file.model,
        plugins=file.plugins,
    )


def _place(url: str, key: str, text: str, source: str) -> str:
    """A URL with its variables, which may hold a password."""
    expanded = _expand(url)
    if expanded is None:
        unset = ", ".join(name for name in _VARIABLE.findall(url) if not os.environ.get(name))
        raise ConfigError(f"{source}:{_line(text, 'server', 0, key)}: [server], key {key!r}: {unset} is not set.")
    return expanded


def _channel(table: _ChannelTable, cost: Mapping[str, Schedule], where: str) -> Channel:
    if table.key is not None and table.keys:
        raise ConfigError(f"{where}: has both key and keys. Use one of them.")
    if table.weight < 1:
        raise ConfigError(f"{where}: weight must be 1 or more. Leave the channel out with enabled = false.")
    _check_names(table, where)
    written = table.keys or ((table.key,) if table.key is not None else ())
    keys = [_expand(key) for key in written]
    proxy = _expand(table.proxy) if table.proxy else None
    headers = {name: _expand(value) or "" for name, value in table.headers.items()}
    try:
        timeouts = {
            name: seconds(getattr(table, name))
            for name in ("connect_timeout", "first_byte_timeout", "idle_timeout", "total_timeout")
        }
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    return Channel(
        name=table.name,
        provider=table.provider,
        keys=tuple(key for key in keys if key),
        models=_models(table.models),
        base_url=(table.base_url or "").rstrip("/"),
        priority=table.priority,
        weight=table.weight,
        wires=table.wires,
        on_disconnect=table.on_disconnect,
        proxy=proxy,
        headers=headers,
        flags=table.flags,
        cost=cost,
        off=_off(table, written, keys),
        **timeouts,
    )


def _check_names(table: _ChannelTable, where: str) -> None:
    for name in table.models:
        if "*" in name and name != "*":
            raise ConfigError(f'{where}: no part of a model name can be "*" ({name!r}). Only "*" alone takes any model.')


def _off(table: _ChannelTable, written: tuple[str, ...], keys: list[str | None]) -> str:
    if not table.enabled:
        return "enabled = false"
    if written and not any(keys):
        return f"{', '.join(sorted(set(_VARIABLE.findall(' '.join(written)))) or ['its key'])} is not set"
    return ""


def _models(models: dict[str, str] | tuple[str, ...]) -> dict[str, str]:
    return dict(models) if isinstance(models, dict) else {name: name for name in models}


_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def _expand(text: str) -> str | None:
    """`${NAME}` replaced from the environment; None where one is unset or empty."""
    for name in _VARIABLE.findall(text):
        if not os.environ.get(name):
            return None
    return _VARIABLE.sub(lambda found: os.environ[found[1]], text)


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZES = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def seconds(value: float | str) -> float:
    """A duration: a number of seconds, or `500ms`, `5s`, `2m`, `1h`, `30d`."""
    if isinstance(value, (int, float)):
        return float(value)
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*", value)
    if found is None:
        raise ConfigError(f"{value!r} is not a duration. Write 500ms, 5s, 2m, 1h or 30d.")
    return float(found[1]) * _UNITS[found[2]]


def size(value: int | str) -> int:
    """A size in bytes: a number, or `64MiB`, `10MB`, ..."""
    if isinstance(value, int):
        return value
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMG]i?B|B)?\s*", value)
    if found is None:
        raise ConfigError(f"{value!r} is not a size. Write 64MiB, 10MB or a number of bytes.")
    return int(float(found[1]) * _SIZES[found[2] or ""])


_MEASURED: tuple[tuple[str, Callable[[Any], float]], ...] = (
    *((key, size) for key in ("max_body", "max_upload", "max_result")),
    *((key, seconds) for key in ("grace", "heartbeat", "retention", "media_ttl")),
)


# -- messages that say where -------------------------------------------------------------------------------------------

_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_PATH = re.compile(r"at `(\$[^`]*)`")
_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d+)\]|\[(\.\.\.)\]")
_MISSING = re.compile(r"missing required field `([^`]*)`")


def _explain(message: str, data: Mapping[str, Any], text: str, source: str) -> str:
    """A validation error in the reader's terms: file, line, table, and the nearest name that exists."""
    path = _PATH.search(message)
    steps = [a or b or c for a, b, c in _STEP.findall(path[1])] if path else []
    unknown, missing = _UNKNOWN.search(message), _MISSING.search(message)
    if unknown:
        key = unknown[1]
        table, index = (steps[0] if steps else key), next((int(s) for s in steps if s.isdigit()), 0)
        line = _line(text, table, index, key)
        nearest = difflib.get_close_matches(key, _known(steps), 1, 0.5)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else f" Known here: {', '.join(_known(steps))}."
        return (
            f"{source}:{line}: {_where(steps, data)} has no key {key!r}.{hint}"
            if steps
            else (f"{source}:{line}: there is no table [{key}].{hint}")
        )
    key = missing[1] if missing else next((s for s in reversed(steps[1:]) if not s.isdigit() and s != "..."), "")
    table, index = (steps[0] if steps else ""), next((int(s) for s in steps if s.isdigit()), 0)
    line = _line(text, table, index, "" if missing else key)
    if missing:
        return f"{source}:{line}: {_where(steps, data)} needs a key {missing[1]!r}."
    what = message.split(" - at ")[0]
    return f"{source}:{line}: {_where(steps, data)}{f', key {key!r}' if key else ''}: {what}."


def _where(steps: list[str], data: Mapping[str, Any]) -> str:
    if not steps:
        return "the file"
    if steps[0] == "channel":
        index = next((int(s) for s in steps if s.isdigit()), 0)
        rows = data.get("channel")
        name = (
            rows[index].get("name") if isinstance(rows, list) and index < len(rows) and isinstance(rows[index], dict) else None
        )
        return f"[[channel]] {name!r}" if name else f"[[channel]] number {index + 1}"
    return f"[{steps[0]}]"


def _known(steps: list[str]) -> tuple[str, ...]:
    tables: dict[str, type[msgspec.Struct]] = {
        "server": Server,
        "defaults": Defaults,
        "channel": _ChannelTable,
        "price": Price,
        "model": ModelInfo,
        "plugins": Plugins,
    }
    struct = tables.get(steps[0], _File) if steps else _File
    return struct.__struct_fields__


def _line(text: str, table: str, index: int, key: str) -> int:
    """The line where `key` stands in the table's `index`-th appearance; the table's own where the key is not found."""
    seen, start, inside = -1, 1, False
    header = re.compile(rf"\s*\[\[?\s*{re.escape(table)}\b")
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"\s*\[", line) and "=" not in line.split("]")[0]:
            inside = False
            if header.match(line):
                seen += 1
                if seen == index or not line.lstrip().startswith("[["):
                    inside, start = True, number
                    if key and key in line.strip("[] \t"):
                        start = number
        if inside and key and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return number
        if not table and key and re.match(rf"\s*\[?\[?\s*[\"']?{re.escape(key)}\b", line):
            return number
    return start
