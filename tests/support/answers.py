"""The documentation pages with queries: loads the faxes of each page, and formats the result of a query."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import sources
from tests.conftest import ROOT
from tests.support.commands.made_files import loaded_at, syncing
from tests.support.warehouse.file_and_database import Warehouse

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ANSWERED = re.compile(r"```sql\n(?P<sql>.*?)```\n```text\n(?P<answer>.*?)```", re.DOTALL)
MOVED = {  # to Sinch: when a number began to send there, and when it had been ported, so that it receives there
    "+12065550100": ("2026-10-05", "2026-10-19"),
    "+12065550101": ("2026-10-26", "2026-11-09"),
}


def fill(place: Warehouse) -> None:
    """Loads the demonstration, as of `NOW`."""
    loaded_at(NOW, "sinch", _demo("sinch"), place.settings())
    others = {name: _fake(name) for name in sources.providers() if name != "sinch"}
    with syncing(Path(), {}, others, **place.settings()) as (_, sync):
        sync("--until", f"{NOW:%Y-%m-%dT%H:%M}", "--refetch", "--since", "2025-10-01")


def fill_moving(place: Warehouse) -> None:
    """Loads the demonstration's faxes of two providers, as of `NOW`; `MOVED` decides which provider has a fax."""
    faxes = [fax for fax in _demo("phaxio") if not _has_moved(fax["caller_id"], fax["to_number"], fax["created_at"])]
    loaded_at(NOW, "phaxio", faxes, place.settings())
    faxes = [fax for fax in _demo("sinch") if _has_moved(*_own_numbers(fax), fax["createTime"])]
    loaded_at(NOW, "sinch", faxes, place.settings())


def _fake(provider: str) -> Any:
    return import_module(f"sources.{provider}.fake").Fake.demo(NOW)


def _demo(provider: str) -> list[dict[str, Any]]:
    return list(_fake(provider).records.values())


def _own_numbers(fax: dict[str, Any]) -> tuple[str | None, str | None]:
    """The account's own number of a Sinch fax: the sender of a sent fax, the recipient of a received one."""
    return (None, fax["to"]) if fax["direction"] == "INBOUND" else (fax["from"], None)


def _has_moved(sender: str | None, recipient: str | None, created_at: str) -> bool:
    if sender:
        return sender in MOVED and created_at >= MOVED[sender][0]
    return recipient in MOVED and created_at >= MOVED[recipient][1]


PAGES: dict[Path, Callable[[Warehouse], None]] = {
    ROOT / "docs" / "questions.md": fill,
    ROOT / "docs" / "moving-from-phaxio.md": fill_moving,
}


def answer(connection: Any, sql: str) -> str:
    """The result of a query as a page shows it: text left-aligned, numbers right-aligned, a dash for null."""
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
