"""Loads every new or changed fax of every configured account into the warehouse. Run it as often as you like."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # a script's own folder comes first otherwise
__import__("pipelines")  # ends the process in one line if the dependencies are not installed

import argparse
import logging
from collections.abc import Sequence
from uuid import uuid4

from pipelines.cli.command import SYNC_STOPPED, CommandParser, leave, reported, shard
from pipelines.cli.healthchecks_ping import watched
from pipelines.cli.progress import progress
from pipelines.cli.summary import exit_code, most_urgent, print_outcomes
from pipelines.cli.sync_options import parsed, require_valid_settings, sync_parser, warn_of_settings
from pipelines.cli.without_pandas import without_pandas
from pipelines.config import accounts, bootstrap
from pipelines.config.settings import SyncSettings
from pipelines.outcome import logs
from pipelines.outcome.unforeseen import always_fax_sync_error
from pipelines.syncing.account_sync import Sync
from pipelines.syncing.accounts_sync import sync_accounts
from pipelines.warehouse import read_only
from pipelines.warehouse.database_file import copy_for_readers, replace_copy
from pipelines.warehouse.dlt_internals.lookup_cache import lookups_cached

LOG = logging.getLogger("fax-sync")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    options = parsed(_parser(), arguments)
    watch = (lambda command: command()) if options.demo or options.dry_run else watched
    with without_pandas():
        return reported(lambda: watch(lambda: _sync(options)), options.verbose, options.log_format, SYNC_STOPPED)


def _sync(options: argparse.Namespace) -> int:
    if options.quiet:
        LOG.setLevel(logging.WARNING)
    warn_of_settings()
    if not options.demo:
        return _sync_accounts(options)
    from pipelines import demo  # noqa: PLC0415  # only a demonstration needs its imports
    from pipelines.cli import demo_summary  # noqa: PLC0415  # only a demonstration needs its imports

    with demo.fakes():
        code = _sync_accounts(options)
        if code == 0 and not (options.dry_run or options.quiet or options.json or logs.is_json()):
            demo_summary.demonstration(bootstrap.DEMO_DATABASE, SyncSettings.read().schema)
    return code


def _sync_accounts(options: argparse.Namespace) -> int:
    configured, run_id = accounts.required(options.provider, options.account), uuid4().hex
    configured = [account for account in configured if options.shard is None or account.is_in(options.shard)]
    require_valid_settings()
    schema = SyncSettings.read().schema
    if options.dry_run:
        return _dry_run(configured, Sync(schema, run_id, options, lambda account, run: None))
    with progress(options.quiet) as on_progress, lookups_cached():
        outcomes = sync_accounts(configured, Sync(schema, run_id, options, on_progress))
    if SyncSettings.read().read_copy:
        _replace_copy(schema)
    print_outcomes(outcomes, run_id, options)
    if not (options.demo or options.json or options.quiet or logs.is_json()) and any(
        outcome.is_first for outcome in outcomes
    ):
        from pipelines.cli.next_steps import print_next_steps  # noqa: PLC0415  # only a first run prints them

        print_next_steps()
    return exit_code(outcomes)


def _replace_copy(schema: str) -> None:
    """Replaces the readers' copy of the DuckDB file. A failure is logged: the faxes are loaded."""
    file, copy = read_only.database_file(), copy_for_readers()
    if not (file and copy and file.exists()):
        return
    try:
        replace_copy(file, copy, schema)
    except Exception as failure:
        LOG.warning("[sync] read_copy %s was not made: %s", copy, always_fax_sync_error(failure))


def _dry_run(configured: Sequence[accounts.Account], sync: Sync) -> int:
    from pipelines.dry_run import dry_run  # noqa: PLC0415  # no sync needs it

    plans = [dry_run(account, sync) for account in configured]
    print("\n".join(line for line, _ in plans))
    return most_urgent(error.exit_code for _, error in plans if error)


def _parser() -> CommandParser:
    parser = sync_parser("sync.py", __doc__, "Settings are in .dlt/config.toml and .dlt/secrets.toml.")
    parser.add_argument("--shard", metavar="K/N", type=shard, help="sync only the accounts of shard K of N")
    parser.add_argument("--dry-run", action="store_true", help="only print what would be read; write nothing")
    parser.add_argument("--demo", action="store_true", help="sync made-up faxes from bundled servers into demo.duckdb")
    return parser


if __name__ == "__main__":
    leave(main())
