"""Loads every new or changed fax of every configured account into the warehouse. Run it as often as you like."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # a script's own folder comes first otherwise

import argparse
import logging
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

from pipelines.account_sync import Sync
from pipelines.accounts_sync import sync_accounts
from pipelines.cli.command import CommandParser, instant, leave, minutes, reported, shard
from pipelines.cli.healthchecks_ping import watched
from pipelines.cli.progress import progress
from pipelines.cli.summary import exit_code, print_outcomes
from pipelines.config import accounts, bootstrap
from pipelines.config.settings import SECTIONS, PrivacySettings, SyncSettings
from pipelines.config.written import require_known_privacy, secrets_in_config, unknown_in_environment, unknown_in_files
from pipelines.health.machine import readable_by_others
from pipelines.outcome import logs, signals

LOG = logging.getLogger("fax-sync")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    options = _options(_parser(), arguments)
    watch = (lambda command: command()) if options.demo else watched
    return reported(lambda: watch(lambda: _sync(options)), options.verbose, options.log_format)


def _options(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    options = parser.parse_args(arguments)
    if options.since and options.since > datetime.now(UTC):
        parser.error("--since is in the future")
    if options.since and options.until and options.until <= options.since:
        parser.error("--until is not after --since")
    if options.full_refresh and (options.since or options.until or options.refetch):
        parser.error("--full-refresh reads everything; for a range use --refetch --since and --until")
    if options.refetch and not (options.since or options.until):
        parser.error("--refetch needs --since or --until, or both")
    return options


def _sync(options: argparse.Namespace) -> int:
    unknown = (*unknown_in_files(), *unknown_in_environment())
    require_known_privacy(unknown)
    for warning in filter(None, (readable_by_others(), *secrets_in_config(), *unknown)):
        LOG.warning("%s", warning)
    if not options.demo:
        return _sync_accounts(options)
    from pipelines import demo  # noqa: PLC0415  # only a demonstration needs its imports
    from pipelines.cli import demo_summary  # noqa: PLC0415  # only a demonstration needs its imports

    with demo.fakes(bootstrap.DEMO_DATABASE):
        code = _sync_accounts(options)
        if code == 0 and not (options.json or logs.is_json()):
            demo_summary.demonstration(bootstrap.DEMO_DATABASE, SyncSettings.read().schema)
    return code


def _sync_accounts(options: argparse.Namespace) -> int:
    configured, run_id = accounts.required(options.provider, options.account), uuid4().hex
    configured = [account for account in configured if options.shard is None or account.is_in(options.shard)]
    _ = (
        [section.read() for section in SECTIONS],
        PrivacySettings.read().handling(),
    )  # raises ConfigError before any request
    schema = SyncSettings.read().schema
    with progress() as on_progress:
        outcomes = sync_accounts(configured, Sync(schema, run_id, options, on_progress))
    print_outcomes(outcomes, run_id, options.json, options.verbose)
    stopped = signals.received()
    return stopped.exit_code if stopped else exit_code(outcomes)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="sync.py",
        description=__doc__,
        epilog="Settings are in .dlt/config.toml and .dlt/secrets.toml. Exit codes: 0 complete; 64 usage; 65 the "
        "provider broke its contract, or completeness could not be proven; 69 the warehouse refused, fix it by hand; "
        "70 unexpected error, please report it; 74 disk, memory, or a directory that cannot be written; "
        "75 try again later; 77 credentials refused; 78 configuration.",
    )
    parser.add_argument("--provider", metavar="NAME", help="sync this provider only")
    parser.add_argument(
        "--account", metavar="NAME", action="append", default=[], help="sync the account of this name only; repeatable"
    )
    parser.add_argument("--shard", metavar="K/N", type=shard, help="sync the K-th of N parts of the accounts only")
    parser.add_argument(
        "--since", metavar="WHEN", type=instant, help="load faxes created from this date or time (UTC) on"
    )
    parser.add_argument(
        "--until", metavar="WHEN", type=instant, help="load faxes created before this date or time (UTC)"
    )
    parser.add_argument("--refetch", action="store_true", help="within these bounds, also read proven windows again")
    parser.add_argument("--full-refresh", action="store_true", help="read and write every fax again, in place")
    parser.add_argument(
        "--max-runtime",
        metavar="MINUTES",
        type=minutes,
        default=math.inf,
        help="stop at the first window that ends after this time",
    )
    parser.add_argument("--demo", action="store_true", help="sync made-up faxes from bundled servers into demo.duckdb")
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    parser.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="format of the log on stderr; json adds the summary to it",
    )
    parser.add_argument("--verbose", action="store_true", help="log every window, and the traceback of an error")
    return parser


if __name__ == "__main__":
    leave(main())
