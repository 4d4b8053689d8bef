"""The views: one row per grain, money that sums to the raw sum, a meaning for every column."""

import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest

import sources
from pipelines.views.queries import UNIFIED, questions
from sources.records import fax
from tests.benchmark import views as benchmark_views
from tests.conftest import MakeWarehouse, Query, ServeFake, Sync, generated
from tests.support.commands.made_files import sync_once
from tests.support.environment import child_environment
from tests.support.tiers import first_quick
from tests.support.warehouse.file_and_database import File
from tests.support.warehouse.rows import rows

GRAINS = {
    "faxes": "provider, account, id",
    "fax_recipients": "provider, account, fax_id, position",
    "fax_tags": "provider, account, fax_id, name",
    "monthly_costs": "month, provider, account, direction",
    "sync_windows": "provider, account, run_id, from_at",
}
DECLARED = {"faxes": fax.FAXES, "fax_recipients": fax.FAX_RECIPIENTS, "fax_tags": fax.FAX_TAGS}
OUTCOMES = {"delivered", "failed", "partial", "open", "unknown"}
DIRECTIONS = {"sent", "received", None}
SQL_TYPES = {
    "text": "VARCHAR",
    "bigint": "BIGINT",
    "bool": "BOOLEAN",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "decimal": "DECIMAL(18,6)",
}
VIEWS = "select view_name, view_oid from duckdb_views() where schema_name = 'fax' order by all"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Query:
    """Every provider with some faxes, one of them received with recipients of its own, one a test that cost."""
    file = tmp_path_factory.mktemp("filled") / "warehouse.duckdb"
    records = {name: generated(name, 150, days=200) for name in sources.providers()}
    received = next(record for record in records["phaxio"] if record["direction"] == "received")
    calls = [{"phone_number": "+12025550100", "status": "success"}]
    received.update(recipients=calls, is_test=True, cost=70)
    sync_once(file, records)
    return partial(rows, file)


def test_every_view_has_one_row_per_grain(filled: Query) -> None:
    doubled = {
        view: filled(f"select {key}, count(*) from fax.{view} group by all having count(*) > 1")
        for view, key in GRAINS.items()
    }

    assert doubled == {view: [] for view in GRAINS}


def test_monthly_costs_sum_to_what_the_providers_charge(filled: Query) -> None:
    cents = filled("select sum(cost) from fax_phaxio.faxes where not is_test")[0][0]
    dollars = filled("select sum(charge) from fax_signalwire.fax_logs")[0][0]
    price = "sum(price_amount) filter (price_currency = 'USD')"
    price = filled(f"select {price} from fax_sinch.faxes where \"to\" <> '+19898989898'")[0][0]
    test_cents = filled("select count(*) from fax_phaxio.faxes where is_test and cost > 0")[0][0]

    assert filled("select provider, sum(cost_usd) from fax.monthly_costs group by all order by all") == [
        ("phaxio", cents / Decimal(100)),
        ("signalwire", dollars),
        ("sinch", price),
    ]
    assert filled("select sum(faxes), sum(pages) from fax.monthly_costs") == filled(
        "select count(*), sum(num_pages) from fax.faxes where not is_test"
    )
    assert test_cents > 0


def test_the_unified_views_are_as_declared(filled: Query) -> None:
    for view, columns in DECLARED.items():
        sql = "select column_name, data_type from duckdb_columns() where schema_name = 'fax' and table_name = ?"

        assert filled(f"{sql} order by column_index", view) == [
            (column.name, SQL_TYPES[column.data_type]) for column in columns
        ]


def test_postgresql_computes_only_the_columns_that_a_query_reads(warehouses: MakeWarehouse) -> None:
    made = warehouses("postgres", tuple(sources.providers()))
    with made.opened() as connection:
        for view in UNIFIED:
            (((plan,),),) = connection.execute(f"explain (format json) select count(*) from fax.{view}").fetchall()

            assert widest_union(plan["Plan"]) < 100, f"{view} computes columns that are not read"  # all: 160 and more


def widest_union(plan: Any) -> int:
    """The most bytes that a row of a union in a plan has, as PostgreSQL estimates them."""
    own = plan["Plan Width"] if plan["Node Type"] == "Append" else 0
    return max([own, *(widest_union(inner) for inner in plan.get("Plans", ()))])


@pytest.mark.parametrize("filters", ["true", "direction = 'sent' and outcome = 'delivered' and month = '2026-03-01'"])
def test_postgresql_runs_no_query_again_for_each_fax(warehouses: MakeWarehouse, filters: str) -> None:
    made = warehouses("postgres", ("phaxio", "signalwire"))
    explained = f"explain (format json) select sum(cost_usd), max(day) from fax.deliveries where {filters}"
    with made.opened() as connection:
        (((plan,),),) = connection.execute(explained).fetchall()

    assert [*run_for_each_row(plan["Plan"])] == []


