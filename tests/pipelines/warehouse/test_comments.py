"""What a run reads of the database's catalog: all of it, in little memory."""

from pathlib import Path

import duckdb
import pytest

from pipelines.warehouse import load
from pipelines.warehouse.comments import comment_on, read_comments
from tests.conftest import Settings


def test_the_catalog_of_a_large_warehouse_is_read_in_little_memory(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, warehouse: Path
) -> None:
    columns = ", ".join(f"column_{number} int" for number in range(20))
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema fax; create schema others")
        for schema, tables in (("fax", 30), ("others", 300)):
            for number in range(tables):
                connection.execute(f"create table {schema}.table_{number} ({columns})")
        connection.execute(comment_on("column", "fax", "table_1", "column_1", text="it's this"))
        connection.execute("create view fax.seen as select column_1 from fax.table_1")
        connection.execute(comment_on("table", "fax", "table_1", text="a table"))
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SYNC__DUCKDB_MEMORY", "8MB")
    with load.opened("phaxio", "default", "fax") as opened:
        found = read_comments(opened.client, "fax")

    told = {("table_1", ""): "a table", ("table_1", "column_1"): "it's this"}
    assert {place: text for place, text in found.items() if text} == told
    assert len(found) == 30 * 21 + 2
    assert found["seen", "column_1"] == found["seen", ""] == ""
