"""Faxes older than `[privacy] keep_days` are deleted, with all that belongs to them, and nothing brings them back."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

import sources
from sources.fakes.server import json_answer
from tests.conftest import Query, ServeFake, Settings, Sync, SyncProcess, generated
from tests.support.canaries import NAME, traces
from tests.support.environment import applied
from tests.support.faults.wire import created, error_message
from tests.support.pages import page
from tests.support.servers.postgres import Server
from tests.support.tiers import first_quick
from tests.support.warehouse.file_and_database import File

BARCODE = {"type": "CODE_128", "value": "A1"}
every_provider = pytest.mark.parametrize("provider", sources.providers())


def tables(provider: str) -> list[str]:
    """The raw tables that tell of faxes."""
    table = sources.provider(provider).TABLE
    return [table.name, *(child.name for child in table.children), "sync_problems"]


def faxes_of_ten_weeks(provider: str) -> list[dict[str, Any]]:
    """Faxes with children, some of them with a value that does not fit."""
    faxes = generated(provider, 60, days=70)
    for fax in faxes[::6]:
        fax.update(error_message(provider, ["no text"]))
        fax.update({name: [BARCODE] for name in ("barcodes", "barCodes") if name in fax})
    return faxes


def check(settings: Settings) -> int:
    """The exit code of check.py."""
    from pipelines.check import main

    with applied(settings):
        return main([])


@pytest.mark.slow
@pytest.mark.parametrize("provider", first_quick(sources.providers()))
def test_the_boundary_is_exact_to_the_second(
    provider: str, serve_fake: ServeFake, sync: Sync, settings: Settings, query: Query
) -> None:
    first = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1, seconds=60)
    times = [first + timedelta(seconds=second) for second in range(240)]
    faxes = generated(provider, len(times))
    serve_fake(provider, [fax | created(provider, at.isoformat()) for fax, at in zip(faxes, times, strict=True)])
    sync()
    settings |= {"PRIVACY__KEEP_DAYS": "1", "SYNC__HEARTBEAT_MINUTES": "0"}
    before = datetime.now(UTC).replace(microsecond=0)
    synced = sync()

    ((oldest,),) = query("select min(created_at) from fax.faxes")
    assert before <= oldest + timedelta(days=1) <= datetime.now(UTC)
    kept = [at for at in times if at >= oldest]
    assert 0 < len(kept) < len(times)
    assert query("select created_at from fax.faxes order by 1") == [(at,) for at in kept]
    assert synced.accounts[provider]["purged"] == len(times) - len(kept)


@pytest.mark.slow
@every_provider
def test_what_is_too_old_is_gone_with_all_that_belongs_to_it_and_stays_away(
    provider: str,
    serve_fake: ServeFake,
    sync: Sync,
    settings: Settings,
    query: Query,
) -> None:
    served = serve_fake(provider, faxes_of_ten_weeks(provider))
    sync()
    raw, (faxes, *children, problems) = f"fax_{provider}", tables(provider)
    before = {name: query(f"select count(*) from {raw}.{name}") for name in (faxes, *children, problems)}
    settings["PRIVACY__KEEP_DAYS"] = "30"
    synced = sync()

    kept = [fax for fax in served.fake.truth() if fax["created_at"] >= datetime.now(UTC) - timedelta(days=30)]
    assert (synced.exit_code, synced.accounts[provider]["purged"]) == (0, 60 - len(kept))
    for arguments in ((), ("--since", "2000-01-01", "--refetch"), ("--full-refresh",), ("--until", "2020-01-01")):
        assert sync(*arguments).exit_code == 0
        assert query(f"select count(*) from {raw}.{faxes}") == [(len(kept),)]
    for name in (*children, problems):
        assert (0,) < query(f"select count(*) from {raw}.{name}")[0] < before[name][0]
    for child in children:
        orphans = f"select count(*) from {raw}.{child} where _dlt_parent_id not in (select _dlt_id from {raw}.{faxes})"
        assert query(orphans) == [(0,)]
    ids = f"select cast(id as text) from {raw}.{faxes}"
    assert query(f"select count(*) from {raw}.{problems} where record_id not in ({ids})") == [(0,)]
    assert check(settings) == 0


@pytest.mark.slow
@pytest.mark.parametrize("until", [(), ("--until", "2020-01-01")], ids=str)
def test_a_backfill_of_what_is_too_old_is_told_to_read_nothing(
    until: tuple[str, ...], serve_fake: ServeFake, sync_process: SyncProcess, settings: Settings
) -> None:
    settings["PRIVACY__KEEP_DAYS"] = "30"
    serve_fake("phaxio")
    told = sync_process("--since", "2019-01-01", *until).stdout

    assert ("see [privacy] keep_days" in told, told.count("WARNING")) == (True, 1)


@pytest.mark.slow
@every_provider
def test_a_first_run_loads_nothing_that_is_too_old(
    provider: str, serve_fake: ServeFake, sync: Sync, settings: Settings, query: Query
) -> None:
    settings["PRIVACY__KEEP_DAYS"] = "30"
    served = serve_fake(provider, generated(provider, 60, days=70))
    loaded = sync().accounts[provider]["new"]

    kept = [fax for fax in served.fake.truth() if fax["created_at"] >= datetime.now(UTC) - timedelta(days=30)]
    assert query("select count(*) from fax.faxes") == [(loaded,)] == [(len(kept),)]


@pytest.mark.slow
def test_a_postgres_keeps_no_more_than_a_file(
    serve_fake: ServeFake,
    sync: Sync,
    settings: Settings,
    postgres: Server,
    database: str,
) -> None:
    served = serve_fake("phaxio", faxes_of_ten_weeks("phaxio"))
    sync()
    settings["PRIVACY__KEEP_DAYS"] = "30"
    synced = sync()
    sync("--since", "2000-01-01", "--refetch")

    kept = [fax for fax in served.fake.truth() if fax["created_at"] >= datetime.now(UTC) - timedelta(days=30)]
    assert synced.accounts["phaxio"]["purged"] == 60 - len(kept)
    assert postgres.query(database, "select count(*) from fax.faxes") == [(len(kept),)]
    orphans = "where _dlt_parent_id not in (select _dlt_id from fax_phaxio.faxes)"
    assert postgres.query(database, f"select count(*) from fax_phaxio.fax_recipients {orphans}") == [(0,)]
    assert check(settings) == 0


@pytest.mark.slow
def test_a_deleted_fax_is_in_no_table_and_in_no_byte_of_a_copy_made_as_the_page_says(
    serve_fake: ServeFake, sync: Sync, settings: Settings, warehouse: Path
) -> None:
    old, *others = generated("signalwire", 50, days=70)
    serve_fake("signalwire", [old | {"remote_station": NAME, "charge": NAME}, *others])
    sync()
    found = traces(warehouse)
    settings["PRIVACY__KEEP_DAYS"] = "30"
    sync()

    assert {"bytes", "fax_signalwire.fax_logs"} <= found
    assert traces(warehouse) <= {"bytes"}

    copying = re.search(r"```sql\n(attach .*?)```", page("privacy"), re.DOTALL)
    assert copying is not None
    File(warehouse).write(copying[1].replace("new.duckdb", str(warehouse.with_name("new.duckdb"))))
    warehouse.with_name("new.duckdb").replace(warehouse)
    assert traces(warehouse) == set()
    assert sync("--full-refresh").exit_code == 0


@pytest.mark.slow
def test_nothing_is_deleted_unless_the_provider_answers(
    serve_fake: ServeFake, sync: Sync, settings: Settings, query: Query
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 60, days=70))
    sync()
    settings["PRIVACY__KEEP_DAYS"] = "30"
    honest = served.server.answer
    served.server.answer = lambda request: json_answer({}, 503)

    assert (sync().exit_code, query("select count(*) from fax.faxes")) == (75, [(60,)])

    served.server.answer = honest
    assert sync().accounts["phaxio"]["purged"] > 0


@pytest.mark.slow
@every_provider
@pytest.mark.parametrize("date", ["400 days ago", "Mon, 01 Jan 0001 00:00:00 GMT"])
def test_a_clock_that_is_ahead_of_the_providers_deletes_nothing(
    provider: str, date: str, serve_fake: ServeFake, sync: Sync, settings: Settings, query: Query
) -> None:
    served = serve_fake(provider, generated(provider, 60, days=70))
    sync()
    settings["PRIVACY__KEEP_DAYS"] = "30"
    honest = served.server.answer
    told = date if "GMT" in date else format_datetime(datetime.now(UTC) - timedelta(days=400), usegmt=True)
    served.server.answer = lambda request: replace(honest(request), headers={"Date": told})
    sync()

    assert query("select count(*) from fax.faxes") == [(60,)]


@pytest.mark.slow
def test_more_days_bring_back_what_is_asked_for_again(
    serve_fake: ServeFake, sync: Sync, settings: Settings, query: Query
) -> None:
    serve_fake("phaxio", generated("phaxio", 60, days=70))
    sync()
    settings["PRIVACY__KEEP_DAYS"] = "30"
    sync()
    settings["PRIVACY__KEEP_DAYS"] = "0"

    assert check(settings) == 65
    sync("--since", "2000-01-01", "--refetch")
    assert (query("select count(*) from fax.faxes"), check(settings)) == ([(60,)], 0)


@pytest.mark.parametrize("days", ["-1", "inf", "nan", "1e12", "a year"])
def test_days_that_cannot_be_are_refused_before_any_request(
    days: str, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    served = serve_fake("phaxio")
    settings["PRIVACY__KEEP_DAYS"] = days
    synced = sync()

    assert (synced.exit_code, "keep_days" in synced.told, served.server.requests) == (78, True, [])


def test_files_from_which_nothing_can_be_deleted_are_refused(
    serve_fake: ServeFake, sync: Sync, settings: Settings, tmp_path: Path
) -> None:
    served = serve_fake("phaxio")
    settings |= {"DESTINATION__WAREHOUSE__DESTINATION_TYPE": "filesystem", "PRIVACY__KEEP_DAYS": "30"}
    settings["DESTINATION__WAREHOUSE__BUCKET_URL"] = (tmp_path / "lake").as_uri()
    synced = sync()

    assert (synced.exit_code, "keep_days" in synced.told, served.server.requests) == (78, True, [])
