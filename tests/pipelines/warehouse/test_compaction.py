"""The ledger and dlt's tables stay small, and what they prove stays proven."""

import signal
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipelines.warehouse.ledger_compaction import KEPT, redundant
from sources.load.stored import LedgerRow
from sources.window import Window
from tests.conftest import Served, ServeFake, Settings, Sync, generated
from tests.support.commands.check_command import Check
from tests.support.commands.process import started
from tests.support.warehouse.aged import age
from tests.support.warehouse.file_and_database import Warehouse
from tests.support.warehouse.rows import rows

DAYS = 12
MADE = DAYS * 288 + 1
COMMITTED = """
    select (select count(*) from fax_phaxio.{0}), (select count(*) from fax_phaxio.{0} where _dlt_load_id in
    (select load_id from fax_phaxio._dlt_loads))
"""
NOW = datetime(2026, 3, 15, tzinfo=UTC)


@pytest.fixture
def served_aged(place: Warehouse, serve_fake: ServeFake, sync: Sync) -> Served:
    """An account that was read every five minutes until yesterday, and has a new fax since."""
    served = serve_fake("phaxio", generated("phaxio", 3, days=0.01))
    assert sync().exit_code == 0
    age(place, DAYS, ago=1)
    served.fake.add(*generated("phaxio", 1, days=0.001, seed=2, first_id=900_000_001))
    return served


def proven(windows: Iterable[tuple[datetime, datetime]]) -> list[list[datetime]]:
    """The union of the windows, as spans."""
    spans: list[list[datetime]] = []
    for start, end in sorted(windows):
        if spans and start <= spans[-1][1]:
            spans[-1][1] = max(end, spans[-1][1])
        else:
            spans.append([start, end])
    return spans


def ledger(place: Warehouse, where: str = "true") -> list[Any]:
    return rows(place, f"select from_at, to_at from fax_phaxio.sync_windows where {where}")


@pytest.mark.slow
@pytest.mark.usefixtures("served_aged")
def test_what_a_clock_ahead_has_walked_neither_keeps_the_ledger_long_nor_makes_proofs_redundant(
    place: Warehouse, sync: Sync
) -> None:
    place.write(
        "update fax_phaxio.sync_windows set from_at = from_at - interval '90 days', to_at = to_at + interval '9 years',"
        " finished_at = finished_at + interval '9 years' where _dlt_id = 'aged-100'"
    )
    before = proven(ledger(place, "finished_at <= now()"))
    assert sync().exit_code == 0

    assert proven(ledger(place, "finished_at <= now() and _dlt_id like 'aged-%'")) == before
    assert 6 * 288 < len(ledger(place)) < 8 * 288


@pytest.mark.slow
@pytest.mark.usefixtures("served_aged")
def test_a_window_that_ends_in_the_future_makes_no_proof_redundant(place: Warehouse, sync: Sync) -> None:
    place.write(
        "update fax_phaxio.sync_windows set finished_at = now() - interval '30 days';"
        "update fax_phaxio.sync_windows set from_at = from_at - interval '9 years', to_at = now() + interval '60 days'"
        " where _dlt_id = 'aged-100'"
    )
    before = proven(ledger(place, "to_at <= now()"))
    assert sync().exit_code == 0

    assert proven(ledger(place, "to_at <= now() and _dlt_id like 'aged-%'")) == before


@pytest.mark.slow
@pytest.mark.usefixtures("served_aged")
def test_the_first_load_of_a_day_folds_the_ledger_and_what_it_proved_stays_proven(
    place: Warehouse, sync: Sync, check: Check
) -> None:
    place.write(
        "update fax_phaxio.sync_windows set proof = 'unproven' where _dlt_id in ('aged-100', 'aged-101');"
        "update fax_phaxio.sync_windows set proof = 'gap' where _dlt_id = 'aged-102'"
    )
    before = proven(ledger(place, "proof = 'counted'"))
    faxes = rows(place, "select count(*) from fax.faxes")
    assert sync().exit_code == 0

    assert before == proven(ledger(place, "proof = 'counted' and _dlt_id like 'aged-%'"))
    assert rows(place, "select proof from fax_phaxio.sync_windows where proof <> 'counted' order by 1") == [
        ("gap",), ("unproven",), ("unproven",)
    ]  # fmt: skip
    assert 6 * 288 < len(ledger(place)) < 8 * 288
    assert rows(place, "select count(*) < 8 * 288 from fax_phaxio._dlt_pipeline_state") == [(True,)]
    for table in ("faxes", "sync_windows", "_dlt_pipeline_state"):
        ((all_rows, committed),) = rows(place, COMMITTED.format(table))
        assert all_rows == committed, table
    assert rows(place, "select count(*) from fax.faxes") == [(faxes[0][0] + 1,)]
    _, told = check()
    assert [finding for finding in told["phaxio"]["findings"] if "counts" not in finding] == []


