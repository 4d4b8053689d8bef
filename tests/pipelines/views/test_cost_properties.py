"""Whatever the faxes are: no view loses a cent or counts one twice, and no view has two rows for one thing."""

import re
from collections import Counter, defaultdict
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sources
from pipelines.views.files import HERE
from pipelines.views.queries import UNIFIED
from tests.conftest import MakeWarehouse
from tests.support.cost_model import (
    Record,
    charge_of,
    dollars_of,
    phaxio_faxes,
    phaxio_rows,
    shares,
    signalwire_logs,
    signalwire_rows,
)
from tests.support.warehouse.raw_tables import READ_AT, insert, names_of_faxes, refresh, tables
from tests.support.warehouse.rows import named_rows

HEADS = {path.stem: path.read_text() for path in HERE.glob("*.sql")}
HEADS |= {name: meaning for name, (meaning, _) in UNIFIED.items() if "Grain:" in meaning}
WHOLE = ("daily_costs", "monthly_costs", "cost_by_number", "delivery_rates", "cost_per_page", "deliveries")
destinations = pytest.mark.parametrize("kind", ["duckdb", pytest.param("postgres", marks=pytest.mark.slow)])
slowly = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
briefly = settings(slowly, max_examples=3)


def grain(view: str) -> list[str]:
    """The columns that a view's head names as its key."""
    named = re.search(r"Grain: one row per ([\w, ]+)\.", HEADS[view])
    assert named is not None, f"{view} tells no grain"
    return re.split(r", | and ", named[1])


def check(warehouses: MakeWarehouse, kind: str, budget: settings) -> None:
    """Holds every law against so many warehouses."""
    warehouse = warehouses(kind)
    with warehouse.writable() as connection:

        @budget
        @given(st.lists(phaxio_faxes, max_size=12), st.lists(signalwire_logs, max_size=12))
        def laws(faxes: list[Record], logs: list[Record]) -> None:
            fill(connection, faxes, logs)
            views = {view: named_rows(connection, f"select * from fax.{view}") for view in HEADS}
            keys_are_unique(views)
            parts_sum_to_the_whole(views, faxes)
            sums_are_what_the_providers_charged(views, faxes, logs)
            every_tag_name_covers_its_months(views)
            repeats_are_those_within_their_time(views)

        laws()


@destinations
@pytest.mark.slow
def test_no_cent_is_lost_or_counted_twice(warehouses: MakeWarehouse, kind: str) -> None:
    check(warehouses, kind, slowly)


def test_no_cent_is_lost_or_counted_twice_in_a_few(warehouses: MakeWarehouse) -> None:
    check(warehouses, "duckdb", briefly)


def fill(connection: Any, faxes: list[Record], logs: list[Record]) -> None:
    """Has the raw tables hold these and nothing else."""
    for provider, filled in (("phaxio", phaxio_rows(faxes)), ("signalwire", signalwire_rows(logs))):
        for name in names_of_faxes(provider):
            connection.execute(f"delete from fax_{provider}.{name}")
        by_table: dict[str, list[Record]] = defaultdict(list)
        for name, row in filled:
            by_table[name].append(row)
        for name, held in by_table.items():
            insert(connection, f"fax_{provider}.{name}", held)


def keys_are_unique(views: dict[str, list[Record]]) -> None:
    for view, held in views.items():
        counted = Counter(tuple(row[name] for name in grain(view)) for row in held)
        assert {key: count for key, count in counted.items() if count > 1} == {}, view


def parts_sum_to_the_whole(views: dict[str, list[Record]], faxes: list[Record]) -> None:
    """The parts are those of the model; of an unknown cost, all are unknown."""
    held: dict[int, list[Decimal]] = defaultdict(list)
    unknown: dict[int, set[bool]] = defaultdict(set)
    for row in sorted(views["fax_recipients"], key=lambda row: (row["fax_id"], row["position"])):
        if row["provider"] == "phaxio":
            held[int(row["fax_id"])].append(row["cost_usd"] or Decimal(0))
            unknown[int(row["fax_id"])].add(row["cost_usd"] is None)
    for id, fax in enumerate(faxes):
        assert held[id] == shares(fax)
        assert unknown[id] == {dollars_of(fax) is None}
        assert sum(held[id]) == (dollars_of(fax) or 0)
        assert min(held[id]) >= 0 or (dollars_of(fax) or 0) < 0


