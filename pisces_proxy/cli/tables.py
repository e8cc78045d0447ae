"""How commands show what they found: tables for people, JSON for machines, and the units of both."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

NANO = 1_000_000_000
WIDE = 500  # where the output goes to a file or a pipe, no line is cut


def print_json(value: Any) -> None:
    """One value, indented, as UTF-8."""
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))


def print_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[str] = (), total: bool = False
) -> None:
    """Cells are text as it is, never markup. `right` names the columns of numbers; `total` sets the last row apart."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(Text(column), justify="right" if column in right else "left", overflow="fold")
    for number, row in enumerate(rows, 1):
        last = total and number == len(rows)
        table.add_row(*map(Text, row), style="bold" if last else None, end_section=total and number == len(rows) - 1)
    console = _console()
    if rows:
        console.print(table)
    else:
        console.print(Text(f"{title}: none."))


def print_fields(title: str, fields: Sequence[tuple[str, object]]) -> None:
    """One thing: its fields one below the other; those that are None or empty are left out."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column(overflow="fold")
    for name, value in fields:
        if value not in (None, "", [], ()):
            grid.add_row(Text(name), Text(str(value)))
    console = _console()
    console.print(Text(title, style="bold"))
    console.print(grid)


def _console() -> Console:
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDE)


def moment(seconds: float | None) -> str | None:
    """Unix seconds as RFC 3339 in UTC."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def dollars(nano: int | None) -> str:
    """Nano-dollars for people: at least cents, and no digit of the rest lost."""
    if nano is None:
        return ""
    whole, _, fraction = format(Decimal(abs(nano)).scaleb(-9), "f").partition(".")
    return f"{'-' if nano < 0 else ''}${int(whole):,}.{fraction.rstrip('0').ljust(2, '0')}"


def count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"
