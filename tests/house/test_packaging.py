"""The wheel, built and installed for real, with somebody else's plugin beside it."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from house.sources import ROOT, TESTS, plugin_names

pytestmark = pytest.mark.slow


@dataclass
class Installed:
    wheel: Path
    python: Path
    packages: Path
    new: set[str]  # what the wheels have put into site-packages


def _run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def _wheel(source: Path, folder: Path) -> Path:
    options = ("--no-deps", "--no-build-isolation", "--no-cache-dir", "-q")
    _run(sys.executable, "-m", "pip", "wheel", *options, "-w", folder, source, cwd=folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheels")
    ours, theirs = folder / "ours", folder / "theirs"
    ours.mkdir()
    theirs.mkdir()
    wheel, echo = _wheel(ROOT, ours), _wheel(TESTS / "thirdparty" / "pisces-echo", theirs)
    venv = folder / "venv"
    _run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=folder)
    python = venv / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    packages = Path(_run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    before = {entry.name for entry in packages.iterdir()}
    pip = (
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--no-deps",
        "--no-index",
        "-q",
        "--no-warn-script-location",
    )
    _run(*pip, "--ignore-installed", wheel, echo, cwd=folder)
    return Installed(wheel, python, packages, {entry.name for entry in packages.iterdir()} - before)


def test_the_wheel_holds_every_plugin_with_its_types(installed: Installed) -> None:
    names = set(zipfile.ZipFile(installed.wheel).namelist())
    for package in ("pisces_proxy", *plugin_names()):
        assert f"{package}/__init__.py" in names
        assert f"{package}/py.typed" in names


def test_the_wheel_holds_nothing_else(installed: Installed) -> None:
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(installed.wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"pisces_proxy", *plugin_names()}


def test_site_packages_gets_nothing_but_pisces(installed: Installed) -> None:
    assert {name for name in installed.new if not name.startswith("pisces")} <= {"__pycache__"}


def test_the_plugins_are_listed_with_somebody_elses(installed: Installed, tmp_path: Path) -> None:
    listed = json.loads(_run(installed.python.parent / "pisces", "plugins", "--json", cwd=tmp_path))
    rows = listed if isinstance(listed, list) else listed["plugins"]
    names = {row["name"] for row in rows}
    assert names >= {name.removeprefix("pisces_") for name in plugin_names()} | {"echo"}


def test_the_wheel_is_what_runs(installed: Installed, tmp_path: Path) -> None:
    where = _run(installed.python, "-c", "import pisces_proxy, pisces_openai; print(pisces_openai.__file__)", cwd=tmp_path)
    assert where.startswith(str(installed.packages))


def test_a_plugin_left_out_is_left_out(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "channels.toml").write_text('[plugins]\ndisable = ["echo"]\n', encoding="utf-8")
    listed = _run(installed.python.parent / "pisces", "plugins", "--json", cwd=tmp_path)
    assert '"echo"' not in listed or '"disabled"' in listed
