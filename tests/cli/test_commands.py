"""The commands: each loads alone, and is where the table says."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from pisces_proxy.cli import COMMANDS

HEAVY = {"aiohttp", "rich", "genai_prices", "uvloop"}


@pytest.mark.parametrize("module", sorted(set(COMMANDS.values())))
def test_a_module_of_commands_is_in_the_table_with_all_that_it_has(module: str) -> None:
    found = {command.name for command in import_module(f"pisces_proxy.cli.{module}").commands}
    assert found == {name for name, where in COMMANDS.items() if where == module}


def test_help_loads_no_server_no_client_and_no_tables() -> None:
    code = (
        "import sys; from pisces_proxy.cli import main; main(['--help'], standalone_mode=False); "
        f"found = {HEAVY!r} & {{*sys.modules}}; sys.exit(str(found) if found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "pisces serve" in done.stdout
