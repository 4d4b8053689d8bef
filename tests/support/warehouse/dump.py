"""Dumps raw tables and views as JSON, in the same form for every warehouse, to compare values."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from tests.support.warehouse.file_and_database import Warehouse
from tests.support.warehouse.raw_tables import names_of_faxes
from tests.support.warehouse.rows import named_rows, raw_tables

VIEWS = ("faxes", "fax_recipients", "fax_tags", "monthly_costs")
OF_THE_RUN = {"_dlt_load_id"}  # columns that differ from run to run
Dump = dict[str, list[str]]


def dump(warehouse: Warehouse, provider: str) -> Dump:
    """The rows of every raw table of faxes, and of every view about them, as sorted JSON."""
    with warehouse.opened() as connection:
        there = raw_tables(connection, f"fax_{provider}")
        raw = [f"fax_{provider}.{name}" for name in names_of_faxes(provider) if name in there]
        return {name: sorted(_rows(connection, name)) for name in (*raw, *(f"fax.{view}" for view in VIEWS))}


def _rows(connection: Any, name: str) -> Iterator[str]:
    for row in named_rows(connection, f"select * from {name}"):
        told = {column: _plain(value) for column, value in row.items() if column not in OF_THE_RUN}
        yield json.dumps(told, sort_keys=True)


def _plain(value: Any) -> Any:
    """The value for JSON: numbers without a scale, times in UTC, JSON columns parsed."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal | int | float) and not isinstance(value, bool):
        return f"{Decimal(str(value)).normalize():f}"
    if isinstance(value, str) and value[:1] in ("{", "["):
        return json.loads(value)
    return value
