"""Checks that every fax is in the warehouse and the next sync can run: machine, settings, providers, warehouse."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # a script's own folder comes first otherwise
__import__("pipelines")  # ends the process in one line if the dependencies are not installed

import argparse
import json
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from pipelines import demo
from pipelines.cli.command import CommandParser, leave, reported
from pipelines.cli.sync_options import warn_of_settings
from pipelines.cli.without_pandas import without_pandas
from pipelines.config import accounts, bootstrap, destination
from pipelines.config.settings import CheckSettings, PrivacySettings, SyncSettings
from pipelines.config.written_settings import secrets_in_config, unknown_in_environment, unknown_in_files
from pipelines.health.account_findings import (
    child_findings,
    clock_findings,
    currency_notes,
    doubled_faxes,
    findings,
    notes,
    out_of_reach_since,
    refusal,
)
from pipelines.health.connections import try_provider, try_warehouse
from pipelines.health.machine import machine_findings, scarce_room
from pipelines.health.month_count import compare, not_yet_loaded
from pipelines.health.warehouse_findings import version_of, warehouse_findings, warehouse_notes
from pipelines.lake import reading
from pipelines.outcome.logs import escaped
from pipelines.outcome.no_faxes import hint
from pipelines.outcome.provider_advice import advice, advised, is_out_of_reach
from pipelines.outcome.unforeseen import always_fax_sync_error
from pipelines.warehouse import load
from pipelines.warehouse.database_file import require_file
from pipelines.warehouse.retention import NEEDS_DELETION
from pipelines.warehouse.stored_faxes import StoredFaxes
from sources.errors import AtWork, AuthError, ContractError, FaxSyncError, Forbidden, ProviderDown, Unforeseen
from sources.extract.source import Source
from sources.http.origin import host
from sources.load.run import Run
from sources.load.run_request import RunRequest
from sources.records.schema import Record
from sources.window import Window

LOG = logging.getLogger("fax-sync")
FOUND, LATER = 65, 75
OF_THE_PROVIDER = (AuthError, ContractError, ProviderDown)


@dataclass
class Report:
    """The findings, notes and settings of one account, or of this machine."""

    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    settings: list[str] = field(default_factory=list)
    looked_at: bool = True  # false: a sync was using the warehouse, or it failed as for an account before
    is_faulty: bool = False  # the check ended with an unexpected error

    def note_failure(self, failure: Exception, shared: "Shared") -> None:
        """Adds the error that ended the check as a finding, or a note if it is a finding of an account before."""
        error = always_fax_sync_error(failure)
        self.is_faulty = self.is_faulty or isinstance(error, Unforeseen)
        if isinstance(error, OF_THE_PROVIDER) or shared.untold([str(error)]):
            self.findings.append(str(error))
        else:
            self.looked_at = False
            self.notes.append("the finding of an account above is the reason")
        LOG.debug("the check failed", exc_info=True)

    def name_commands(self) -> None:
        """Puts the command that the user types where a finding or a note names a script."""
        self.findings, self.notes = (list(map(bootstrap.as_typed, texts)) for texts in (self.findings, self.notes))


@dataclass
class Shared:
    """What accounts share: the warehouse, and those of a provider a raw schema."""

    _told: set[str] = field(default_factory=set)
    _accounts: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def untold(self, texts: Iterable[str]) -> list[str]:
        """Those of the texts about the warehouse that no account has told yet. From now on they are told."""
        untold = [text for text in texts if text not in self._told]
        self._told.update(untold)
        return untold

    def accounts(self, source: Source, stored: StoredFaxes) -> set[str]:
        """The accounts in the ledger of a list, which is asked once."""
        key = source.provider, source.table.ledger
        if key not in self._accounts:
            self._accounts[key] = stored.accounts()
        return self._accounts[key]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code: 0 no findings, 65 findings, 75 a sync was using every account."""
    options = _parser().parse_args(arguments)
    with without_pandas():
        return reported(lambda: _check(options), options.verbose)


