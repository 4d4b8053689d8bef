"""What a run does after its last round: hints, retention, compaction, and its rows of `sync_runs`."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipelines.config.settings import PrivacySettings
from pipelines.lake.retention import compact_files, compact_ledger, delete_expired, delete_files
from pipelines.lake.syncing.account_run import AccountRun, by_list
from pipelines.lake.syncing.lake import Lake
from pipelines.outcome.no_faxes import hint
from pipelines.warehouse import sync_runs
from pipelines.warehouse.retention import NO_CLOCK

LOG = logging.getLogger("fax-sync")


def add_hint(lake: Lake, one: AccountRun) -> None:
    """Adds a warning for an account without any fax."""
    if one.run.request.moves_cursor and not one.error:
        try:
            if text := hint(lake.stored(one.run.source), one.run):
                one.run.warnings.append(text)
        except Exception as failure:  # `fail` tells it as the error of the account
            one.fail(failure)


def delete_expired_faxes(lake: Lake, one: AccountRun) -> None:
    """Deletes faxes older than `keep_days`, unless the run failed, is a backfill, or has no confirmed clock."""
    run = one.run
    if not run.kept_from or not run.request.moves_cursor or one.error:
        return
    if one.kept_from is None:
        run.warnings.append(NO_CLOCK)
        return
    try:
        held = lake.all_tables(one.account.provider)
        run.purged, *_ = [delete_expired(tables, one.account.name, one.kept_from) for tables in held]
        delete_files_of_expired(lake, {one.account.provider})
    except Exception as failure:  # as above
        one.fail(failure)


def delete_files_of_expired(lake: Lake, providers: Iterable[str]) -> None:
    """Deletes the files that still hold deleted faxes, if `keep_days` is set."""
    if PrivacySettings.read().keep_days:
        for name in providers:
            for tables in lake.all_tables(name):
                delete_files(tables, is_alone=lake.is_locked)


def compact(lake: Lake, run_id: str, runs: Iterable[AccountRun]) -> None:
    """Deletes redundant ledger rows, and joins small files. A failure fails all accounts of the ledger."""
    for of_list in by_list(runs):
        source = of_list[0].run.source
        try:
            held = lake.tables(source.provider, source.listing)
            compact_ledger(held, [one.run for one in of_list if not one.error])
            if any(one.run.loads for one in of_list):
                compact_files(held, run_id, is_alone=lake.is_locked)
        except Exception as failure:  # as above
            for one in of_list:
                if not one.error:
                    one.fail(failure)


def write_sync_runs(lake: Lake, runs: Sequence[AccountRun], seconds: float) -> None:
    """Writes a row of `sync_runs` for each run that wrote something, or failed. All of them took `seconds` together."""
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for one in runs:
        code = one.error.exit_code if one.error else 0
        if one.run.loads or one.run.purged or code:
            rows.setdefault(one.account.provider, []).append(sync_runs.run_row(one.run, code, seconds))
    for name, of_provider in rows.items():
        try:
            lake.tables(name).write_sync_runs(of_provider)
        except Exception:  # the tables may be what failed; those errors are reported
            LOG.debug("the runs could not be written down", exc_info=True)
