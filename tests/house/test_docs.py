"""What the README says is true, and what is there is said."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from house.sources import CORE, PLUGINS, README, ROOT, TESTS, files, tree

from pisces_proxy import config, hookspecs
from pisces_proxy.config import Config
from pisces_proxy.registry import Registry, find

TEXT = README.read_text(encoding="utf-8")
HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("pisces_"))
TABLES = {
    "server": config.Server,
    "defaults": config.Defaults,
    "channel": config._ChannelTable,
    "price": config.Price,
    "model": config.ModelInfo,
    "plugins": config.Plugins,
}
KEYS = [(table, key) for table, struct in TABLES.items() for key in struct.__struct_fields__]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def commands(group: click.Group, path: str = "pisces") -> Iterator[str]:
    """Every command; the groups fill themselves when they are asked."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}"


def all_commands() -> list[str]:
    from pisces_proxy.cli import main

    return list(commands(main))


def implementations(*folders: Path) -> set[str]:
    return {
        node.name
        for file in files(*folders)
        for node in ast.walk(tree(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_stands_in_the_readme_with_its_signature(hook: str) -> None:
    parameters = ", ".join(inspect.signature(getattr(hookspecs, hook)).parameters)
    assert re.search(rf"\b{hook}\({re.escape(parameters)}\)", TEXT), f"README.md does not show {hook}({parameters})"


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_is_used_by_a_plugin(hook: str) -> None:
    assert hook in implementations(PLUGINS, TESTS / "thirdparty"), f"no plugin of ours implements {hook}"


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_is_called_by_the_core(hook: str) -> None:
    assert any(hook in file.read_text(encoding="utf-8") for file in files(CORE) if file.name != "hookspecs.py")


def test_there_are_commands_to_look_for() -> None:
    assert {"pisces serve", "pisces check", "pisces ask", "pisces keys create", "pisces usage", "pisces plugins"} <= {
        *all_commands()
    }


@pytest.mark.parametrize("command", all_commands())
def test_a_command_stands_in_the_readme(command: str) -> None:
    *path, name = command.split()
    listed = re.search(rf"{re.escape(' '.join(path))}\s+[a-z|\\,/ ]*\b{name}\b", TEXT)
    assert listed, f"README.md does not mention `{command}`"


@pytest.mark.parametrize(("table", "key"), KEYS, ids=[f"{table}.{key}" for table, key in KEYS])
def test_a_config_key_stands_in_the_readme_or_the_sample(table: str, key: str) -> None:
    sample = ROOT / "channels.toml"
    text = TEXT + (sample.read_text(encoding="utf-8") if sample.exists() else "")
    assert re.search(rf"\b{key}\b", text), f"nothing explains [{table}] {key}"


@pytest.mark.parametrize("sample", [block for block in blocks("toml") if "[project" not in block])
def test_a_toml_sample_of_the_readme_loads(sample: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in re.findall(r"\$\{(\w+)\}", sample):
        monkeypatch.setenv(variable, "a-secret")
    read = config.parse(sample.replace("files = [", "files = [] # ["), "README.md")
    Registry.load(Config()).check_channels(read)


def test_the_sample_file_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = ROOT / "channels.toml"
    for variable in re.findall(r"\$\{(\w+)\}", sample.read_text(encoding="utf-8")):
        monkeypatch.setenv(variable, "a-secret")
    Registry.load(Config()).check_channels(config.load(sample))


def test_the_readme_shows_a_toml_sample_and_a_plugin() -> None:
    assert any("[[channel]]" in block for block in blocks("toml"))
    assert any("hookimpl" in block for block in blocks("python"))


@pytest.mark.parametrize("number", [n for n, block in enumerate(blocks("python")) if "hookimpl" in block])
def test_an_example_plugin_of_the_readme_loads(number: int, tmp_path: Path) -> None:
    file = tmp_path / f"readme_plugin_{number}.py"
    file.write_text(blocks("python")[number], encoding="utf-8")
    plugins = find(files=[str(file)])
    assert Registry(plugins).plugins[-1].hooks


def test_the_changelog_names_the_version() -> None:
    from pisces_proxy import __version__

    assert __version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
