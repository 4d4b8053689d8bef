"""Holds a provider's invoices against the warehouse: what differs, and why, to the cent. Reads only the warehouse."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # a script's own folder comes first otherwise
__import__("pipelines")  # ends the process in one line if the dependencies are not installed

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, date, datetime
from typing import Any

from pipelines import demo
from pipelines.cli.command import READER_CODES, CommandParser, leave, reported
from pipelines.config import bootstrap
from pipelines.config.settings import PrivacySettings, SyncSettings
from pipelines.costs.months import month
from pipelines.invoices import csv_file, screen, table
from pipelines.invoices.faxes import faxes_of
from pipelines.invoices.lines import Line, parse_lines
from pipelines.invoices.period import billing_zone, not_proven, span
from pipelines.invoices.reconciliation import AGREES, Reconciliation, reconcile
from pipelines.lake import reading
from pipelines.warehouse.read_only import Read, loaded_accounts
from sources.errors import WrongUsage

DISAGREES = 65


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code: 0 every invoice agrees, 65 one does not, or has no verdict."""
    options = _parser().parse_args(arguments)
    return reported(lambda: _reconcile(options), options.verbose)


def _reconcile(options: argparse.Namespace) -> int:
    if options.template:
        print(csv_file.template())
        return 0
    of_file = csv_file.read_cells(options.invoices) if options.invoices else None
    kept_from = PrivacySettings.read().kept_from(datetime.now(UTC))
    with demo.warehouse(bootstrap.DEMO_DATABASE) if options.demo else nullcontext(), reading.opened() as read:
        cells = of_file if of_file is not None else table.read_cells(read, SyncSettings.read().schema)
        lines = _of_month(parse_lines(cells, loaded_accounts(read)), options.month)
        found = list(_reconciled(read, lines, kept_from))
    if options.json:
        print(json.dumps({"currency": "USD", "invoices": [as_json(each) for each in found]}))
    else:
        screen.show(found)
    return 0 if all(each.verdict == AGREES for each in found) else DISAGREES


def _of_month(lines: list[Line], chosen: date | None) -> list[Line]:
    """The lines whose period begins in the month; all of them without one.

    Raises:
        WrongUsage: there is none.
    """
    if chosen is None:
        return lines
    found = [line for line in lines if line.period_from.replace(day=1) == chosen]
    if not found:
        months = ", ".join(sorted({f"{line.period_from:%Y-%m}" for line in lines}))
        raise WrongUsage(f"no invoice line has a period that begins in {chosen:%Y-%m}: there are lines of {months}")
    return found


def _reconciled(read: Read, lines: list[Line], kept_from: datetime | None) -> Iterator[Reconciliation]:
    """Each account and period, in order, held against the warehouse."""
    grouped: dict[tuple[str, str, date, date], list[Line]] = defaultdict(list)
    for line in lines:
        grouped[line.provider, line.account, line.period_from, line.period_to].append(line)
    for (provider, account, first, last), of_period in sorted(grouped.items()):
        window = span(provider, first, last)
        holes = not_proven(read, provider, account, window, kept_from)
        yield reconcile(of_period, window, faxes_of(read, provider, account, window), holes)


def as_json(found: Reconciliation) -> dict[str, Any]:
    """Every figure of a reconciliation; amounts are text."""
    line = found.lines[0]
    return {
        "provider": line.provider,
        "account": line.account,
        "period_from": str(line.period_from),
        "period_to": str(line.period_to),
        "timezone": billing_zone(line.provider),
        "verdict": found.verdict,
        "invoice_usd": str(found.invoice_usd),
        "warehouse_usd": str(found.faxes.by_creation_usd),
        "warehouse_by_completion_usd": str(found.faxes.by_completion_usd),
        "faxes": found.faxes.created,
        "difference_usd": str(found.difference_usd),
        "classes": [
            {
                "class": each.name,
                "count": each.count,
                "possible_usd": str(each.possible_usd),
                "explains_usd": str(each.explains_usd),
            }
            for each in found.classes
        ],
        "unexplained_usd": str(found.unexplained_usd),
        "not_proven": [str(hole) for hole in found.not_proven],
        "other_currencies": {currency: str(amount) for currency, amount in found.other_currencies.items()},
        "notes": screen.notes(found),
    }


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="reconcile.py",
        description=__doc__,
        codes=READER_CODES
        | {
            0: "every invoice agrees",
            64: "usage, or an invoice line that cannot be read",
            65: "an invoice does not agree, or has no verdict",
        },
    )
    parser.add_argument(
        "invoices",
        nargs="?",
        type=Path,
        help="a CSV file of invoice lines; without one, the table fax.invoices is read",
    )
    parser.add_argument("--month", metavar="YYYY-MM", type=month, help="only the periods that begin in this month")
    parser.add_argument("--json", action="store_true", help="print every figure as one JSON object, money as text")
    parser.add_argument("--template", action="store_true", help="print a CSV file to fill in")
    parser.add_argument("--demo", action="store_true", help="read demo.duckdb, which sync.py --demo creates")
    parser.add_argument("--verbose", action="store_true", help="print the traceback of an error")
    return parser


if __name__ == "__main__":
    leave(main())
