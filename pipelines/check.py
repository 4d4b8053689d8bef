"""Is everything there, and fit to go on? Looks at this machine, the settings, the providers and the warehouse."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # a script's own folder comes first otherwise

import argparse
import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from types import ModuleType

from pipelines import demo
from pipelines.cli.command import CommandParser, leave, reported
from pipelines.config import accounts, bootstrap, destination
from pipelines.config.settings import CheckSettings, PrivacySettings, SyncSettings
from pipelines.config.written import secrets_in_config, unknown_in_environment, unknown_in_files
from pipelines.health.account_findings import clock_findings, findings, notes, out_of_reach_since, refusal
from pipelines.health.child_findings import child_findings
from pipelines.health.machine import machine_findings, scarce_room
from pipelines.health.month_count import compare, not_yet_loaded
from pipelines.health.no_faxes import hint
from pipelines.health.retired_provider import advice, advised, is_out_of_reach
from pipelines.health.warehouse_findings import version_of, warehouse_findings, warehouse_notes
from pipelines.outcome.unforeseen import always_fax_sync_error
from pipelines.warehouse import load, read_only
from pipelines.warehouse.database_file import require_file
from pipelines.warehouse.stored_faxes import StoredFaxes
from pipelines.warehouse.working_directory import working_directory
from sources import provider
from sources.errors import AtWork, FaxSyncError, Unforeseen
from sources.http.origin import host
from sources.load.run import Run
from sources.load.run_request import RunRequest
from sources.records.schema import Record
from sources.window import Window

LOG = logging.getLogger("fax-sync")
FOUND, LATER = 65, 75


@dataclass
class Report:
    """What was found out about one account, or about this machine."""

    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    settings: list[str] = field(default_factory=list)
    looked_at: bool = True  # no sync had its warehouse
    is_faulty: bool = False  # looking met with an error that no code expects

    def note_failure(self, failure: Exception) -> None:
        """Adds what kept us from looking as a finding."""
        error = always_fax_sync_error(failure)
        self.is_faulty = self.is_faulty or isinstance(error, Unforeseen)
        self.findings.append(str(error))
        LOG.debug("looking failed", exc_info=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; gives its exit code: 0 if all is well, 65 if something was found, 75 if nothing could be."""
    options = _parser().parse_args(arguments)
    return reported(lambda: _check(options), options.verbose)


def _check(options: argparse.Namespace) -> int:
    with demo.fakes(bootstrap.DEMO_DATABASE) if options.demo else nullcontext():
        configured = accounts.required(options.provider, options.account)
        left_over: set[str] = set()
        schema = SyncSettings.read().schema
        of_accounts = {str(account): _report(account, schema, left_over) for account in configured}
    reports = {"this machine": _machine()} | of_accounts
    if options.json:
        print(json.dumps({name: asdict(report) for name, report in reports.items()}))
    else:
        _print(reports, options.verbose)
    if any(report.is_faulty for report in reports.values()):
        return Unforeseen.exit_code
    if any(report.findings for report in reports.values()):
        return FOUND
    return 0 if any(report.looked_at for report in of_accounts.values()) else LATER


def _machine() -> Report:
    """An unknown setting is a finding in the files of .dlt; a retired one, or one in the environment, is a note."""
    report = Report()
    try:
        retired = [unknown for unknown in unknown_in_files() if unknown.is_retired]
        misspelt = [str(unknown) for unknown in unknown_in_files() if not unknown.is_retired]
        report.findings += [*machine_findings(), *secrets_in_config(), *misspelt]
        report.notes += [str(unknown) for unknown in (*retired, *unknown_in_environment())]
    except Exception as failure:
        report.note_failure(failure)
    return report


def _report(account: accounts.Account, schema: str, told: set[str]) -> Report:
    """What there is to say of one account; it leaves nothing behind, and asks the provider once or twice.

    What is `told` of the raw schema, which a provider's accounts share, is told under the first of them only.
    """
    report = Report()
    try:
        report.settings += [*account.origins(), *destination.origins()]
        with _warehouse(schema, report), load.opened(account.provider, account.name, schema) as opened:
            report.settings.append(f"destination.warehouse: {version_of(opened)}")
            report.findings += warehouse_findings(opened, schema)
            shared = warehouse_notes(opened, account.provider, _names(account.provider))
            report.notes += [note for note in shared if note not in told]
            told.update(report.notes)
            _look(account, StoredFaxes(opened.client, account.name, opened.appends), report)
    except AtWork as busy:
        report.looked_at = False
        report.notes.append(str(busy))
    except Exception as failure:
        report.note_failure(failure)
    return report


