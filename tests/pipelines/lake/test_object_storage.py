"""Delta tables in object storage are read as those of a directory, and what the storage refuses is told as that."""

from pathlib import Path

import pytest

from sources.errors import Busy, ConfigError, FaxSyncError, WarehouseError
from tests.conftest import ServeFake, Settings, Sync, generated
from tests.support.commands.report_command import Reporting
from tests.support.environment import applied
from tests.support.lake import MISSING, into_delta
from tests.support.servers.object_storage import bucket, refusing
from tests.support.warehouse.rows import rows

pytest.importorskip("deltalake", reason=MISSING)
SUMS = "select provider, outcome, count(*), sum(cost_usd) from fax.faxes group by all order by all"
DELTA = {
    "DESTINATION__WAREHOUSE__DESTINATION_TYPE": "filesystem",
    "DESTINATION__WAREHOUSE__TABLE_FORMAT": "delta",
    "DESTINATION__WAREHOUSE__BUCKET_URL": "s3://fax/lake",
}


@pytest.mark.slow
def test_tables_in_object_storage_are_read_without_an_extension(
    serve_fake: ServeFake, sync: Sync, settings: Settings, tmp_path: Path
) -> None:
    from pipelines.lake.engine_views import connect

    serve_fake("phaxio", generated("phaxio", 20))
    with into_delta(settings, tmp_path / "bucket" / "lake")():
        assert sync().exit_code == 0
    with bucket(tmp_path / "bucket") as (variables, requests), applied(variables):
        with connect("s3://fax/lake") as remote, connect(str(tmp_path / "bucket" / "lake")) as local:
            assert rows(remote, SUMS) == rows(local, SUMS) != []
        looked_up = [count for request, count in requests.items() if request.startswith("HEAD")]

        assert max(looked_up) <= 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("is_deleted", "kind", "words"), [(False, WarehouseError, "denies access"), (True, Busy, "run again")]
)
def test_a_file_that_cannot_be_read_within_a_report_is_told_as_that(
    is_deleted: bool,
    kind: type[FaxSyncError],
    words: str,
    serve_fake: ServeFake,
    sync: Sync,
    settings: Settings,
    tmp_path: Path,
) -> None:
    from pipelines.lake import reading

    denied: list[str] = []
    serve_fake("phaxio", generated("phaxio", 500))  # DuckDB keeps a small file once it has read its end
    with into_delta(settings, tmp_path / "bucket" / "lake")():
        assert sync().exit_code == 0
    with (
        bucket(tmp_path / "bucket", denied) as (variables, _),
        applied(settings | DELTA | variables),
        pytest.raises(kind, match=words),
        reading.opened() as read,
    ):
        for file in (tmp_path / "bucket").rglob("*.parquet") if is_deleted else ():
            file.unlink()
        denied += [] if is_deleted else [".parquet"]
        read("select sum(cost_usd) from fax.cost_by_tag")


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (403, "AccessDenied", WarehouseError, "denies access"),
        (404, "NoSuchBucket", ConfigError, "bucket of the Delta tables does not exist"),
        pytest.param(503, "SlowDown", Busy, "run again later", marks=pytest.mark.slow, id="busy"),  # tried ten times
    ],
)
def test_what_object_storage_refuses_is_told_without_the_advice_to_remove_a_table(
    status: int, code: str, kind: type[FaxSyncError], words: str
) -> None:
    from pipelines.lake.stored import opened

    with refusing(status, code) as variables, applied(variables), pytest.raises(kind, match=words) as told:
        opened("s3://fax/lake/fax_phaxio/faxes")

    assert "remove" not in str(told.value)


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("INTERNAL_FAILURE", Busy, "run again later"),
        ("INVALID_ACCESS_KEY_ID", WarehouseError, "denies access"),
        ("NO_SUCH_BUCKET", ConfigError, "does not exist"),
        ("UNKNOWN", WarehouseError, "check it"),
    ],
)
def test_what_pyarrow_calls_an_error_of_object_storage_is_told_alike(
    name: str, kind: type[FaxSyncError], words: str
) -> None:
    from pipelines.lake.errors import to_fax_sync_error

    told = to_fax_sync_error(OSError(f"When listing objects: AWS Error {name} during ListObjectsV2 operation: no"))

    assert (type(told), words in str(told), "remove" in str(told)) == (kind, True, False)


def test_a_storage_that_duckdb_and_arrow_call_differently_is_refused() -> None:
    from pipelines.lake.engine_views import connect

    with pytest.raises(ConfigError, match="not read here"):
        connect("abfss://container@account.dfs.core.windows.net/lake")


def test_object_storage_that_denies_access_ends_a_sync_with_69(
    serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    serve_fake("phaxio", generated("phaxio", 3))
    settings |= DELTA
    with refusing(403, "AccessDenied") as variables, applied(variables):
        synced = sync()

    assert synced.exit_code == 69
    assert "denies access" in synced.told


def test_a_report_on_object_storage_that_denies_access_ends_with_69(report: Reporting, settings: Settings) -> None:
    settings |= DELTA
    with refusing(403, "AccessDenied") as variables, applied(variables):
        exit_code, _, err = report()

    assert (exit_code, "denies access" in err) == (69, True)


def test_parquet_files_in_object_storage_name_what_they_lack(
    serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    serve_fake("phaxio", generated("phaxio", 3))
    settings |= DELTA | {"DESTINATION__WAREHOUSE__TABLE_FORMAT": "parquet"}
    del settings["DESTINATION__WAREHOUSE__CREDENTIALS"]  # of the DuckDB file
    without_keys = sync()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        settings[f"DESTINATION__WAREHOUSE__CREDENTIALS__{name}"] = "never a real one"
    without_package = sync()

    assert (without_keys.exit_code, without_package.exit_code) == (78, 78)
    assert "lacks aws_access_key_id, aws_secret_access_key" in str(without_keys.accounts)
    assert "s3fs is not installed" in str(without_package.accounts)
