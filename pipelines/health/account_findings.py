"""What is wrong with one account: its credentials, its clock, its ledger and its rows."""

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime, timedelta

from pipelines.outcome.provider_advice import FAILED_TO_REACH
from pipelines.warehouse.stored_faxes import StoredFaxes
from sources.errors import FaxSyncError, masked
from sources.extract.page import Page
from sources.extract.window_result import PROVEN_OR_GAP
from sources.http.client import Client
from sources.load.run import MAX_SKEW, Run
from sources.records.schema import Table
from sources.window import SECOND, Window

_RECENT = timedelta(days=7)


def refusal(fetch: Callable[[Client, Window], Iterator[Page]], client: Client, now: datetime) -> FaxSyncError | None:
    """The error with which the provider answers one request for the last second; None if it answers well."""
    try:
        next(iter(fetch(client, Window(now - SECOND, now))), None)
    except FaxSyncError as error:
        return error
    return None


def clock_findings(client: Client) -> Iterator[str]:
    """One sentence if this machine's clock differs too much from that of the provider's last answer."""
    if abs(client.skew) > MAX_SKEW:
        yield f"this machine's clock is {abs(client.skew)} off the provider's: set it"


def out_of_reach_since(stored: StoredFaxes, now: datetime, most_age: timedelta) -> datetime | None:
    """The time since which every run has failed to reach the provider; None if `most_age` has not passed since."""
    covered = stored.covered()
    since = stored.failing_since(FAILED_TO_REACH, covered.end if covered else None)
    return since if since and now - since > most_age else None


def findings(stored: StoredFaxes, covered: Window | None, run: Run, most_age: timedelta) -> Iterator[str]:
    """One sentence for each fault, with its remedy. Times are UTC. `covered` is that of the stored faxes.

    Faxes created before the run's `kept_from` may be missing, and the time before `default_start` may be unread.
    """
    if covered is None:
        yield "nothing has been loaded yet: run sync.py"
        return
    kept = Window(max(covered.start, run.kept_from or covered.start), covered.end)
    yield from _holes(run, kept.ending_by(run.latest_start))
    for span, missing in _shortfalls(stored.short_windows(run.source.table, kept.start)):
        yield (
            f"{span} lacks {missing} or more faxes that were loaded: rows are gone from the warehouse; "
            f"run sync.py {_days_of(span)} --refetch"
        )
    if run.started_at - covered.end > most_age and not stored.failing_since(FAILED_TO_REACH, covered.end):
        yield f"the last good run was at {covered.end:%Y-%m-%d %H:%M} UTC: check whether the schedule still runs"


def notes(stored: StoredFaxes, fax_table: Table, now: datetime) -> Iterator[str]:
    """One sentence for each fact that deserves a look although it is no fault."""
    if unread := stored.deleted_unread(fax_table):
        yield (
            f"faxes deleted at the provider before a run could read them: {unread}; their costs are unknown, and no "
            "sum contains them"
        )
    for table, column, count in stored.open_problems():
        misfits = f"values of {table}.{masked(column)}" if column else f"records of {table}"
        yield f"{count} {misfits} did not fit and are kept in sync_problems, with the reason"
    for table, column in stored.new_columns(now - _RECENT):
        yield f"{table}.{masked(column)} is new in the last {_RECENT.days} days: see schema_changes"


def currency_notes(stored: StoredFaxes, table: Table) -> Iterator[str]:
    """One sentence for each currency other than the US dollar that prices in the table have."""
    for currency, faxes in stored.other_currencies(table):
        yield (
            f"faxes priced in {currency or 'a currency that is not named'}: {faxes}; the raw table {table.name} has "
            "the price, their cost_usd is null, and no sum contains them"
        )


def child_findings(stored: StoredFaxes, table: Table, start: datetime) -> Iterator[str]:
    """One sentence for each child table that lacks rows of faxes created from `start` on, with the remedy.

    No fingerprint covers the rows of recipients or tags, so no sync notices that they are missing.
    """
    for child in table.children:
        if lacking := stored.lacking_children(table, child, start):
            count, span = lacking
            yield (
                f"{count} faxes created from {span.start.date()} on lack rows of {child.name}: rows are gone from the "
                "warehouse, or the provider lists none (--full-refresh notes that); "
                f"run sync.py {_days_of(span)} --refetch"
            )


def doubled_faxes(stored: StoredFaxes, table: Table, accounts: Collection[str]) -> Iterator[str]:
    """One sentence if faxes of the account are stored under others of the `accounts`, too."""
    if others := stored.also_held_by(table, accounts):
        yield (
            f"faxes in {table.name} are also stored as those of {', '.join(others)}, so that their costs count twice: "
            "the account was given another name, or two accounts have keys of one account of the provider; configure "
            'one of them, and load into an empty warehouse ("Several accounts" in docs/settings.md)'
        )


def _holes(run: Run, covered: Window) -> Iterator[str]:
    for hole in run.holes(covered, PROVEN_OR_GAP):
        if run.holes(hole, None) != [hole]:
            yield f"{hole} is not proven complete: run sync.py {_days_of(hole)}"
        elif hole.end > run.default_start:
            yield f"{hole} was never read: run sync.py"


def _shortfalls(short: Iterable[tuple[Window, int, int]]) -> list[tuple[Window, int]]:
    """Each span of overlapping windows, with the highest number of faxes that one of its windows lacks.

    Look-backs read a fax in several windows, so their numbers must not be added.
    """
    spans: list[tuple[Window, int]] = []
    for window, taken, stored in short:
        if spans and window.start < spans[-1][0].end:
            span, missing = spans.pop()
            spans.append((Window(span.start, max(span.end, window.end)), max(missing, taken - stored)))
        else:
            spans.append((window, taken - stored))
    return spans


def _days_of(span: Window) -> str:
    """The options of sync.py for the days that hold the span and its end."""
    return f"--since {span.start.date()} --until {span.end.date() + timedelta(days=1)}"