def _check(options: argparse.Namespace) -> int:
    with demo.fakes() if options.demo else nullcontext():
        if options.connections or not accounts.configured():
            warn_of_settings()  # which the findings on this machine say otherwise
        configured = accounts.required(options.provider, options.account)
        shared = Shared()
        schema = SyncSettings.read().schema
        if options.connections:
            of_accounts = {str(account): _connections(account, schema, shared) for account in configured}
        else:
            of_accounts = {str(account): _report(account, schema, shared) for account in configured}
    reports = of_accounts if options.connections else {"this machine": _machine(shared)} | of_accounts
    for report in reports.values():
        report.name_commands()
    if options.json:
        print(json.dumps({name: asdict(report) for name, report in reports.items()}))
    else:
        _print(reports, options.verbose)
    if any(report.is_faulty for report in reports.values()):
        return Unforeseen.exit_code
    if any(report.findings for report in reports.values()):
        return FOUND
    return 0 if any(report.looked_at for report in of_accounts.values()) else LATER


def _machine(shared: Shared) -> Report:
    """The report on this machine. An unknown setting in .dlt is a finding; a retired one, or a variable, is a note."""
    report = Report()
    try:
        retired = [unknown for unknown in unknown_in_files() if unknown.is_retired]
        misspelt = [str(unknown) for unknown in unknown_in_files() if not unknown.is_retired]
        report.settings.append(f"project: {bootstrap.settings_directory().parent}, for .dlt and relative paths")
        report.findings += [*machine_findings(), *secrets_in_config(), *misspelt]
        report.notes += [str(unknown) for unknown in (*retired, *unknown_in_environment())]
    except Exception as failure:
        report.note_failure(failure, shared)
    return report


def _report(account: accounts.Account, schema: str, shared: Shared) -> Report:
    """The report on one account. It makes one or two requests, and leaves nothing in the warehouse."""
    report = Report()
    try:
        report.settings += [*account.origins(), *destination.origins()]
        with _stored(account, schema, report, shared) as stored:
            _check_account(account, stored, report, shared)
    except AtWork as busy:
        report.looked_at = False
        report.notes.append(str(busy))
    except Exception as failure:
        report.note_failure(failure, shared)
    return report


@contextmanager
def _stored(account: accounts.Account, schema: str, report: Report, shared: Shared) -> Iterator[StoredFaxes]:
    """What the warehouse holds of the account; adds to the report what is to be said of the warehouse itself, once."""
    if output := destination.delta_url():
        report.settings.append("destination.warehouse: Delta tables")
        with reading.delta_tables(output, account.provider, account.name, schema) as tables:
            yield tables.stored(Source(account.provider).table)
        return
    with demo.stand_in() as file:
        report.findings += shared.untold(_warehouse_to_make(file, schema))
        with load.opened(account.provider, account.name, schema) as opened:
            if opened.session.kind == "duckdb":
                if SyncSettings.read().duckdb_memory == SyncSettings().duckdb_memory:
                    opened.client.execute_sql("set memory_limit = '200MB'")  # a load needs less, a year of faxes more
                opened.client.execute_sql("set threads = 2")
            report.settings.append(f"destination.warehouse: {version_of(opened)}")
            report.findings += shared.untold(warehouse_findings(opened, schema))
            if opened.appends and PrivacySettings.read().keep_days:
                report.findings += shared.untold([NEEDS_DELETION])
            report.notes += shared.untold(warehouse_notes(opened, account.provider, _names(account.provider)))
            yield opened.stored(Source(account.provider).table)


def _warehouse_to_make(file: Path | None, schema: str) -> Iterator[str]:
    """One sentence for each fault that would prevent that the configured DuckDB file is made, if it does not exist yet.

    Raises:
        ConfigError: the configured path cannot be a DuckDB file.
    """
    if file is None or file.exists():
        return
    require_file(file, schema)
    if not os.access(file.parent, os.W_OK | os.X_OK):
        yield f"{file.parent} cannot be written: check its owner and its mode"
    if scarce := scarce_room(file.parent):
        yield scarce


def _connections(account: accounts.Account, schema: str, shared: Shared) -> Report:
    """The report on the account's credentials and on the connection to the warehouse, without anything else."""
    report = Report()

    def try_to_open() -> str:
        with demo.stand_in() as file:
            report.findings += shared.untold(_warehouse_to_make(file, schema))
            return try_warehouse(account, schema)

    for attempt in (partial(try_provider, account), try_to_open):
        try:
            report.notes.append(attempt())
        except AtWork as busy:
            report.notes.append(str(busy))
        except Exception as failure:
            report.note_failure(failure, shared)
    return report


