"""What a warehouse says of its own past, read without dlt's pipeline."""

from datetime import datetime
from pathlib import Path
from typing import Any

from dlt.common.versioned_state import decompress_state

from tests.support.warehouse.file_and_database import File, Warehouse


def cursor(warehouse: Path | Warehouse, provider: str) -> datetime | None:
    """How far the account has been read, by the newest committed state."""
    sql = (
        f"select state from fax_{provider}._dlt_pipeline_state as s join fax_{provider}._dlt_loads as l"
        " on l.load_id = s._dlt_load_id where l.status = 0 order by s.version desc limit 1"
    )
    ((text,),) = rows(warehouse, sql)
    found: list[Any] = [value for key, value in walk(decompress_state(text)) if key == "last_value"]
    return found[0] if found else None


def walk(value: Any) -> Any:
    """Every key of a nested dict, with its value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from walk(inner)


def rows(warehouse: Path | Warehouse, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """What a query answers."""
    with (File(warehouse) if isinstance(warehouse, Path) else warehouse).opened() as connection:
        return list(connection.execute(sql, parameters or None).fetchall())


def content(warehouse: Path | Warehouse, provider: str) -> dict[str, list[str]]:
    """Every row of every raw table of a provider; equal as long as nothing was written, but that a run failed."""
    raw = f"fax_{provider}"
    sql = "select table_name from information_schema.tables where table_schema = ? and table_name <> 'sync_runs'"
    tables = [table for (table,) in rows(warehouse, sql, raw)]
    return {table: sorted(map(repr, rows(warehouse, f"select * from {raw}.{table}"))) for table in tables}


def problems(warehouse: Path | Warehouse, provider: str) -> list[tuple[Any, ...]]:
    """Column and original of every problem."""
    return rows(warehouse, f"select column_name, original from fax_{provider}.sync_problems")
