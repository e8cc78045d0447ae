"""What is measured: how each contender is started, and the address and key under which it answers."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from pisces_proxy import keys
from pisces_proxy.config import Config
from pisces_proxy.registry import find_storage
from pisces_proxy.storage import Account, Key

from .processes import cores, pinned

ROOT = Path(__file__).resolve().parents[2]
MODELS = ("static", "burst-200", "paced-20x100", "paced-200x50")
_READY = 30.0  # seconds to come up


class Contender(NamedTuple):
    """A running gateway. `started` is the seconds from its start to its first answer."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    key: str
    started: float
    translates: bool = False


def spawn(arguments: Sequence[str], core: set[int], log: Path, **environment: str) -> subprocess.Popen[bytes]:
    """A process of our own, pinned, in a group of its own, its output in a file."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "plugins")])
    return subprocess.Popen(
        arguments,
        cwd=ROOT,
        stdout=log.open("wb"),
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": paths, **environment},
        preexec_fn=pinned(core),
        start_new_session=True,
    )


def stop(process: subprocess.Popen[bytes]) -> None:
    """Asked nicely, then not."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def upstream(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    _, other = cores()
    port = free_port()
    process = spawn([sys.executable, "-m", "tests.bench.upstream", "--port", str(port)], other, folder / "upstream.log")
    first_answer(port, "", process, folder / "upstream.log", time.monotonic())
    return process, port


def bare(folder: Path, upstream_port: int) -> Contender:
    core, _ = cores()
    port, log, began = free_port(), folder / "bare.log", time.monotonic()
    address = f"http://127.0.0.1:{upstream_port}"
    process = spawn([sys.executable, "-m", "tests.bench.bare", "--port", str(port), "--upstream", address], core, log)
    return Contender("bare", process, port, "bench", first_answer(port, "bench", process, log, began))


_CHANNELS = """
[server]
database = "sqlite:///{folder}/bench.db"

[defaults]  # on, and out of the way
rpm = 100000000
tpm = 1000000000000
concurrency = 100000

[[channel]]
name = "bench"
provider = "openai"
key = "bench"
base_url = "http://127.0.0.1:{upstream}/v1"
models = {models}
wires = ["openai.chat"]
{prices}
"""
_PRICE = '[price."{model}"]\ninput = 2.5\noutput = 10\n'


def pisces(folder: Path, upstream_port: int, paid: bool = False) -> Contender:
    """The gateway with everything on: keys, limits, routing, a usage row in SQLite. `paid`: for an account with a balance,
    so that each request is reserved and settled."""
    core, _ = cores()
    folder = folder / ("paid" if paid else "free")
    folder.mkdir()
    config, log, port = folder / "channels.toml", folder / "pisces.log", free_port()
    prices = "\n".join(_PRICE.format(model=model) for model in MODELS) if paid else ""
    config.write_text(_CHANNELS.format(folder=folder, upstream=upstream_port, models=json.dumps(MODELS), prices=prices))
    command = [sys.executable, "-m", "pisces_proxy.cli"]
    key = _apart(_paying_key(folder)) if paid else _key(command, config)
    began = time.monotonic()
    process = spawn([*command, "serve", "--config", str(config), "--port", str(port)], core, log)
    key = key or _printed_key(log, process)
    return Contender(
        "pisces, paid" if paid else "pisces", process, port, key, first_answer(port, key, process, log, began), translates=True
    )


def _key(command: Sequence[str], config: Path) -> str:
    """A key made by the command line before the first start; empty where that fails."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "plugins")])
    made = subprocess.run(
        [*command, "keys", "create", "bench", "--json", "--config", str(config)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    try:
        return str(json.loads(made.stdout)["key"])
    except (ValueError, KeyError):
        return ""


def _apart(work: Coroutine[object, object, str]) -> str:
    """Run it on a loop of its own, for this thread has one."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, work).result()


async def _paying_key(folder: Path) -> str:
    """A key of an account with a balance, put straight into the database."""
    storage = find_storage(f"sqlite:///{folder}/bench.db", Config())
    await storage.open()
    secret = keys.new_secret()
    await storage.add_account(Account(name="shop"))
    await storage.credit("shop", 10**18, id="bench")
    await storage.add_key(Key(id="bench", name="bench", account="shop", digest=keys.digest(secret)))
    await storage.close()
    return secret


def _printed_key(log: Path, process: subprocess.Popen[bytes]) -> str:
    """The key that a first start on an empty database prints."""
    deadline = time.monotonic() + _READY
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(rb"pisces-[A-Za-z0-9_-]{40}", log.read_bytes()):
            return found[0].decode()
        time.sleep(0.02)
    stop(process)
    raise RuntimeError(f"no key was printed:\n{log.read_text(errors='replace')[-2000:]}")


def litellm(folder: Path, upstream_port: int, cache: Path) -> Contender:
    """LiteLLM's proxy from PyPI, in an environment of its own that later runs use again."""
    core, _ = cores()
    python = cache / "bin" / "python"
    if not python.exists():
        venv.create(cache, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "litellm[proxy]", "uvloop"], check=True, timeout=900)
    address = {"api_base": f"http://127.0.0.1:{upstream_port}/v1", "api_key": "bench"}
    # its `openai` provider would send Messages on as Responses, which this upstream does not speak
    rows = [{"model_name": name, "litellm_params": {"model": f"hosted_vllm/{name}", **address}} for name in MODELS]
    config, log, port = folder / "litellm.json", folder / "litellm.log", free_port()
    config.write_text(json.dumps({"model_list": rows, "general_settings": {"master_key": "sk-bench"}}))  # JSON is YAML
    began = time.monotonic()
    command = [str(cache / "bin" / "litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    quiet = {"PYTHONPATH": "", "LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    process = spawn(command, core, log, **quiet)
    started = first_answer(port, "sk-bench", process, log, began, limit=120)
    return Contender("litellm", process, port, "sk-bench", started, translates=True)


def first_answer(
    port: int, key: str, process: subprocess.Popen[bytes], log: Path, began: float, limit: float = _READY
) -> float:
    """The seconds until it answers a chat request. Raises RuntimeError with its log where it does not."""
    body = b'{"model":"static","messages":[{"role":"user","content":"Hi"}]}'
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    problem = "no answer"
    while time.monotonic() - began < limit and process.poll() is None:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                answer.read()
                return time.monotonic() - began
        except urllib.error.HTTPError as error:
            problem = error.read(500).decode("utf-8", "replace")
        except OSError as error:
            problem = str(error)
        time.sleep(0.01)
    stop(process)
    raise RuntimeError(f"{process.args!r}: {problem}\n{log.read_text(errors='replace')[-2000:]}")
