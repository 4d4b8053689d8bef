"""A warehouse that its settings contradict is refused before any request, and nothing is written elsewhere."""

from pathlib import Path

import pytest

from tests.conftest import ServeFake, Settings, Sync, SyncProcess

POSTGRES = {"DESTINATION_TYPE": "postgres"}
AT = "postgresql://fax_sync:Kestrel7@Zebra99/Lion77@host.example/db"
WARNING = "credentials are a PostgreSQL URL, but destination_type is duckdb: set destination_type = "


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"CREDENTIALS": "postgresql://fax_sync:Zebra99@db.example.com:5432/company"}, WARNING),
        ({"CREDENTIALS": "postgres://fax_sync:Zebra99@db.example.com:5432/company"}, WARNING),
        ({"CREDENTIALS__HOST": "db.example.com"}, WARNING),
        ({"CREDENTIALS": "mysql://fax_sync:Zebra99@db.example.com/company"}, "duckdb, which takes a path"),
        (POSTGRES, "credentials are not a PostgreSQL URL, but destination_type is postgres"),
        (POSTGRES | {"CREDENTIALS": ""}, "lacks credentials"),
        (POSTGRES | {"CREDENTIALS": "postgresql://fax:Zebra99@db"}, "lacks database"),
        (POSTGRES | {"CREDENTIALS": "postgresql://fax:Zebra99@one:1,two:2/fax"}, "@/database?host=first,second&port"),
        (POSTGRES | {"CREDENTIALS": AT}, "write @ as %40, / as %2F, # as %23"),
        (POSTGRES | {"CREDENTIALS": "postgresql://fax_sync:Kestrel7@Zebra99@host.example/db"}, "write @ as %40"),
        ({"DESTINATION_TYPE": "filesystem"}, "lacks bucket_url: the directory of the Parquet files"),
        ({"DESTINATION_TYPE": "snowflake"}, "destination_type must be duckdb, postgres or filesystem"),
        ({"DESTINATION_TYPE": "clipper"}, "destination_type must be duckdb, postgres or filesystem"),
    ],
    ids=str,
)
def test_settings_that_contradict_each_other_are_refused(
    changed: dict[str, str],
    told: str,
    serve_fake: ServeFake,
    settings: Settings,
    sync: Sync,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    served = serve_fake("phaxio")
    monkeypatch.chdir(tmp_path)
    settings |= {f"DESTINATION__WAREHOUSE__{key}": value for key, value in changed.items()}
    before = set(tmp_path.rglob("*"))
    synced = sync()

    assert (synced.exit_code, told in synced.told, served.server.requests) == (78, True, [])
    assert not [part for part in ("Zebra99", "Lion77", "Kestrel7") if part in synced.told]
    assert set(tmp_path.rglob("*")) == before


def test_credentials_in_the_file_that_git_tracks_are_told(
    serve_fake: ServeFake, settings: Settings, sync_process: SyncProcess
) -> None:
    served = serve_fake("phaxio")
    del settings["DESTINATION__WAREHOUSE__CREDENTIALS"]
    path = Path(settings["DLT_PROJECT_DIR"]) / ".dlt" / "config.toml"
    written = 'destination_type = "postgres"\ncredentials = "postgresql://fax_sync:Zebra99@db.example.com/company"'
    path.write_text(path.read_text().replace('destination_type = "duckdb"', written))
    synced = sync_process()

    assert (synced.returncode, "move them to .dlt/secrets.toml" in synced.stdout, served.server.requests) == (
        78,
        True,
        [],
    )


def test_a_url_that_names_a_duckdb_file_is_taken(
    serve_fake: ServeFake, settings: Settings, sync: Sync, warehouse: Path
) -> None:
    serve_fake("phaxio")
    settings["DESTINATION__WAREHOUSE__CREDENTIALS"] = f"duckdb:///{warehouse}"

    assert sync().exit_code == 0
    assert warehouse.exists()