@pytest.mark.slow
@pytest.mark.usefixtures("served_aged")
def test_loads_that_nothing_refers_to_are_folded_and_no_others(place: Warehouse, sync: Sync) -> None:
    for table in ("faxes", "fax_recipients"):
        place.write(
            f"delete from fax_phaxio.{table} where _dlt_load_id in"
            " (select _dlt_load_id from fax_phaxio.sync_windows where _dlt_id in ('aged-500', 'aged-501'))"
        )
    place.write("create table fax_phaxio.theirs as select _dlt_load_id from fax_phaxio.sync_windows "
                "where _dlt_id = 'aged-501'")  # fmt: skip
    assert sync().exit_code == 0
    sql = (
        "select load_id from fax_phaxio._dlt_loads where inserted_at in"
        " (select finished_at from fax_phaxio.sync_runs where run_id = '{}')"
    )

    assert rows(place, sql.format("aged-500")) == []
    assert len(rows(place, sql.format("aged-501"))) == 1


@pytest.mark.slow
def test_a_day_folds_once(place: Warehouse, served_aged: Served, sync: Sync) -> None:
    assert sync().exit_code == 0
    place.write(
        "insert into fax_phaxio.sync_windows"
        " (account, from_at, to_at, proof, run_id, finished_at, _dlt_load_id, _dlt_id)"
        " select account, from_at, to_at, proof, run_id, finished_at, _dlt_load_id, 'again-' || number"
        " from fax_phaxio.sync_windows"
        " cross join (select generate_series as number from generate_series(1, 9)) as copies"
        " where _dlt_id = 'aged-0'"
    )
    copies = "select count(*) from fax_phaxio.sync_windows where _dlt_id like 'again-%'"
    for number in (2, 3):
        assert rows(place, copies) == [(9,)]
        served_aged.fake.add(*generated("phaxio", 1, days=0.0001, seed=number, first_id=900_000_000 + number))
        assert sync().accounts["phaxio"]["new"] == 1
    place.write(
        "update fax_phaxio.sync_windows set finished_at = finished_at - interval '1 day'"
        " where _dlt_id not like 'aged-%' and _dlt_id not like 'again-%'"
    )
    assert sync().accounts["phaxio"]["new"] == 0
    assert rows(place, copies) == [(9,)], "a quiet run writes nothing"
    served_aged.fake.add(*generated("phaxio", 1, days=0.0001, seed=4, first_id=900_000_004))
    assert sync().accounts["phaxio"]["new"] == 1

    assert rows(place, copies)[0][0] <= 1


@pytest.mark.slow
@pytest.mark.usefixtures("served_aged")
def test_a_run_killed_while_it_folds_leaves_all_of_it_or_nothing(
    place: Warehouse, settings: Settings, tmp_path: Path, sync: Sync
) -> None:
    before = proven(ledger(place))
    counted = len(ledger(place))
    with started(settings, tmp_path / "scratch") as process:
        process.wait_for(lambda: process.has("*/load/loaded/*"))
        process.end(signal.SIGKILL)
    assert place.is_there()
    left = len(ledger(place, "_dlt_id like 'aged-%'"))
    states = rows(place, "select count(*) from fax_phaxio._dlt_pipeline_state where _dlt_id like 'aged-%'")[0][0]

    assert (left, states) == (counted, counted) or (left < 8 * 288 and states < 8 * 288)
    assert proven(ledger(place, "_dlt_id like 'aged-%'")) == before
    assert sync().exit_code == 0


minutes = st.integers(0, 20 * 24 * 60)


def proof_of(number: int, drawn: tuple[int, int, int, str]) -> LedgerRow:
    start, ago, length, kind = drawn
    window = Window(NOW - timedelta(minutes=start + length), NOW - timedelta(minutes=start))
    return LedgerRow(str(number), window, kind, NOW - timedelta(minutes=ago))


@given(st.lists(st.tuples(minutes, minutes, st.integers(1, 5000), st.sampled_from(["counted", "walked"]))))
@example([(20_000, 20_000, 300, "counted"), (20_000, 20_000, 300, "counted")])
@hypothesis_settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_what_is_redundant_proves_nothing_that_the_rest_does_not(rows: list[tuple[int, int, int, str]]) -> None:
    settled, drawn = NOW - KEPT, [proof_of(number, row) for number, row in enumerate(rows)]
    redundant_ids = set(redundant(drawn, settled))
    kept = [proof for proof in drawn if proof.id not in redundant_ids]

    assert all(proof.at < settled for proof in drawn if proof.id in redundant_ids)
    for kind in ("counted", "walked"):
        spans, left = (
            proven((proof.window.start, proof.window.end) for proof in some if proof.kind == kind)
            for some in (drawn, kept)
        )
        assert spans == left
        for day in {proof.at.date() for proof in drawn if proof.kind == kind}:
            assert max(proof.at for proof in drawn if proof.kind == kind and proof.at.date() == day) in {
                proof.at for proof in kept if proof.kind == kind
            }


def test_of_a_day_of_look_backs_one_is_kept() -> None:
    day = NOW - timedelta(days=30)
    walked = [
        LedgerRow(str(number), Window(end - timedelta(days=3, minutes=5), end), "counted", end)
        for number in range(288 * 4)
        for end in [day + number * timedelta(minutes=5)]
    ]

    assert len(walked) - len(redundant(walked, NOW - KEPT)) <= 4 + 3
