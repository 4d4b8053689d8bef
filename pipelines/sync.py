"""Brings every fax of every configured account into the warehouse, and keeps it true. Run it as often as you like."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # a script's own folder comes first otherwise

import argparse
import json
import logging
import math
import time
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from pipelines import project

from dlt.extract import DltSource

from pipelines import accounts, demo, show, stopping, warehouse
from pipelines.command import CommandParser, instant, reported
from pipelines.faults import explain
from pipelines.machine import require_address_space
from pipelines.preflight import preflight
from pipelines.settings import report_timezone, schema_name, setting
from pipelines.stored import StoredFaxes
from pipelines.summary import Outcome, exit_code, require_proof
from sources.errors import TryAgain
from sources.run import Run
from sources.window import whole_second

LOG = logging.getLogger("fax-sync")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; gives its exit code."""
    options = _parser().parse_args(arguments)
    return reported(lambda: _sync(options), options.verbose)


def _sync(options: argparse.Namespace) -> int:
    require_address_space()
    with demo.fakes(project.DEMO_DATABASE) if options.demo else nullcontext():
        configured, run_id = accounts.required(options.provider, options.account), uuid4().hex
        schema, _ = schema_name(), report_timezone()  # refused, if it must be, before any request
        with show.progress() as on_progress:
            outcomes = [_sync_account(account, schema, run_id, options, on_progress) for account in configured]
    if options.json:
        print(json.dumps({"run_id": run_id, "accounts": [outcome.as_json() for outcome in outcomes]}))
        return exit_code(outcomes)
    for outcome in outcomes:
        print(outcome.line())
    if options.demo:
        show.demonstration(project.DEMO_DATABASE, schema)
    return exit_code(outcomes)


def _sync_account(
    account: accounts.Account, schema: str, run_id: str, options: argparse.Namespace, on_progress: show.OnProgress
) -> Outcome:
    """One account's run. Whatever stops it stops no other."""
    began = time.monotonic()
    run: Run | None = None
    error = None
    try:
        with warehouse.opened(account.provider, account.name, schema) as opened:
            preflight(opened.pipeline, opened.client, options.full_refresh)
            run = Run(
                run_id=run_id,
                account=account.name,
                started_at=whole_second(datetime.now(UTC)),
                stored=StoredFaxes(opened.client, account.name, opened.appends),
                since=options.since,
                until=options.until,
                refetch=options.refetch,
                full_refresh=options.full_refresh,
                heartbeat=timedelta(minutes=setting("sync.heartbeat_minutes", 60.0)),
                rows_per_load=setting("sync.rows_per_load", 25_000),
                deadline=began + 60 * options.max_runtime,
                progress=lambda run: on_progress(str(account), run),
            )
            source = account.source(run)
            _load_all(opened, source, run)
            if warning := opened.refresh_views(schema, report_timezone()):
                run.warnings.append(warning)
            require_proof(run)
    except Exception as failure:
        error = explain(failure)
        if error is None or stopping.behind(failure):
            raise
        LOG.debug("%s failed", account, exc_info=True)
    finally:
        if run and run.client:
            run.client.close()
    return Outcome(account, run, time.monotonic() - began, error)


def _load_all(opened: warehouse.Warehouse, source: DltSource, run: Run) -> None:
    """Loads until the run has reached its end.

    Raises:
        TryAgain: time is up; what is loaded stays, and the next run goes on from there.
    """
    while not run.finished:
        opened.load(source)
        if run.is_late and not run.finished:
            raise TryAgain("stopped by --max-runtime; what is loaded is whole, and the next run goes on from there")


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="sync.py",
        description=__doc__,
        epilog="Settings are in .dlt/config.toml and .dlt/secrets.toml. Exit codes: 0 complete; 64 usage; 65 the "
        "provider broke its contract, or completeness could not be proven; 69 the warehouse needs hands; "
        "74 disk or memory; 75 try again later; 77 credentials refused; 78 configuration.",
    )
    parser.add_argument("--provider", metavar="NAME", help="sync this provider only")
    parser.add_argument("--account", metavar="NAME", help="sync the account of this name only")
    parser.add_argument("--since", metavar="WHEN", type=instant, help="fill in from this date or time (UTC) on")
    parser.add_argument("--until", metavar="WHEN", type=instant, help="fill in up to this date or time (UTC)")
    parser.add_argument("--refetch", action="store_true", help="with these bounds, read again what is proven already")
    parser.add_argument("--full-refresh", action="store_true", help="read and write everything again, in place")
    parser.add_argument(
        "--max-runtime", metavar="MINUTES", type=float, default=math.inf, help="stop at the next window"
    )
    parser.add_argument("--demo", action="store_true", help="sync made-up faxes from bundled servers into demo.duckdb")
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    parser.add_argument("--verbose", action="store_true", help="tell every window, and the traceback of a failure")
    return parser


if __name__ == "__main__":
    sys.exit(main())
