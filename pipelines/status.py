"""Shows the last runs, how far each account is read and proven, and what to do next. Reads only the warehouse."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # a script's own folder comes first otherwise
__import__("pipelines")  # ends the process in one line if the dependencies are not installed

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime

from pipelines import demo
from pipelines.cli import status_screen
from pipelines.cli.command import READER_CODES, CommandParser, count, leave, reported
from pipelines.config import accounts, bootstrap
from pipelines.config.settings import CheckSettings, SyncSettings
from pipelines.health import sync_status
from pipelines.lake import reading
from pipelines.warehouse import read_only
from sources.errors import Busy


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    options = _parser().parse_args(arguments)
    return reported(lambda: _status(options), options.verbose)


def _status(options: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    with demo.warehouse(bootstrap.DEMO_DATABASE) if options.demo else nullcontext():
        configured = [] if options.demo else [(account.provider, account.name) for account in accounts.configured()]
        with _named_sync(), reading.opened(patience=0) as read:
            states, runs = sync_status.read_status(read, SyncSettings.read().schema, options.runs)
        steps = sync_status.next_steps(states, configured, CheckSettings.read().max_age_hours, now)
    if options.json:
        print(json.dumps({"accounts": states, "runs": runs, "next": steps}, default=str))
    else:
        status_screen.show(states, runs, steps)
    return 0


@contextmanager
def _named_sync() -> Iterator[None]:
    """Names the sync that has the DuckDB file open, by its lock file, in the error of the block.

    Raises:
        Busy: a sync or another program has the file open.
    """
    try:
        yield
    except Busy as busy:
        lock = Path(f"{read_only.database_file()}.lock")
        holder = lock.read_text().strip() if lock.is_file() else ""
        if holder and f"({holder.partition(' since')[0]})" in str(busy):
            raise Busy(f"a sync is running ({holder}): run this again when it has ended") from busy
        raise


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="status.py",
        description=__doc__,
        codes=READER_CODES | {75: "a sync has the DuckDB file open, try again when it has ended"},
    )
    parser.add_argument("--runs", metavar="N", type=count, default=5, help="show this many of the last runs")
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object")
    parser.add_argument("--demo", action="store_true", help="read demo.duckdb, which sync.py --demo creates")
    parser.add_argument("--verbose", action="store_true", help="print the traceback of an error")
    return parser


if __name__ == "__main__":
    leave(main())