@contextmanager
def _warehouse(schema: str, report: Report) -> Iterator[None]:
    """Has an empty DuckDB file be looked at that is gone with the block, where the configured one is not there yet.

    To open a file makes it, and its lock.

    Raises:
        ConfigError: there can be no such DuckDB file.
    """
    file = read_only.database_file()
    if file is None or file.exists():
        yield
        return
    require_file(file, schema)
    if not os.access(file.parent, os.W_OK | os.X_OK):
        report.findings.append(f"{file.parent} cannot be written: check its owner and its mode")
    if scarce := scarce_room(file.parent):
        report.findings.append(scarce)
    with working_directory() as directory, demo.warehouse(Path(directory) / "load.duckdb"):
        yield


def _look(account: accounts.Account, stored: StoredFaxes, report: Report) -> None:
    package, now = provider(account.provider), datetime.now(UTC)
    settings, privacy = account.settings(), PrivacySettings.read()
    source = account.source(settings, privacy.handling())
    request = RunRequest("check", settings.horizon(source.api.EARLIEST))
    run = Run(request, source, source.connect(), stored, now, privacy.kept_from(now))
    if run.client.limits.proxy:
        report.settings.append(f"{'.'.join(account.section)}: asked through the proxy {host(run.client.limits.proxy)}")
    most_age = timedelta(hours=CheckSettings.read().max_age_hours)
    refused = refusal(package.api.fetch_pages, run.client, now)
    report.findings += [*_refusal_findings(refused, package, stored, now, most_age), *clock_findings(run.client)]
    if not refused:
        report.settings.append(
            f"{'.'.join(account.section)}: the provider accepts the credentials, and lists faxes to them"
        )
    report.findings += findings(stored, run, most_age)
    if not refused:
        _compare_month(package, run, stored, report)
    if covered := stored.covered():
        report.findings += child_findings(stored, package.TABLE, max(covered.start, run.kept_from or covered.start))
    report.notes += notes(stored, package.TABLE, now)
    if not refused and (text := hint(package, stored, run)):
        report.notes.append(text)


def _compare_month(package: ModuleType, run: Run, stored: StoredFaxes, report: Report) -> None:
    """Asks a provider that counts its faxes how many they are, unless faxes of the month have been deleted here."""
    client, covered, now = run.client, stored.covered(), run.started_at
    count = package.api.count_this_month(client, now) if covered else None
    if covered is None or count is None:
        return
    if run.kept_from and run.kept_from > min(span.start for span in count.spans):
        return
    newer: list[Record] | None = []
    if covered.end < now:
        newer = not_yet_loaded(package.api.fetch_pages, client, stored, package.TABLE, Window(covered.end, now))
    if newer is not None:
        finding, note = compare(count, stored, package.TABLE, newer)
        report.findings += [finding] if finding else []
        report.notes += [note] if note else []


def _refusal_findings(
    refused: FaxSyncError | None, package: ModuleType, stored: StoredFaxes, now: datetime, most_age: timedelta
) -> Iterator[str]:
    """What the provider answered, and whether every run of late has met with the like."""
    if refused is None:
        return
    yield str(advised(refused, package))
    if is_out_of_reach(refused) and (since := out_of_reach_since(stored, now, most_age)):
        yield f"no run has reached the provider since {since:%Y-%m-%d %H:%M} UTC: {advice(package)}"


def _names(provider: str) -> set[str]:
    """The configured accounts of a provider."""
    return {account.name for account in accounts.required(provider)}


def _print(reports: dict[str, Report], verbose: bool) -> None:
    for name, report in reports.items():
        print(f"{name}: {_verdict(report)}")
        told = [*(f"- {text}" for text in report.findings), *(f"note: {text}" for text in report.notes)]
        for line in [*told, *(f"setting {text}" for text in report.settings if verbose)]:
            print(f"  {line}")


def _verdict(report: Report) -> str:
    if not report.looked_at:
        return "not looked at"
    found = len(report.findings)
    return "all is well" if not found else "1 finding" if found == 1 else f"{found} findings"


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="check.py",
        description=__doc__,
        epilog="Exit codes: 0 all is well; 64 usage; 65 something was found; 70 an error that no code "
        "expects, please report it; 75 every account is being synced: "
        "check again later; 78 configuration.",
    )
    parser.add_argument("--provider", metavar="NAME", help="check this provider only")
    parser.add_argument(
        "--account", metavar="NAME", action="append", default=[], help="check the account of this name only; repeatable"
    )
    parser.add_argument("--demo", action="store_true", help="check demo.duckdb")
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object")
    parser.add_argument(
        "--verbose", action="store_true", help="tell where each setting comes from, and the traceback of a failure"
    )
    return parser


if __name__ == "__main__":
    leave(main())
