"""Any history at all: after a run that nothing disturbs, what is held is what the provider holds."""

from dataclasses import replace
from datetime import datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from sources.errors import ContractError, ProviderDown
from sources.window import SECOND, Window
from tests.support.faults import model
from tests.support.faults.model import BEGIN, LOOK_BACK, Held, Provider, sync

HEEDED = st.sampled_from([(True, True), (True, True), (False, False), (False, True), (True, False)])
HOURS = st.integers(min_value=0, max_value=200)
SECONDS = st.integers(min_value=0, max_value=3 * 86_400)
EVENT = st.tuples(st.integers(1, 6), st.sampled_from(["add", "change", "delete"]), st.integers(0, 99))
EVENTS = st.lists(EVENT, max_size=5)


class Walking(RuleBasedStateMachine):
    """The walker and the plan, without dlt and HTTP: an account under every reading of the documentation."""

    @initialize(counts=st.booleans(), inclusive=st.booleans(), dates=st.booleans(), newest=st.booleans(), heeded=HEEDED)
    def begin(self, counts: bool, inclusive: bool, dates: bool, newest: bool, heeded: tuple[bool, bool]) -> None:
        self.provider = Provider(counts, inclusive, dates, newest, *heeded)
        self.held, self.now, self.births, self.running = Held(), BEGIN, 0, False
        self.gone: dict[int, int] = {}

    def settled_before(self) -> datetime:
        """What was created before this has been read for good: too old to change, or to appear, any more."""
        last = self.now if self.running else self.held.read_at
        return (last or BEGIN - timedelta(days=26)) - LOOK_BACK + 2 * SECOND

    def add(self, ago: int) -> None:
        self.add_at(self.now - ago * SECOND)

    def add_at(self, at: datetime) -> None:
        if self.settled_before() <= at <= self.now and self.provider.has_room(at):
            self.births += 1
            self.provider.faxes[self.births] = (at, 0)

    def young(self) -> list[int]:
        return [id for id, (at, _) in self.provider.faxes.items() if at >= self.settled_before()]

    def change(self, which: int) -> None:
        if young := self.young():
            id = young[which % len(young)]
            at, version = self.provider.faxes[id]
            self.provider.faxes[id] = (at, version + 1)

    def delete(self, which: int) -> None:
        if young := self.young():
            id = young[which % len(young)]
            self.gone[id] = self.provider.faxes.pop(id)[1]

    @rule(count=st.integers(1, 12), ago=SECONDS)
    def arrive(self, count: int, ago: int) -> None:
        for _ in range(count):
            self.add(ago)

    @rule(agos=st.lists(SECONDS, min_size=1, max_size=14))
    def arrive_apart(self, agos: list[int]) -> None:
        for ago in agos:
            self.add(ago)

    @rule(number=st.integers(1, 8))
    def arrive_on_an_edge(self, number: int) -> None:
        self.add_at(model.HORIZON.start + number * model.WIDEST / 2)

    @rule(which=st.integers(0, 99))
    def one_changes(self, which: int) -> None:
        self.change(which)

    @rule(which=st.integers(0, 99))
    def one_is_deleted(self, which: int) -> None:
        self.delete(which)

    @rule(hours=HOURS)
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours, seconds=17)

    @rule(events=EVENTS)
    def a_restless_run(self, events: list[tuple[int, str, int]]) -> None:
        first = self.provider.pages

        def between(page: int) -> None:
            for when, what, which in events:
                if when == page - first:
                    {"add": self.add, "change": self.change, "delete": self.delete}[what](which)

        self.provider.between, self.running = between, True
        try:
            sync(self.provider, self.held, self.now)
        except ContractError:
            pass  # as many arrived as a page holds, so that it came again
        finally:
            self.provider.between, self.running = lambda page: None, False

    @rule(page=st.integers(1, 8))
    def a_run_that_breaks(self, page: int) -> None:
        self.provider.breaks_at = self.provider.pages + page
        try:
            sync(self.provider, self.held, self.now)
        except ProviderDown:
            pass
        finally:
            self.provider.breaks_at = None

    @rule(windows=st.integers(1, 4))
    def a_run_that_is_killed(self, windows: int) -> None:
        sync(self.provider, self.held, self.now, stop_after=windows)

    @rule()
    def a_quiet_run(self) -> None:
        self.now += SECOND
        proofs = sync(self.provider, self.held, self.now)
        live = {id: version for id, (_, version) in self.provider.faxes.items()}
        held = {id: version for id, version in self.held.faxes.items() if id not in self.gone}

        assert live == held
        assert "unproven" not in proofs

    def teardown(self) -> None:
        if hasattr(self, "provider"):
            self.a_quiet_run()


def run(examples: int, steps: int, anew: bool = False, shrunk: bool = True) -> None:
    """So many histories; the same ones every time, unless `anew`."""
    profile = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=not anew,
        suppress_health_check=list(HealthCheck),
        database=None,
        print_blob=True,
        phases=tuple(Phase) if shrunk else (Phase.generate,),
    )
    run_state_machine_as_test(Walking, settings=profile)


def test_any_short_history_is_walked_to_the_truth() -> None:
    run(200, 10)


@pytest.mark.slow
def test_any_history_is_walked_to_the_truth(pytestconfig: pytest.Config) -> None:
    run(1_500 if pytestconfig.option.every_case else 500, 25, anew=True)


SABOTAGE = {
    "no look-back": (model, "HORIZON", replace(model.HORIZON, lookback=timedelta())),
    "exclusive edges": (Window, "contains_each", lambda window, all: [window.start < one < window.end for one in all]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SABOTAGE)
def test_a_history_is_found_that_breaks_a_walk_without_a_safeguard(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*SABOTAGE[name])
    with pytest.raises((AssertionError, ExceptionGroup)):
        run(2_000, 10, shrunk=False)
