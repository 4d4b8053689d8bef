"""What a warehouse file says of its own past, read without dlt's pipeline."""

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from dlt.common.versioned_state import decompress_state


def cursor(warehouse: Path, provider: str) -> datetime | None:
    """How far the account has been read, by the newest committed state."""
    sql = (
        f"select state from fax_{provider}._dlt_pipeline_state as s join fax_{provider}._dlt_loads as l"
        " on l.load_id = s._dlt_load_id where l.status = 0 order by s.version desc limit 1"
    )
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        ((text,),) = connection.execute(sql).fetchall()
    state = decompress_state(text)
    found: list[Any] = [value for key, value in walk(state) if key == "last_value"]
    return found[0] if found else None


def walk(value: Any) -> Any:
    """Every key of a nested dict, with its value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from walk(inner)


def rows(warehouse: Path, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """What a query answers."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        return connection.execute(sql, parameters).fetchall()


def problems(warehouse: Path, provider: str) -> list[tuple[Any, ...]]:
    """Column and original of every problem, sorted."""
    return rows(warehouse, f"select column_name, original from fax_{provider}.sync_problems order by all")
