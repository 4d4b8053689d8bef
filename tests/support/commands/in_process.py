"""The command's own run in this process, with the time in the test's hands: no clock is waited for."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from uuid import uuid4

from dlt.common.destination.exceptions import DestinationUndefinedEntity

import sources
from pipelines.config.accounts import Account
from pipelines.config.declaration import secrets_of
from pipelines.outcome.account_ending import Ending
from pipelines.outcome.account_outcome import require_proof
from pipelines.outcome.error_mapping import to_fax_sync_error
from pipelines.views import refresh_views
from pipelines.warehouse import load, sync_runs
from pipelines.warehouse.dlt_internals.lookup_cache import lookups_cached
from sources.http.client import Client
from sources.http.limits import Limits
from sources.load.batches import Batches
from sources.load.ledger import SYNC_RUNS
from sources.load.resources import DltTables, fax_source
from sources.load.run import Run
from sources.load.run_request import Horizon, RunRequest
from sources.records.privacy import KEEP, Privacy
from sources.window import whole_second
from tests.support.clock import Clock
from tests.support.environment import applied


@dataclass
class Time:
    """What a run takes for the time: `ahead` is how far this machine's clock is before the real one."""

    ahead: timedelta = timedelta()
    slept: list[float] = field(default_factory=list)
    clock: Clock | None = None

    def sleep(self, seconds: float) -> None:
        """Notes the sleep; the test's own clock goes on, if there is one."""
        self.slept.append(seconds)
        if self.clock:
            self.clock.sleep(seconds)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def assert_noted(opened: load.Warehouse, run: Run, ending: Ending) -> None:
    """The row of `sync_runs` says how the run ended; one that wrote nothing, though all went well, has none."""
    raw = opened.raw
    sql = f'select exit_code, rows_new, rows_changed, loads from "{raw}"."{SYNC_RUNS}" where run_id = %s'
    try:
        rows = opened.client.execute_sql(sql, run.request.run_id)
    except DestinationUndefinedEntity:
        assert not run.loads
        return
    told = (ending.exit_code, run.tally.new, run.tally.changed, run.loads)
    assert [tuple(row) for row in rows or ()] == ([told] if ending.exit_code or run.loads else [])


def run_once(
    provider: str,
    settings: Mapping[str, str],
    time: Time | None = None,
    limits: Limits | None = None,
    horizon: Horizon | None = None,
    loads: int = 1_000_000,
    after_load: Callable[[int], None] = lambda number: None,
    privacy: Privacy = KEEP,
    rows_per_load: int = 100_000,
    until: datetime | None = None,
    deadline: float = math.inf,
) -> Run:
    """Loads all lists of an account as `sync.py` does, and gives the run; what stops it is raised as operators have it.

    It ends early after so many `loads`, as a run does that is killed between two of them.
    """
    time = time or Time()
    package = sources.provider(provider)
    horizon = horizon or Horizon(
        package.api.EARLIEST, timedelta(days=3), timedelta(days=30), 100, lag=timedelta(minutes=1)
    )
    *_, user, password = (settings[f"SOURCES__{provider}__{key}".upper()] for key in secrets_of(package.Settings))
    url = settings[f"SOURCES__{provider}__BASE_URL".upper()]
    clock = time.clock or monotonic
    client = Client(url, (user, password), provider, limits or Limits(), time.sleep, clock, time.now)
    with applied(settings), lookups_cached(), load.opened(provider, "default", "fax") as opened:
        account, began = Account(provider), whole_second(time.now())
        stored = opened.stored(package.TABLE)
        request = RunRequest(uuid4().hex, horizon, until=until, rows_per_load=rows_per_load, deadline=deadline)
        run = Run(request, account.source(account.settings(), privacy), client, stored, began)
        ending = Ending()
        try:
            with sync_runs.recorded(opened.client, opened.raw, run, ending):
                walked = _load_lists(opened, run, loads, after_load)
                refresh_views(opened.client, "fax")
                for of_list in walked:
                    require_proof(of_list)
        except Exception as error:
            if (known := to_fax_sync_error(error)) in (None, error):
                raise
            raise known from error
        finally:
            assert_noted(opened, run, ending)
    return run


def _load_lists(opened: load.Warehouse, run: Run, loads: int, after_load: Callable[[int], None]) -> list[Run]:
    """The runs of the account's lists, one after the other, with so many loads in all."""
    walked, number = [run], 0
    for source in (run.source, *run.source.further_lists()):
        if source.listing:
            if not walked[-1].finished:
                break
            walked.append(run.for_list(source, opened.stored(source.table)))
            walked[-1].request = run.request  # with the horizon of the test
        of_list = walked[-1]
        batches = Batches(of_list, opened.position_of(source.table), DltTables())
        tables = fax_source(batches)
        with of_list.skipping_if_forbidden():
            while number < loads and not of_list.finished:
                number += 1
                of_list.loads += batches.prepare_load() and opened.load(tables)
                opened.comment_and_index()
                after_load(number)
        if source.listing:
            run.merge(of_list)
    return walked
