"""Any history of a provider's account, synced over HTTP into a file: after a quiet run the file holds the account."""

import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

import sources
from sources.errors import FaxSyncError
from sources.extract.source import Source
from sources.fakes.server import json_answer, serve
from sources.http.limits import Limits
from tests.conftest import Served
from tests.faults.conftest import more
from tests.support.commands.in_process import Time, run_once
from tests.support.environment import settings_of
from tests.support.every_list import EVERY_LIST
from tests.support.faults.inject import UNAVAILABLE, Fault, between_pages, broken, dated, from_page
from tests.support.faults.wire import cost, created, created_at
from tests.support.warehouse.oracle import assert_holds, assert_holds_lists
from tests.support.warehouse.rows import content

WHICH = st.integers(0, 99)
CUT = json_answer(b'{"success":true,"data":[{"id":')
LOOK_BACK = timedelta(days=2.9)


class History(RuleBasedStateMachine):
    """One account, one warehouse file; the clock of both is `ahead` of the real one."""

    provider = ""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.directory = Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="history-")))
        fake = import_module(f"sources.{self.provider}.fake").Fake(page_cap="200", **EVERY_LIST.get(self.provider, {}))
        server = self.stack.enter_context(serve(fake.answer))
        self.served = Served(self.provider, fake, server)
        self.warehouse = self.directory / "warehouse.duckdb"
        own = settings_of(self.provider, fake, server.url)
        self.settings = {"DESTINATION__WAREHOUSE__CREDENTIALS": str(self.warehouse), **own}
        self.ahead, self.births, self.read_at = timedelta(), 0, datetime.now(UTC) - timedelta(days=99)
        self.known: dict[str, dict[str, Any]] = {}
        self.gone: dict[str, dict[str, Any]] = {}

    def teardown(self) -> None:
        with self.stack:
            self.a_quiet_run()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def young(self, read_at: datetime | None = None) -> list[Any]:
        """The ids of faxes that may still change if the account was last read at that time, in order."""
        settled = (read_at or self.read_at) - LOOK_BACK
        return [id for at, id in self.served.fake.store.order() if at > settled and self.is_there(id)]

    def is_there(self, id: Any) -> bool:
        return id not in getattr(self.served.fake, "deleted", ())

    @rule(count=st.sampled_from([1, 3, 30, 230]), days=st.sampled_from([0.001, 0.5, 2.5]))
    def arrive(self, count: int, days: float) -> None:
        self.births += 1
        for fax in more(self.provider, count, days=days, seed=100 + self.births):
            at = datetime.fromisoformat(created_at(self.provider, fax)) + self.ahead
            printed = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            self.served.fake.add(fax | created(self.provider, printed))

    @precondition(lambda self: self.young())
    @rule(which=WHICH, cents=st.integers(0, 99))
    def one_changes(self, which: int, cents: int) -> None:
        self.change(self.young()[which % len(self.young())], cents)

    def change(self, id: Any, cents: int) -> None:
        self.served.fake.change(id, error_message=f"changed to {cents}", **cost(self.provider, cents))
        self.known.pop(str(id), None)

    @rule(which=WHICH)
    def one_settles(self, which: int) -> None:
        if still_open := self.served.fake.open_ids():
            self.served.fake.settle_one(still_open[which % len(still_open)])

    @precondition(lambda self: self.known)
    @rule(which=WHICH)
    def one_is_deleted(self, which: int) -> None:
        young = {str(id): id for id in self.young()}
        if ids := sorted(id for id in self.known if id in young and self.known[id]["is_final"]):
            id = ids[which % len(ids)]
            self.gone[id] = self.known.pop(id)
            self.served.fake.delete(young[id])

    @rule(days=st.sampled_from([0.1, 1, 4, 20]))
    def time_passes(self, days: float) -> None:
        self.ahead += timedelta(days=days)

    @rule(page=st.integers(1, 3), fault=st.sampled_from([UNAVAILABLE, CUT]))
    def a_run_that_breaks(self, page: int, fault: Any) -> None:
        before = content(self.warehouse, self.provider) if self.warehouse.exists() else None
        if self.run(from_page(page, fault)) is not None and before is not None:
            self.holds_as_before(before)

    def holds_as_before(self, before: dict[str, list[str]]) -> None:
        """The list whose page broke the run, and those after it, are as before; and all else, if it was the first.

        Whole windows before that page may be loaded: then the ledger of the list has them.
        """
        after = content(self.warehouse, self.provider)
        broken_list, *later = Source(self.provider).tables[self.listing_asked() :]
        has_windows = before.get(broken_list.ledger, []) != after.get(broken_list.ledger, [])
        for table in later if has_windows else (broken_list, *later):
            of_list = (table.name, table.ledger, *(child.name for child in table.children))
            assert [before.get(name, []) for name in of_list] == [after.get(name, []) for name in of_list]
        assert before == after or has_windows or self.listing_asked()

    def listing_asked(self) -> int:
        """The list that was asked for last."""
        return int("/laml/" in self.served.server.requests[-1].path)

    @rule(which=WHICH)
    def a_restless_run(self, which: int) -> None:
        def meanwhile(page: int) -> None:
            if page < 3 and (young := self.young(self.now())):
                self.change(young[which % len(young)], page)

        self.run(between_pages(meanwhile))

    @rule()
    def a_quiet_run(self) -> None:
        assert self.run(lambda request, honest: honest(request)) is None
        truth = {fax["id"]: fax for fax in self.served.fake.truth()}
        assert_holds(self.warehouse, self.provider, list({**self.gone, **truth}.values()))
        assert_holds_lists(self.warehouse, self.provider, self.served.fake)
        self.known = {id: fax for id, fax in truth.items() if not fax["is_deleted"]}

    def run(self, fault: Fault) -> FaxSyncError | None:
        """One run under a fault; gives what stopped it."""
        clock = dated(self.ahead)
        with broken(self.served, fault), broken(self.served, clock):
            failure = None
            try:
                run_once(self.provider, self.settings, Time(ahead=self.ahead), Limits(retry_seconds=0))
            except FaxSyncError as error:
                failure = error
        if not failure or self.listing_asked():
            self.read_at = self.now()
        return failure


def run(provider: str, examples: int, steps: int) -> None:
    machine = type(f"History{provider}", (History,), {"provider": provider})
    profile = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        print_blob=True,
        phases=(Phase.generate,),  # to shrink a history of real runs would take an hour
    )
    run_state_machine_as_test(machine, settings=profile)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("provider", sources.providers())
def test_any_history_is_synced_to_the_truth(provider: str) -> None:
    run(provider, 4, 7)
