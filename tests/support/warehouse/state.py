"""What a warehouse says of its own past, read without dlt's pipeline."""

from datetime import datetime
from typing import Any

from dlt.common.versioned_state import decompress_state

from tests.support.warehouse.rows import Held, Row, rows


def cursor(warehouse: Held, provider: str) -> datetime | None:
    """How far the account's list of faxes has been read, by the newest committed state."""
    return next(iter(cursors(warehouse, provider)), None)


def cursors(warehouse: Held, provider: str) -> list[datetime]:
    """How far each list of the account has been read, by the newest committed state."""
    sql = (
        f"select state from fax_{provider}._dlt_pipeline_state as s join fax_{provider}._dlt_loads as l"
        " on l.load_id = s._dlt_load_id where l.status = 0 order by s.version desc limit 1"
    )
    ((text,),) = rows(warehouse, sql)
    return [value for key, value in walk(decompress_state(text)) if key == "last_value"]


def walk(value: Any) -> Any:
    """Every key of a nested dict, with its value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from walk(inner)


def problems(warehouse: Held, provider: str) -> list[Row]:
    """Column and original of every problem."""
    return rows(warehouse, f"select column_name, original from fax_{provider}.sync_problems")
