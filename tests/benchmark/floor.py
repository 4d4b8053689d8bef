"""The floor: the same faxes with as little code as does it, and nothing of what makes a sync safe.

python tests/benchmark/floor.py URL DUCKDB_FILE|POSTGRES_URL CONNECTIONS

One query over all time, page by page until one is not full; orjson, Arrow, and one statement a table for ten pages.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import count
from typing import Any

import orjson
import pyarrow as pa
import requests

Record = dict[str, Any]
Insert = Callable[[str, pa.Table], None]
PER_PAGE, PAGES_AT_A_TIME = 1000, 10
TEXT, WHOLE, FLAG, TIME = pa.string(), pa.int64(), pa.bool_(), pa.timestamp("us", tz="UTC")
SQL_TYPES = {TEXT: "text", WHOLE: "bigint", FLAG: "boolean", TIME: "timestamptz"}
ERROR = {"error_id": WHOLE, "error_type": TEXT, "error_message": TEXT}
FAXES = {"id": WHOLE, "direction": TEXT, "num_pages": WHOLE, "status": TEXT, "is_test": FLAG, "created_at": TIME}
FAXES |= {"caller_id": TEXT, "from_number": TEXT, "completed_at": TIME, "caller_name": TEXT, "cost": WHOLE}
CALLS = {"fax_id": WHOLE, "position": WHOLE, "phone_number": TEXT, "status": TEXT, "retry_count": WHOLE}
CODES = {"type": TEXT, "page": WHOLE, "value": TEXT, "identifier": TEXT, "metadata": TEXT}
TABLES = {
    "faxes": FAXES | {"tags": TEXT, "to_number": TEXT} | ERROR,
    "fax_recipients": CALLS | {"completed_at": TIME, "bitrate": WHOLE, "resolution": WHOLE} | ERROR,
    "fax_tags": {"fax_id": WHOLE, "name": TEXT, "value": TEXT},
    "fax_barcodes": {"fax_id": WHOLE, "position": WHOLE} | CODES,
}
KEYS = {"faxes": ("id",), "fax_tags": ("fax_id", "name")}
CHILD_KEY = ("fax_id", "position")


def main(url: str, warehouse: str, connections: int) -> None:
    """Fills the warehouse."""
    insert = into_postgres(warehouse) if warehouse.startswith("postgresql:") else into_duckdb(warehouse)
    faxes: list[Record] = []
    for page in pages(url, connections):
        faxes += page
        if len(faxes) >= PAGES_AT_A_TIME * PER_PAGE or len(page) < PER_PAGE:
            for name, table in tables(faxes):
                insert(name, table)
            faxes = []


def pages(url: str, connections: int) -> Iterator[list[Record]]:
    """The pages in order, so many of them asked for at a time."""
    session = requests.Session()
    session.auth = ("px-key", "px-secret")
    bounds = {"created_after": "2010-01-01T00:00:00Z", "created_before": "2099-01-01T00:00:00Z"}
    asked: dict[str, str | int] = {**bounds, "per_page": PER_PAGE}

    def fetch(number: int) -> list[Record]:
        faxes: list[Record] = orjson.loads(session.get(url, params={**asked, "page": number}).content)["data"]
        return faxes

    with ThreadPoolExecutor(connections) as executor:
        numbers = count(connections + 1)
        under_way = deque(executor.submit(fetch, number) for number in range(1, connections + 1))
        while True:
            page = under_way.popleft().result()
            if len(page) == PER_PAGE and connections > 1:
                under_way.append(executor.submit(fetch, next(numbers)))
            yield page
            if len(page) < PER_PAGE:
                return
            if connections == 1:
                under_way.append(executor.submit(fetch, next(numbers)))


def tables(faxes: list[Record]) -> Iterator[tuple[str, pa.Table]]:
    """Each table's rows."""
    yield "fax_recipients", _table("fax_recipients", _children(faxes, "recipients"))
    yield "fax_barcodes", _table("fax_barcodes", _children(faxes, "barcodes"))
    tags = [{"fax_id": fax["id"], "name": name, "value": value} for fax in faxes for name, value in fax["tags"].items()]
    yield "fax_tags", _table("fax_tags", tags)
    yield "faxes", _table("faxes", [fax | {"tags": orjson.dumps(fax["tags"]).decode()} for fax in faxes])


def _children(faxes: list[Record], key: str) -> list[Record]:
    return [row | {"fax_id": fax["id"], "position": place} for fax in faxes for place, row in enumerate(fax[key])]


def _table(name: str, rows: list[Record]) -> pa.Table:
    arrays = {}
    for column, kind in TABLES[name].items():
        values = [row[column] for row in rows]
        arrays[column] = pa.array(values, TEXT).cast(TIME) if kind is TIME else pa.array(values, kind)
    return pa.table(arrays)


def _created(name: str) -> str:
    columns = ", ".join(f"{column} {SQL_TYPES[kind]}" for column, kind in TABLES[name].items())
    return f"create table {name} ({columns}, primary key ({', '.join(KEYS.get(name, CHILD_KEY))}))"


def into_duckdb(file: str) -> Insert:
    """INSERT OR REPLACE."""
    import duckdb

    connection = duckdb.connect(file)
    for name in TABLES:
        connection.execute(_created(name))

    def insert(name: str, table: pa.Table) -> None:
        connection.register("rows", table)
        connection.execute(f"insert or replace into {name} select * from rows")

    return insert


def into_postgres(url: str) -> Insert:
    """COPY into a temporary table, and INSERT ON CONFLICT from there."""
    import psycopg2
    from pyarrow import csv

    connection = psycopg2.connect(url)
    cursor = connection.cursor()
    for name in TABLES:
        cursor.execute(f"{_created(name)}; create temporary table staged_{name} (like {name})")

    def insert(name: str, table: pa.Table) -> None:
        text = BytesIO()
        csv.write_csv(table, text, csv.WriteOptions(include_header=False))
        text.seek(0)
        cursor.copy_expert(f"copy staged_{name} from stdin with (format csv)", text)
        key = KEYS.get(name, CHILD_KEY)
        updated = ", ".join(f"{column} = excluded.{column}" for column in TABLES[name] if column not in key)
        cursor.execute(
            f"insert into {name} select * from staged_{name} on conflict ({', '.join(key)}) do update set {updated};"
            f" truncate staged_{name}"
        )
        connection.commit()

    return insert


if __name__ == "__main__":
    main(f"{sys.argv[1]}/v2/faxes", sys.argv[2], int(sys.argv[3]))
