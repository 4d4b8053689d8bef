"""Days and months are those of the time zone that is set, also when its clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from pipelines.config.settings import time_zone
from tests.conftest import MakeWarehouse, Query, ServeFake, Settings, Sync, generated
from tests.support.warehouse.file_and_database import KINDS
from tests.support.warehouse.raw_tables import insert, refresh
from tests.support.warehouse.rows import named_rows

# Chicago, west; Kathmandu, three quarters off; Lord Howe moves by half an hour; Apia, Auckland: east of everybody.
# St John's, half an hour and west; Chatham, three quarters and moving; Dublin moves its
# winter; Etc/GMT+12 has its sign the other way round; EST5EDT has no place; the last four are abbreviations too.
ZONES = (
    *("UTC", "America/Chicago", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Auckland"),
    *("America/St_Johns", "Pacific/Chatham", "Europe/Dublin", "Etc/GMT+12", "EST5EDT"),
    *("CET", "MET", "EET", "WET"),
)
# Their rules changed in 2026; Casablanca moved with Ramadan before. DuckDB 1.5.6 lacks the change of Winnipeg, and
# tzdata 2025b of Debian all three; a PostgreSQL server may have either.
CHANGED = ("Africa/Casablanca", "America/Vancouver", "America/Winnipeg")


def changes(zone: ZoneInfo) -> list[datetime]:
    """The quarters of the day around each change in 2026, new year and a day of December, and a second before each."""
    hours = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number) for number in range(365 * 24)]
    offsets = [hour.astimezone(zone).utcoffset() for hour in hours]
    moved = [hour for hour, before, now in zip(hours[1:], offsets, offsets[1:], strict=False) if before != now]
    quarters = [
        hour + timedelta(minutes=15 * number) for hour in (hours[0], hours[-400], *moved) for number in range(-60, 60)
    ]
    return [quarter + timedelta(seconds=beside) for quarter in quarters for beside in (-1, 0)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "zone"), [*((kind, zone) for kind in KINDS for zone in ZONES), *(("duckdb", zone) for zone in CHANGED)]
)
def test_a_fax_counts_on_the_day_that_its_clock_showed(warehouses: MakeWarehouse, kind: str, zone: str) -> None:
    warehouse = warehouses(kind)
    instants = sorted(set(changes(time_zone(zone))))
    with warehouse.writable() as connection:
        faxes = [{"account": "default", "id": id, "created_at": instant} for id, instant in enumerate(instants)]
        insert(connection, "fax_phaxio.faxes", faxes)
    refresh(warehouse.settings(), zone)

    held = {row["created_at"].astimezone(UTC): row for row in named_rows(warehouse, "select * from fax.deliveries")}
    days = named_rows(warehouse, "select day, sum(faxes) as faxes from fax.daily_costs group by day")
    expected = {instant: instant.astimezone(time_zone(zone)).date() for instant in instants}
    assert {instant: row["day"] for instant, row in held.items()} == expected
    assert {instant: row["month"] for instant, row in held.items()} == {
        instant: day.replace(day=1) for instant, day in expected.items()
    }
    assert {row["day"]: row["faxes"] for row in days} == {
        day: list(expected.values()).count(day) for day in expected.values()
    }


@pytest.mark.slow
def test_another_time_zone_makes_the_views_again(
    serve_fake: ServeFake, sync: Sync, settings: Settings, query: Query
) -> None:
    serve_fake("phaxio", [generated("phaxio", 1)[0] | {"created_at": "2026-03-01T05:30:00Z", "is_test": False}])
    days = []
    for zone in ("UTC", "America/Chicago"):
        settings["REPORT__TIMEZONE"] = zone
        sync("--since", "2026-02-01", "--until", "2026-04-01")
        days += query("select cast(day as text), cast(month as text) from fax.calendar")

    assert days == [("2026-03-01", "2026-03-01"), ("2026-02-28", "2026-02-01")]
