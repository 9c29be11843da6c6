"""Options and forms of output that several commands share. Enters: values. Leaves: options, lines of text."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["TAKES_HYPHENS", "Data", "moment", "print_table"]

TAKES_HYPHENS: Final = {"ignore_unknown_options": True}
"""For a command whose word is random: one kid or sid of 64 begins with a hyphen, and is no option."""

Data = Annotated[
    Path | None,
    typer.Option(help="The folder of the database and the keys. [DAYPASS_DATA, else daypass-data]", show_default=False),
]

_WIDTH_MAX: Final = 2000  # wider than any row; a terminal wraps what it cannot show


def moment(at_s: float | None) -> str:
    """Write epoch seconds for a person, in UTC; nothing for None."""
    return "" if at_s is None else datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M")


def print_table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Print rows as a table, each on one line however narrow the terminal: none is cut, any can be searched."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    Console(width=_WIDTH_MAX).print(table)
