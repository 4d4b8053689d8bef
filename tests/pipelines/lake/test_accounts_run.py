"""A run into Delta tables, its tasks in this process: the same rows as the sync's, whatever comes in between."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import sources
from sources.errors import ConfigError
from sources.fakes.server import json_answer
from tests.conftest import ServeFake, Settings, Sync, generated
from tests.support.environment import applied
from tests.support.every_list import EVERY_LIST
from tests.support.faults.wire import cost, created
from tests.support.lake import MISSING, differences, options, rows, run_in_process, versions
from tests.support.tiers import first_quick

pytest.importorskip("deltalake", reason=MISSING)
RunLake = Callable[..., dict[str, dict[str, Any]]]
SUMMARY = ("new", "changed", "unchanged", "deleted", "rows", "problems", "new_columns", "warnings", "requests")
every_provider = pytest.mark.parametrize("provider", first_quick(sources.providers()))


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def run_lake(settings: Settings, lake: Path) -> RunLake:
    """Runs all accounts into the lake, with the settings as the environment of driver and executors."""

    def run(**asked: Any) -> dict[str, dict[str, Any]]:
        with applied(settings):
            return run_in_process(lake, **asked)

    return run


FEWER_CHILDREN: dict[str, dict[str, Any]] = {
    "phaxio": {"tags": {"k": "v"}},
    "signalwire": {"charge_details": []},
    "sinch": {"labels": {"k": "v"}},
}


def live(provider: str, fake: Any) -> None:
    """Faxes of the look-back change, lose children, are deleted and get fields that nobody declared; some are new."""
    ids = [*fake.records][-30:]
    for number, id in enumerate(ids[:12]):
        fake.change(
            id, **cost(provider, 7) | {"Brand New": number + (0.5 if number % 2 else 0), "odd": {"a": [number]}}
        )
    for id in ids[12:16]:
        fake.change(id, **FEWER_CHILDREN[provider])
    final = [id for id in ids if id not in fake.open_ids()]
    for id in final[-3:] if provider == "signalwire" else ():
        fake.delete(id)
    own = {"first_id": 700_000_000} if provider == "phaxio" else {}
    fake.add(*generated(provider, 25, days=1, seed=9, **own))


@pytest.mark.slow
@every_provider
def test_a_lake_holds_what_the_sync_loads(
    provider: str, serve_fake: ServeFake, sync: Sync, run_lake: RunLake, warehouse: Path, lake: Path
) -> None:
    served = serve_fake(provider, generated(provider, 300, days=20), **EVERY_LIST.get(provider, {}))
    requests = []
    for turn in range(3):
        before = len(served.server.requests)
        synced = sync()
        assert synced.exit_code == 0
        between = len(served.server.requests)
        (told,) = run_lake().values()
        requests.append((between - before, len(served.server.requests) - between))

        assert told["exit_code"] == 0, told
        assert differences(warehouse, lake, provider, ("brand_new", "odd") if turn else ()) == {}
        expected = synced.accounts[provider]
        assert [told[name] for name in SUMMARY] == [expected[name] for name in SUMMARY]
        if turn == 0:
            live(provider, served.fake)
    assert all(theirs <= 1.1 * ours + 1 for ours, theirs in requests), requests
    assert [
        row["data_type"] for row in sorted(rows(lake, provider, "schema_changes"), key=lambda row: row["column_name"])
    ] == ["double", "json"]


@pytest.mark.slow
def test_a_lake_without_the_scope_for_a_list_is_that_of_the_sync_and_gets_the_list_with_the_scope(
    serve_fake: ServeFake, sync: Sync, run_lake: RunLake, warehouse: Path, lake: Path
) -> None:
    served = serve_fake("signalwire", generated("signalwire", 60, days=20), **EVERY_LIST["signalwire"])
    forbidden = json_answer({"code": 403, "message": "Forbidden"}, 403)
    honest = served.server.answer
    served.server.answer = lambda request: forbidden if "/laml/" in request.path else honest(request)
    warnings = []
    for turn in range(2):
        ours = sync().accounts["signalwire"]
        (told,) = run_lake().values()
        warnings.append(told["warnings"])

        assert (told["exit_code"], told["warnings"]) == (0, ours["warnings"])
        assert differences(warehouse, lake, "signalwire") == {}
        if turn == 0:
            served.server.answer = honest
    assert ["set compat_faxes = false" in text for text in warnings[0]] == [True]
    assert warnings[1] == []
    assert {row["id"] for row in rows(lake, "signalwire", "compat_faxes")} == {
        *served.fake.truth_of_lists()["compat_faxes"]
    }


@every_provider
def test_a_run_with_nothing_new_commits_nothing(
    provider: str, serve_fake: ServeFake, run_lake: RunLake, lake: Path
) -> None:
    serve_fake(provider, generated(provider, 30, days=20))
    first = run_lake()
    held = versions(lake)
    again = run_lake()

    assert [one["new"] for one in (*first.values(), *again.values())] == [30, 0]
    assert held
    assert versions(lake) == held


@pytest.mark.slow
def test_a_backfill_is_loaded_in_rounds(
    serve_fake: ServeFake, sync: Sync, run_lake: RunLake, warehouse: Path, lake: Path, settings: Settings
) -> None:
    serve_fake("signalwire", generated("signalwire", 400, days=300))
    assert sync().exit_code == 0
    settings["SYNC__ROWS_PER_LOAD"] = "150"
    (told,) = run_lake().values()

    assert (told["exit_code"], told["new"]) == (0, 400)
    assert differences(warehouse, lake, "signalwire") == {}
    assert len({row["_dlt_load_id"] for row in rows(lake, "signalwire", "fax_logs")}) > 2
    (again,) = run_lake(full_refresh=True).values()

    assert (again["exit_code"], again["new"], again["changed"]) == (0, 0, 400)
    assert differences(warehouse, lake, "signalwire") == {}


@pytest.mark.slow
@pytest.mark.parametrize(("days", "is_doubted"), [(2, False), (40, True)], ids=["look-back", "unproven"])
def test_a_round_reads_nothing_that_an_earlier_round_of_the_run_has_read(
    days: int, is_doubted: bool, serve_fake: ServeFake, run_lake: RunLake, lake: Path, settings: Settings
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 60, days=days))
    honest, first = served.fake.answer, min(served.fake.records)

    def answer(request: Any) -> Any:
        body = json.loads(honest(request).body)
        if (paging := body.get("paging")) and paging["total"] > 15:
            paging["total"] = ">10000"
        elif paging and is_doubted and first in [fax["id"] for fax in body["data"]]:
            paging["total"] += 1
        return json_answer(body)

    served.server.answer = answer
    settings["SYNC__ROWS_PER_LOAD"] = "20"
    (told,) = run_lake().values()

    assert (told["exit_code"], told["new"], told["unchanged"]) == (65 if is_doubted else 0, 60, 0)
    assert len({row["_dlt_load_id"] for row in rows(lake, "phaxio", "faxes")}) > 2
    assert [row["proof"] for row in rows(lake, "phaxio", "sync_windows")].count("unproven") == is_doubted


def test_refused_credentials_stop_one_account_alone(
    serve_fake: ServeFake, run_lake: RunLake, lake: Path, settings: Settings
) -> None:
    serve_fake("phaxio", generated("phaxio", 20, days=5))
    settings["SOURCES__PHAXIO__ACCOUNTS__OTHER__API_KEY"] = "canary wrong"
    told = run_lake()

    assert {name: one["exit_code"] for name, one in told.items()} == {"phaxio": 0, "phaxio/other": 77}
    assert {row["account"] for row in rows(lake, "phaxio", "faxes")} == {"default"}
    assert sorted((row["account"], row["exit_code"]) for row in rows(lake, "phaxio", "sync_runs")) == [
        ("default", 0),
        ("other", 77),
    ]


def test_an_unproven_window_lands_and_is_read_again_by_the_next_run(
    serve_fake: ServeFake, run_lake: RunLake, lake: Path
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 20, days=5))
    honest = served.fake.answer

    def answer(request: Any) -> Any:
        body = json.loads(honest(request).body)
        if "paging" in body:
            body["paging"]["total"] += 1
        return json_answer(body)

    served.server.answer = answer
    (first,) = run_lake().values()
    served.server.answer = honest
    (second,) = run_lake().values()
    ledger = rows(lake, "phaxio", "sync_windows")
    (unproven,) = (row for row in ledger if row["proof"] == "unproven")
    (proven,) = spans(ledger)

    assert (first["exit_code"], first["new"], second["exit_code"], second["new"]) == (65, 20, 0, 0)
    assert proven[0] == unproven["from_at"] < unproven["to_at"] <= proven[1]


@pytest.mark.slow
def test_what_is_staged_may_be_merged_again(
    serve_fake: ServeFake, sync: Sync, run_lake: RunLake, warehouse: Path, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.lake.loading import ProviderTables

    load = ProviderTables.load

    def twice(self: Any, staged: Any, load_id: str) -> Any:
        load(self, staged, load_id)
        return load(self, staged, f"{load_id}1")

    served = serve_fake("phaxio", generated("phaxio", 60, days=5))
    monkeypatch.setattr(ProviderTables, "load", twice)
    for _ in range(2):
        assert sync().exit_code == 0
        assert next(iter(run_lake().values()))["exit_code"] == 0
        assert differences(warehouse, lake, "phaxio") == {}
        live("phaxio", served.fake)


def test_a_table_that_is_not_ours_is_left_alone(serve_fake: ServeFake, run_lake: RunLake, lake: Path) -> None:
    import pyarrow as pa
    from deltalake import write_deltalake

    serve_fake("phaxio", generated("phaxio", 5, days=2))
    write_deltalake(f"{lake}/fax_phaxio/faxes", pa.table({"id": ["theirs"]}))
    (told,) = run_lake().values()

    assert told["exit_code"] == 69
    assert "not one of ours" in told["error"]
    assert rows(lake, "phaxio", "faxes") == [{"id": "theirs"}]


def test_an_output_that_is_no_place_is_refused(
    serve_fake: ServeFake, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.lake.syncing.accounts_run import LakeRun

    serve_fake("phaxio")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match="place of the Delta tables"):
        LakeRun("nowhere://x", "1", options(), lambda tasks: []).sync([])


@pytest.mark.slow
def test_the_first_run_of_a_day_that_loads_folds_the_ledger(
    serve_fake: ServeFake, run_lake: RunLake, lake: Path
) -> None:
    import pyarrow as pa
    from deltalake import DeltaTable, write_deltalake

    served = serve_fake("phaxio", generated("phaxio", 3, days=0.01))
    run_lake()
    now, place = datetime.now(UTC), f"{lake}/fax_phaxio/sync_windows"
    (of_run,) = rows(lake, "phaxio", "sync_windows")
    aged = [  # a run every two hours for twelve days, until yesterday: each read a day, and some was not proven
        of_run
        | {"from_at": at - timedelta(days=1), "to_at": at, "finished_at": at, "run_id": f"aged-{hours}"}
        | {"_dlt_id": f"aged-{hours}", "proof": "unproven" if hours == 250 else "counted"}
        for hours in range(24, 12 * 24, 2)
        for at in [now - timedelta(hours=hours)]
    ]
    aged.append(aged[-1] | {"from_at": of_run["from_at"], "to_at": aged[-1]["from_at"], "_dlt_id": "backfill"})
    before, future = spans(aged), now + timedelta(days=3000)
    aged.append(aged[0] | {"to_at": future, "finished_at": future, "run_id": "ahead", "_dlt_id": "ahead"})
    held = DeltaTable(place)
    schema = pa.schema(held.to_pyarrow_dataset().schema)
    held.delete()
    write_deltalake(place, pa.Table.from_pylist(aged, schema), mode="append")

    commits = []
    for number in (1, 2):  # the second run of the day loads as well, and folds nothing
        served.fake.add(*generated("phaxio", 1, days=0.0005, seed=number, first_id=900_000_000 + number))
        earlier = versions(lake)["fax_phaxio/sync_windows"]
        (told,) = run_lake().values()
        commits.append(versions(lake)["fax_phaxio/sync_windows"] - earlier)
        assert (told["exit_code"], told["new"]) == (0, 1)
    left = [row for row in rows(lake, "phaxio", "sync_windows") if row["run_id"].startswith("aged-")]

    assert commits == [3, 1]  # the first run of the day also joins small files
    assert spans(left) == before
    assert 7 * 12 <= len(left) < 8 * 12 + 8 < len(aged)
    assert "aged-250" in {row["run_id"] for row in left}


@pytest.mark.slow
def test_what_a_clock_ahead_has_read_is_read_again(serve_fake: ServeFake, run_lake: RunLake, lake: Path) -> None:
    from deltalake import DeltaTable

    served = serve_fake("phaxio", generated("phaxio", 20, days=2))
    run_lake()
    ahead = "+ interval '30 days'"  # as a clock that was ahead would have it
    DeltaTable(f"{lake}/fax_phaxio/sync_windows").update(
        {"finished_at": f"finished_at {ahead}", "to_at": f"to_at {ahead}"}
    )
    (late,) = generated("phaxio", 1, days=1, first_id=900_000_000)
    served.fake.add(late | created("phaxio", f"{datetime.now(UTC) - timedelta(days=20):%Y-%m-%dT%H:%M:%SZ}"))
    (told,) = run_lake().values()

    assert (told["exit_code"], told["new"]) == (0, 1)
    assert len(rows(lake, "phaxio", "faxes")) == 21


def spans(ledger: list[dict[str, Any]]) -> list[tuple[datetime, datetime]]:
    """What is proven, without breaks."""
    found: list[tuple[datetime, datetime]] = []
    for start, end in sorted((row["from_at"], row["to_at"]) for row in ledger if row["proof"] == "counted"):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def test_columns_and_tables_say_what_they_mean(serve_fake: ServeFake, run_lake: RunLake, lake: Path) -> None:
    from deltalake import DeltaTable

    serve_fake("phaxio", generated("phaxio", 5, days=2))
    run_lake()
    held = DeltaTable(f"{lake}/fax_phaxio/faxes")
    meanings = {field.name: field.metadata.get("comment") for field in held.schema().fields}

    assert held.metadata().description == sources.provider("phaxio").TABLE.meaning
    assert meanings["cost"].startswith("Price of the fax")
    assert None not in meanings.values()