def _check_account(account: accounts.Account, stored: StoredFaxes, report: Report, shared: Shared) -> None:
    """Adds to the report what the provider's answers and the warehouse's rows show."""
    now = datetime.now(UTC)
    settings, privacy = account.settings(), PrivacySettings.read()
    source = account.source(settings, privacy.handling())
    request = RunRequest("check", settings.horizon(source.api.EARLIEST))
    run = Run(request, source, source.connect(), stored, now, privacy.kept_from(now))
    if run.client.limits.proxy:
        report.settings.append(
            f"{'.'.join(account.section)}: requests go through the proxy {host(run.client.limits.proxy)}"
        )
    most_age = timedelta(hours=CheckSettings.read().max_age_hours)
    refused = refusal(source.api.fetch_pages, run.client, now)
    run.note_provider_clock()
    report.findings += [*_refusal_findings(refused, account, stored, now, most_age), *clock_findings(run.client)]
    if not refused:
        report.settings.append(f"{'.'.join(account.section)}: credentials accepted, the provider lists faxes")
    covered = stored.covered()
    report.findings += findings(stored, covered, run, most_age)
    report.findings += doubled_faxes(stored, source.table, shared.accounts(source, stored))
    if not refused:
        _compare_month(run, stored, covered, report)
    if covered:
        report.findings += child_findings(stored, source.table, max(covered.start, run.kept_from or covered.start))
    for other in source.further_lists():
        held = stored.of_ledger(other.table.ledger)
        of_list = run.for_list(other, held)
        if not refused and isinstance(refusal(other.api.fetch_pages, run.client, now), Forbidden):
            report.notes.append(of_list.missing_scope_warning)
        else:
            of_held = findings(held, held.covered(), of_list, most_age)
            report.findings += [f"{other.table.name}: {text}" for text in of_held]
            report.findings += doubled_faxes(held, other.table, shared.accounts(other, held))
    report.notes += notes(stored, source.table, now)
    report.notes += [text for one in (source, *source.further_lists()) for text in currency_notes(stored, one.table)]
    if not refused and (text := hint(stored, run)):
        report.notes.append(text)


def _compare_month(run: Run, stored: StoredFaxes, covered: Window | None, report: Report) -> None:
    """Compares the month's faxes with the provider's count, if it has one, unless `keep_days` deletes some of them."""
    client, now = run.client, run.started_at
    api, table = run.source.api, run.source.table
    count = run.source.count_this_month(client, now) if covered else None
    if covered is None or count is None:
        return
    if run.kept_from and run.kept_from > min(span.start for span in count.spans):
        return
    newer: list[Record] | None = []
    if covered.end < now:
        newer = not_yet_loaded(api.fetch_pages, client, stored, table, Window(covered.end, now))
    if newer is not None:
        finding, note = compare(count, stored, table, newer)
        report.findings += [finding] if finding else []
        report.notes += [note] if note else []


def _refusal_findings(
    refused: FaxSyncError | None, account: accounts.Account, stored: StoredFaxes, now: datetime, most_age: timedelta
) -> Iterator[str]:
    """The error that the provider answered, and since when no run has reached the provider."""
    if refused is None:
        return
    yield str(advised(refused, account))
    if is_out_of_reach(refused) and (since := out_of_reach_since(stored, now, most_age)):
        yield f"no run has reached the provider since {since:%Y-%m-%d %H:%M} UTC: {advice(account)}"


def _names(provider: str) -> set[str]:
    """The names of the provider's configured accounts."""
    return {account.name for account in accounts.required(provider)}


def _print(reports: dict[str, Report], verbose: bool) -> None:
    for name, report in reports.items():
        print(f"{name}: {_verdict(report)}")
        lines = [*(f"- {text}" for text in report.findings), *(f"note: {text}" for text in report.notes)]
        for line in [*lines, *(report.settings if verbose else ())]:
            print(f"  {escaped(line)}")


def _verdict(report: Report) -> str:
    if found := len(report.findings):
        return "1 finding" if found == 1 else f"{found} findings"
    return "all is well" if report.looked_at else "not checked"


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="check.py",
        description=__doc__,
        codes={0: "no findings", 65: "findings", 75: "every account is being synced, check again later"},
    )
    parser.add_argument("--provider", metavar="NAME", help="check this provider only")
    parser.add_argument(
        "--account", metavar="NAME", action="append", default=[], help="check the account of this name only; repeatable"
    )
    parser.add_argument("--connections", action="store_true", help="only try credentials and warehouse, in a second")
    parser.add_argument("--demo", action="store_true", help="check demo.duckdb")
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object")
    parser.add_argument(
        "--verbose", action="store_true", help="print where each setting is set, and the traceback of an error"
    )
    return parser


if __name__ == "__main__":
    leave(main())
