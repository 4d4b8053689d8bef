"""Shows the costs of a month of faxes on one screen, or as JSON or CSV. Reads only the warehouse."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # a script's own folder comes first otherwise
__import__("pipelines")  # ends the process in one line if the dependencies are not installed

import argparse
import csv
import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from datetime import date
from typing import TextIO

from pipelines import demo
from pipelines.cli.command import READER_CODES, CommandParser, leave, reported
from pipelines.config import bootstrap
from pipelines.config.settings import ReportSettings
from pipelines.costs.figures import BREAKDOWNS, breakdown, month_figures
from pipelines.costs.months import month, this_month
from pipelines.costs.screen import show
from pipelines.costs.selection import Selection
from pipelines.lake import reading
from pipelines.warehouse.read_only import Read, Row, loaded_accounts, no_account
from sources.errors import LocalError, WrongUsage

_STREAMS = (Path("/dev"), Path("/dev/fd"))  # as root, a file could replace /dev/stdout for every program


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    options = _parser().parse_args(arguments)
    return reported(lambda: _report(options), options.verbose)


def _report(options: argparse.Namespace) -> int:
    timezone = ReportSettings.read().timezone
    chosen: date = options.month or this_month(timezone)
    selection = Selection(_by(options), options.account, options.number, options.tag)
    with demo.warehouse(bootstrap.DEMO_DATABASE) if options.demo else nullcontext(), reading.opened() as read:
        _require_loaded(read, selection)
        if options.csv:
            rows = breakdown(read, chosen, selection)
        else:
            figures = month_figures(read, chosen, selection)
    if options.csv:
        write_csv(options.csv, BREAKDOWNS[selection.by][1], rows)
    elif options.json:
        print(json.dumps(figures.as_json() | {"currency": "USD", "timezone": timezone}, default=str))
    else:
        show(figures, timezone)
    return 0


def _by(options: argparse.Namespace) -> str:
    """The kind of breakdown, which a number or a tag implies."""
    return "number" if options.number else "tag" if options.tag else str(options.by)


def _require_loaded(read: Read, selection: Selection) -> None:
    """Requires that the selected account is in the warehouse, unless nothing is.

    Raises:
        WrongUsage: it is not.
    """
    if not selection.account:
        return
    known = loaded_accounts(read)
    if known and not any(selection.holds({"provider": provider, "account": name}) for provider, name in known):
        raise WrongUsage(f"--account {no_account(ascii(selection.account), known)}")


def write_csv(file: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Writes the rows into the file atomically, replacing an older one; only this user may read it.

    A symbolic link stays, and so does what is no file, such as /dev/stdout: the rows are written to it.

    Raises:
        LocalError: the file cannot be written.
        BrokenPipeError: nothing reads the pipe any more.
    """
    try:
        if file.parent in _STREAMS or (file.exists() and not file.is_file()):
            with file.open("a", encoding="utf-8", newline="") as opened:
                _write_rows(opened, columns, rows)
            return
        target = Path(os.path.realpath(file))
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as opened:
                _write_rows(opened, columns, rows)
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink()
            raise
    except BrokenPipeError:
        raise
    except OSError as error:
        raise LocalError(f"{file} cannot be written: {error.strerror}") from error


def _write_rows(opened: TextIO, columns: Sequence[str], rows: Iterable[Row]) -> None:
    writer = csv.DictWriter(opened, columns)
    writer.writeheader()
    writer.writerows(rows)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="report.py",
        description=__doc__,
        codes=READER_CODES,
    )
    parser.add_argument("--month", metavar="YYYY-MM", type=month, help="show this month instead of the current one")
    parser.add_argument(
        "--account", metavar="PROVIDER[/ACCOUNT]", default="", help="show only this provider, or this provider/account"
    )
    breakdown_by = parser.add_mutually_exclusive_group()
    breakdown_by.add_argument("--by", choices=list(BREAKDOWNS), default="number", help="break the costs down by this")
    breakdown_by.add_argument(
        "--number", metavar="+1…", default="", help="show the costs of this number, yours or another party's"
    )
    breakdown_by.add_argument(
        "--tag", metavar="NAME[=VALUE]", default="", help="show the costs by the values of this tag, or of this value"
    )
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--csv", metavar="FILE", type=Path, help="write the rows of the breakdown into this file")
    output.add_argument("--json", action="store_true", help="print every figure as one JSON object, money as text")
    parser.add_argument("--demo", action="store_true", help="read demo.duckdb, which sync.py --demo creates")
    parser.add_argument("--verbose", action="store_true", help="print the traceback of an error")
    return parser


if __name__ == "__main__":
    leave(main())
