"""What docs/questions.md asks: the demonstration's faxes of one day, and what a query answers about them."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.support.commands.made_files import syncing
from tests.support.warehouse.file_and_database import Warehouse

PAGE = ROOT / "docs" / "questions.md"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PROVIDERS = ("phaxio", "signalwire")
ANSWERED = re.compile(r"```sql\n(?P<sql>.*?)```\n```text\n(?P<answer>.*?)```", re.DOTALL)


def fill(place: Warehouse) -> None:
    """Loads the demonstration as it was at `NOW`, by a sync."""
    records = {name: import_module(f"sources.{name}.fake").Fake.demo(NOW).records.values() for name in PROVIDERS}
    with syncing(Path(), {name: list(faxes) for name, faxes in records.items()}, **place.settings()) as (_, sync):
        sync("--until", f"{NOW:%Y-%m-%dT%H:%M}", "--refetch", "--since", "2025-10-01")


def answer(connection: Any, sql: str) -> str:
    """The rows of a query as the page shows them: text on the left, numbers on the right, a dash for null."""
    answered = connection.execute(sql)
    rows = answered.fetchall()
    names = [column[0] for column in answered.description]
    table = [names, *([_shown(value) for value in row] for row in rows)]
    widths = [max(len(line[place]) for line in table) for place in range(len(names))]
    is_number = [
        all(isinstance(row[place], int | Decimal | float) or row[place] is None for row in rows)
        for place in range(len(names))
    ]
    lines = (_line(line, widths, is_number) for line in table)
    return "".join(f"{line}\n" for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int], is_number: Sequence[bool]) -> str:
    aligned = (
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, is_number, strict=True)
    )
    return "  ".join(aligned).rstrip()


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M}"
    return "-" if value is None else f"{value:%Y-%m-%d}" if isinstance(value, date) else str(value)