def sums_are_what_the_providers_charged(
    views: dict[str, list[Record]], faxes: list[Record], logs: list[Record]
) -> None:
    everything = sum((dollars_of(fax) or Decimal(0) for fax in faxes), Decimal(0))
    tested = sum((dollars_of(fax) or Decimal(0) for fax in faxes if fax["is_test"]), Decimal(0))
    charged = sum(map(charge_of, logs), Decimal(0))

    assert total(views["faxes"]) == total(views["fax_recipients"]) == everything + charged
    assert {view: total(views[view]) for view in WHOLE} == dict.fromkeys(WHOLE, everything - tested + charged)
    counting = [row for row in views["fax_recipients"] if not row["is_test"]]
    assert total(views["retries"]) == total(row for row in counting if row["direction"] == "sent")
    assert total(views["delivery_failures"]) == total(row for row in counting if row["outcome"] == "failed")
    still_open = [row for row in views["faxes"] if not row["is_test"] and not row["is_final"]]
    assert total(views["open_faxes"]) == total(still_open)
    for view in ("daily_costs", "monthly_costs"):
        assert sum(row["open_faxes"] for row in views[view]) == len(still_open)
    this_month = [row for row in views["monthly_costs"] if row["month"] == READ_AT.date().replace(day=1)]
    assert total(views["month_to_date"]) == total(row for row in this_month if row["account"] == "default")


def every_tag_name_covers_its_months(views: dict[str, list[Record]]) -> None:
    by_name: dict[tuple[Any, Any], list[Record]] = defaultdict(list)
    for row in views["cost_by_tag"]:
        by_name[row["month"], row["name"]].append(row)
    for (month, name), held in by_name.items():
        in_month = [row for row in views["monthly_costs"] if row["month"] == month]
        if name is not None:
            assert total(held) == total(in_month)
            assert sum(row["faxes"] for row in held) == sum(row["faxes"] for row in in_month)
    carrying = {(row["provider"], row["account"], row["fax_id"]) for row in views["fax_tags"]}
    bare = [
        row
        for row in views["faxes"]
        if not row["is_test"] and (row["provider"], row["account"], row["id"]) not in carrying
    ]
    assert total(row for row in views["cost_by_tag"] if row["name"] is None) == total(bare)


def repeats_are_those_within_their_time(views: dict[str, list[Record]]) -> None:
    sent = [row for row in views["deliveries"] if row["direction"] == "sent" and row["other_number"] is not None]
    told = [row for row in views["faxes"] if row["direction"] == "sent" and row["to_number"] and not row["is_test"]]
    single = [row | {"fax_id": row["id"], "position": 0} for row in told]
    held = {key(row): (row["earlier"], row["later"]) for row in views["repeated_sends"]}
    expected = {key(row): (near(row, single, -1), near(row, single, 1)) for row in single}
    assert held == {id: counts for id, counts in expected.items() if counts != (0, 0)}

    carried: dict[Any, set[Any]] = defaultdict(set)
    for tag in views["fax_tags"]:
        carried[tag["provider"], tag["account"], tag["fax_id"]].add((tag["name"], tag["value"] or ""))
    alike: dict[Any, list[Record]] = defaultdict(list)
    for row in sent:
        fax = (row["provider"], row["account"], row["fax_id"])
        alike[(*fax[:2], row["other_number"], row["pages"], frozenset(carried[fax]))].append(row)
    doubled = set()
    for group in alike.values():
        ordered = sorted(group, key=lambda row: (row["created_at"], row["fax_id"], row["position"]))
        for before, row in pairwise(ordered):
            if row["created_at"] - before["created_at"] <= timedelta(minutes=10):
                doubled.add((*key(row), before["fax_id"]))
    assert {(*key(row), row["earlier_fax_id"]) for row in views["duplicate_sends"]} == doubled


def near(row: Record, others: list[Record], sign: int) -> int:
    """How many of the same pair were created in the 30 minutes before (-1) or after (1) this one."""
    pair = ("provider", "account", "from_number", "to_number")
    same = [other for other in others if all(other[name] == row[name] for name in pair)]
    apart = [(other["created_at"] - row["created_at"]) * sign for other in same]
    return sum(timedelta(0) < gap <= timedelta(minutes=30) for gap in apart)


def key(row: Record) -> tuple[Any, ...]:
    return row["provider"], row["account"], row["fax_id"], row["position"]


def total(held: Any) -> Decimal:
    return sum((row["cost_usd"] or Decimal(0) for row in held), Decimal(0))


@pytest.mark.slow
@destinations
@pytest.mark.parametrize("providers", [(), *((name,) for name in sources.providers()), tuple(sources.providers())])
def test_every_view_runs_without_a_fax(warehouses: MakeWarehouse, kind: str, providers: tuple[str, ...]) -> None:
    warehouse = warehouses(kind, providers)

    held = {view: named_rows(warehouse, f"select * from fax.{view}") for view in HEADS}
    assert {view for view, found in held.items() if found} == ({"month_to_date"} if providers else set())


@pytest.mark.slow
@destinations
def test_every_view_runs_after_new_raw_columns(warehouses: MakeWarehouse, kind: str) -> None:
    warehouse = warehouses(kind, tuple(sources.providers()))
    with warehouse.writable() as connection:
        for provider in sources.providers():
            for name, _ in tables(provider):
                for column in ("month", "value", "cost_usd", "position_2", "is_test_2"):
                    connection.execute(f"alter table fax_{provider}.{name} add column if not exists {column} text")
    refresh(warehouse.settings())

    assert all(named_rows(warehouse, f"select * from fax.{view}") == [] for view in HEADS.keys() - {"month_to_date"})
