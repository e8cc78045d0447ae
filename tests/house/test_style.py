"""How the code is written, as far as a machine can tell."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from house.sources import CORE, PLUGINS, README, ROOT, TESTS, files, named, plugin_names, tree

OWN = files(CORE, PLUGINS)
EVERYTHING = files(CORE, PLUGINS, TESTS)
LONGEST = 400
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
LEFT_BEHIND = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
MACHINES = re.compile(r"/wor" + r"k/|/ro" + r"ot/|/home/\w+/|pypi\.\w+\.(internal|local)|arti" + r"factory")
WORKSHOP = re.compile(
    "|".join(["chat" + "bot wrote", "as an " + "AI", "co-authored-" + "by", "generated " + "by (an|a) "]), re.IGNORECASE
)


@pytest.mark.parametrize("file", EVERYTHING, ids=named)
def test_a_file_holds_one_idea(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("file", [file for file in EVERYTHING if file.read_bytes().strip()], ids=named)
def test_a_module_says_what_it_is_for(file: Path) -> None:
    said = ast.get_docstring(tree(file))
    assert said, "no docstring"
    assert said.splitlines()[0].strip()


def test_nothing_is_left_behind() -> None:
    found = [f"{named(file)}: {hit[0]}" for file in EVERYTHING if (hit := LEFT_BEHIND.search(file.read_text(encoding="utf-8")))]
    assert not found


def test_names_say_what_things_are() -> None:
    assert not [named(file) for file in EVERYTHING if file.stem in VAGUE or VAGUE & set(file.parts)]


def test_no_file_speaks_of_a_machine_or_of_its_making() -> None:
    texts = [*EVERYTHING, README, ROOT / "pyproject.toml", *ROOT.glob("*.md"), *ROOT.glob("*.toml")]
    found = {
        f"{named(file)}: {hit[0]}"
        for file in texts
        for pattern in (MACHINES, WORKSHOP)
        if (hit := pattern.search(file.read_text(encoding="utf-8")))
    }
    assert not found


def test_every_package_is_typed() -> None:
    for folder in (CORE, *(PLUGINS / name for name in plugin_names())):
        assert (folder / "py.typed").exists(), folder.name


def test_errors_are_drawn_as_they_are() -> None:
    """The tree at the top of errors.py is the tree."""
    from pisces_proxy import errors

    drawn = set(re.findall(r"[A-Z][A-Za-z]+(?=\s|$)", errors.__doc__ or "")) & set(vars(errors))
    real = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, errors.PiscesError)}
    assert real - drawn <= {"ConfigError"}  # stops the start; no request ever meets it


@pytest.mark.slow
def test_types_hold() -> None:
    packages = [part for name in ("pisces_proxy", *plugin_names()) for part in ("-p", name)]
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", *packages], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.mark.slow
def test_lint_is_clean() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--output-format", "concise", "."], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
