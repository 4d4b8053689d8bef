"""Where data lands: the destination, one dlt pipeline and raw schema per provider, and the load of one source.

dlt's working directory is made afresh for every run, and the state restored from the warehouse, where it is committed
with the rows: measured under SIGKILL, this is the one way that neither loses nor doubles a row.
"""

import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dlt
from dlt.common.schema import Schema
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.extract import DltSource

from pipelines import lock
from sources.ledger import SYNC_PROBLEMS
from sources.resources import NESTED_IN
from sources.window import Window

DESTINATION = "warehouse"  # [destination.warehouse] in the configuration
COMMITTED = "_dlt_load_id in (select load_id from _dlt_loads where status = 0)"


@contextmanager
def opened(provider: str, account: str, schema: str) -> Iterator[dlt.Pipeline]:
    """The dlt pipeline of one account, in a working directory of its own, with state and schema from the warehouse.

    Raises:
        Busy: another run holds the lock of this provider's raw schema.
    """
    with tempfile.TemporaryDirectory(prefix="fax-sync-") as directory:
        pipeline = dlt.pipeline(
            f"fax_{provider}_{account}",
            destination=DESTINATION,
            dataset_name=f"{schema}_{provider}",
            pipelines_dir=directory,
        )
        with lock.exclusive(_lock_file(pipeline)):
            pipeline.sync_destination()
            yield pipeline


def load(pipeline: dlt.Pipeline, source: DltSource) -> None:
    """Loads what the source gives now, rows and cursor in one package; nothing at all if it gives nothing."""
    _unnest(pipeline)
    pipeline.extract(source)
    pipeline.normalize()
    if packages := pipeline.list_normalized_load_packages():
        _nest(pipeline, packages)
        pipeline.load(raise_on_failed_jobs=True)


# dlt replaces a row together with its children, in one transaction and also when none are left, if the children's
# table is nested in the row's. It does so for Arrow tables too, but cannot extract a nested one; so they are nested
# only while they are loaded.


def _unnest(pipeline: dlt.Pipeline) -> None:
    for schema in pipeline.schemas.values():
        for table in schema.tables.values():
            if NESTED_IN in table:
                table.pop("parent", None)


def _nest(pipeline: dlt.Pipeline, packages: Collection[str]) -> None:
    storage = pipeline._get_load_storage().normalized_packages
    for load_id in packages:
        schema: Schema = storage.load_schema(load_id)
        for table in schema.tables.values():
            if NESTED_IN in table:
                table["parent"] = table[NESTED_IN]  # type: ignore[literal-required]
                table.pop("resource", None)
                table.pop("write_disposition", None)
        storage.save_schema(load_id, schema)


class StoredFaxes:
    """What the warehouse holds of one account, from committed loads only; times are UTC."""

    def __init__(self, pipeline: dlt.Pipeline, account: str) -> None:
        self._pipeline = pipeline
        self._account = account

    def fingerprints(self, table: str, span: Window) -> Mapping[Any, str]:
        """The `_dlt_id` of each fax created in the span, by id."""
        sql = (
            f"select id, _dlt_id from {table}"
            f" where account = %s and created_at >= %s and created_at <= %s and {COMMITTED}"
        )
        return {row["id"]: row["_dlt_id"] for row in self._select(sql, self._account, span.start, span.end)}

    def problem_ids(self) -> Collection[str]:
        """The `_dlt_id` of every row of `sync_problems`."""
        sql = f"select _dlt_id from {SYNC_PROBLEMS} where account = %s and {COMMITTED}"
        return {row["_dlt_id"] for row in self._select(sql, self._account)}

    def rows(self, table: str, column: str, values: Collection[Any]) -> list[dict[str, Any]]:
        """The rows of a table in which the column has one of the values."""
        if not values:
            return []
        places = ", ".join(["%s"] * len(values))
        sql = f"select * from {table} where account = %s and {column} in ({places}) and {COMMITTED}"
        return self._select(sql, self._account, *values)

    def _select(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        if not self._pipeline.schema_names:
            return []  # a first run: there is no table yet
        try:
            with self._pipeline.sql_client() as client, client.execute_query(sql, *parameters) as cursor:
                names = [column[0] for column in cursor.description]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except DatabaseUndefinedRelation:
            return []


def _lock_file(pipeline: dlt.Pipeline) -> Path:
    """Beside the DuckDB file, or in the temporary directory for a warehouse on a server."""
    configuration = pipeline.destination_client().config
    database = getattr(configuration.credentials, "database", "") or ""
    name = f"{pipeline.dataset_name}.lock"
    if configuration.destination_type.endswith("duckdb") and os.sep in database:
        return Path(f"{database}.lock")
    return Path(tempfile.gettempdir()) / name