@pytest.mark.parametrize("joins", [True, False])
def test_no_view_joins_the_calendar_where_each_instant_is_converted(joins: bool) -> None:
    views, _ = questions("fax", "UTC", joins_calendar=joins)

    assert any("calendar.quarter" in view.query for view in views) is joins


def run_for_each_row(plan: Any, is_inner: bool = False) -> Iterator[str]:
    """What a plan computes again for each row of another: groups, windows, and the quarters of the calendar."""
    is_loop = plan["Node Type"] == "Nested Loop"
    if is_inner and plan["Node Type"] in {"Aggregate", "Unique", "WindowAgg"}:
        yield plan["Node Type"]
    if is_loop and "900" in plan.get("Join Filter", ""):
        yield "calendar"
    for inner in plan.get("Plans", ()):
        yield from run_for_each_row(inner, is_inner or (is_loop and inner["Parent Relationship"] == "Inner"))


def test_outcomes_and_directions_are_of_the_closed_sets(filled: Query) -> None:
    outcomes = {outcome for (outcome,) in filled("select distinct outcome from fax.faxes")}
    outcomes |= {outcome for (outcome,) in filled("select distinct outcome from fax.fax_recipients")}
    directions = {direction for (direction,) in filled("select distinct direction from fax.faxes")}

    assert (set(), set()) == (outcomes - OUTCOMES, directions - DIRECTIONS)
    assert len(outcomes) > 3


@pytest.mark.slow
def test_views_are_made_again_only_when_their_text_has_changed(
    serve_fake: ServeFake, sync: Sync, query: Query, warehouse: Path
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 5))
    note = "select comment from duckdb_columns() where table_name = 'monthly_costs' and column_name = 'month'"
    sync()
    File(warehouse).write("comment on column fax.monthly_costs.month is 'lost when the view is made again'")
    served.fake.add(*generated("phaxio", 5, days=1, first_id=900_000_000))
    sync()

    assert query(note) == [("lost when the view is made again",)]

    File(warehouse).write("create or replace view fax.monthly_costs as select 1 as month")
    sync()

    assert query("select sum(faxes) > 0 from fax.monthly_costs") == [(True,)]


@pytest.mark.slow
def test_a_view_of_somebody_else_on_ours_survives_a_remake(
    serve_fake: ServeFake, sync: Sync, query: Query, warehouse: Path
) -> None:
    serve_fake("phaxio", generated("phaxio", 5))
    sync()
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create view main.mine as select count(*) as n from fax.faxes")
        connection.execute("comment on view fax.faxes is 'an older text'")

    assert sync().exit_code == 0
    assert query("select n from main.mine") == [(5,)]


@pytest.mark.slow
@pytest.mark.parametrize("provider", first_quick(sources.providers()))
def test_one_configured_provider_is_enough_for_every_view(
    provider: str, serve_fake: ServeFake, sync: Sync, query: Query
) -> None:
    serve_fake(provider, generated(provider, 20))

    assert sync().exit_code == 0
    assert query("select distinct provider from fax.faxes") == [(provider,)]
    assert {name for name, _ in query(VIEWS)} >= GRAINS.keys()
    assert all(query(f"select count(*) from fax.{view}") for view in GRAINS)


@pytest.mark.slow
def test_millions_of_deliveries_are_read_row_by_row(tmp_path: Path) -> None:
    file = benchmark_views.filled(tmp_path / "warehouse.duckdb", 2_000_000)
    read = (
        "import duckdb, sys; connection = duckdb.connect(sys.argv[1], read_only=True)\n"
        "connection.execute('set enable_progress_bar = false')\n"  # it would be printed on a busy machine
        "print(len(connection.execute('select * from fax.fax_recipients').fetchmany(10)))"
    )
    command = [sys.executable, "-c", read, str(file.path)]
    # DuckDB waits for ever if the branch of the union with window functions comes last.
    ended = subprocess.run(command, env=child_environment(), capture_output=True, text=True, check=True, timeout=90)

    assert ended.stdout == "10\n"


def test_a_table_of_a_users_with_the_name_of_a_view_is_told(serve_fake: ServeFake, sync: Sync, warehouse: Path) -> None:
    serve_fake("phaxio", generated("phaxio", 2, days=2))
    File(warehouse).write("create schema fax; create table fax.faxes as select 1 as theirs")
    synced = sync()

    assert (synced.exit_code, "has the name of the view, rename it" in synced.told) == (69, True), synced.told
    assert rows(warehouse, "select theirs from fax.faxes") == [(1,)]
