"""Brings every fax of every configured account into the warehouse, and keeps it true. Run it as often as you like."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # a script's own folder comes first otherwise

import argparse
import json
import logging
import time
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from pipelines import project

from pipelines import accounts, demo, show, stopping, warehouse
from pipelines.faults import explain
from pipelines.settings import schema_name, setting
from pipelines.stored import StoredFaxes
from pipelines.summary import Outcome, exit_code, require_proof
from pipelines.views import refresh_views
from sources import provider
from sources.errors import ConfigError, FaxSyncError
from sources.run import Run
from sources.window import parse_instant, whole_second

LOG = logging.getLogger("fax-sync")
DEMO_DATABASE = project.ROOT / "demo.duckdb"
USAGE, CONFIGURATION = 64, 78


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; gives its exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, format="%(message)s", level=logging.WARNING)
    LOG.setLevel(logging.DEBUG if options.verbose else logging.INFO)
    try:
        stopping.listen()
        with demo.fakes(DEMO_DATABASE) if options.demo else nullcontext():
            return _sync(options)
    except FaxSyncError as error:
        LOG.error("fax-sync: %s", error)
        return error.exit_code
    except stopping.Stopped as stopped:
        LOG.error("fax-sync: stopped by %s; what is loaded is whole, and the next run goes on from there", stopped.name)
        return stopped.exit_code


def _sync(options: argparse.Namespace) -> int:
    configured, skipped = accounts.configured(options.provider)
    for name in skipped:
        LOG.info("%s: skipped, no credentials under [sources.%s] in .dlt/secrets.toml", name, name)
    if not configured:
        raise ConfigError(
            "no provider is configured: copy .dlt/example.secrets.toml to .dlt/secrets.toml and fill in your keys, "
            "or see it work first: python pipelines/sync.py --demo"
        )
    schema = schema_name()
    run_id = uuid4().hex
    with show.progress() as on_progress:
        outcomes = [_sync_account(account, schema, run_id, options, on_progress) for account in configured]
    if options.json:
        print(json.dumps({"run_id": run_id, "accounts": [outcome.as_json() for outcome in outcomes]}))
    else:
        for outcome in outcomes:
            print(outcome.line())
    if options.demo and not options.json:
        show.demonstration(DEMO_DATABASE, schema)
    return exit_code(outcomes)


def _sync_account(
    account: accounts.Account, schema: str, run_id: str, options: argparse.Namespace, on_progress: show.OnProgress
) -> Outcome:
    """One account's run. Whatever stops it stops no other."""
    began = time.monotonic()
    run: Run | None = None
    try:
        with warehouse.opened(account.provider, account.name, schema) as opened:
            run = Run(
                run_id,
                account.name,
                whole_second(datetime.now(UTC)),
                StoredFaxes(opened.client, account.name),
                options.since,
                options.until,
                options.refetch,
                timedelta(minutes=setting("sync.heartbeat_minutes", 60.0)),
                progress=lambda run: on_progress(str(account), run),
            )
            source = provider(account.provider).source(run)
            while not run.finished:
                warehouse.load(opened.pipeline, source)
            refresh_views(opened.client, schema)
            require_proof(run)
    except BaseException as error:
        if stopped := stopping.behind(error):
            raise stopped from None
        if options.verbose:
            LOG.debug("%s failed", account, exc_info=True)
        explained = explain(error)
        if explained is None:
            raise
        return Outcome(account, run, time.monotonic() - began, explained)
    return Outcome(account, run, time.monotonic() - began)


def _instant(text: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no date or time: try 2026-10-01 or 2026-10-01T12:00:00Z"
        ) from None


class _Parser(argparse.ArgumentParser):
    """The standard parser, with the exit code that sysexits(3) gives to a wrong call."""

    def error(self, message: str) -> None:  # type: ignore[override]
        """Says what is wrong with the call, and ends."""
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="sync.py",
        description=__doc__,
        epilog="Settings are in .dlt/config.toml and .dlt/secrets.toml. Exit codes: 0 complete; 64 usage; 65 the "
        "provider broke its contract, or completeness could not be proven; 69 the warehouse needs hands; "
        "74 disk or memory; 75 try again later; 77 credentials refused; 78 configuration.",
    )
    parser.add_argument("--provider", metavar="NAME", help="sync this provider only")
    parser.add_argument("--since", metavar="WHEN", type=_instant, help="fill in from this date or time (UTC) on")
    parser.add_argument("--until", metavar="WHEN", type=_instant, help="fill in up to this date or time (UTC)")
    parser.add_argument("--refetch", action="store_true", help="with these bounds, read again what is proven already")
    parser.add_argument("--demo", action="store_true", help="sync made-up faxes from bundled servers into demo.duckdb")
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    parser.add_argument("--verbose", action="store_true", help="tell every window, and the traceback of a failure")
    return parser


if __name__ == "__main__":
    sys.exit(main())
