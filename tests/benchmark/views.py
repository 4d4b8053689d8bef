"""Fills a warehouse with made-up faxes of every provider, by SQL, and prints how long each view takes to answer.

uv run python tests/benchmark/views.py --faxes 5000000
uv run python tests/benchmark/views.py --warehouse postgres
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)

from tests.benchmark.targets import Figure, print_figures

LIMITS = {"duckdb": 1.0, "postgres": 3.0}  # seconds that a view may take
# Three years up to when the accounts were last read; each provider has half of the faxes.
# One fax in 33 repeats the one before, eight minutes later.
FIRST = "(i - case i % 33 when 1 then 1 else 0 end)"
STEP = (
    f"(timestamptz '2026-04-20 12:00:00+00' - to_seconds(({FIRST} * 94608000.0 / {{faxes}})::bigint)"
    " + to_minutes(case i % 33 when 1 then 8 else 0 end))"
)
# 20,000 correspondents, each of whom deals with one of our 300 numbers.
OTHER = f"'+1' || (201 + hash({FIRST} * {{salt}}) % 40) || lpad((hash({FIRST} * {{salt}}) // 64 % 500)::text, 7, '0')"
OWN = f"'+1206555' || lpad((hash({FIRST} * {{salt}}) // 64 % 300)::text, 4, '0')"
FAXES = f"""
    insert into fax_phaxio.faxes (account, id, direction, num_pages, status, is_test, created_at, caller_id, from_number
        , to_number, completed_at, cost, _dlt_load_id, _dlt_id)
    select 'default', i, case when i % 10 < 7 then 'sent' else 'received' end, 1 + hash({FIRST}) % 7
        , case when i % 100 = 0 then 'partialsuccess' when i % 20 = 1 then 'failure' when i < 100 then 'inprogress'
            else 'success' end
        , i % 50 = 2, {STEP}, case when i % 10 < 7 then {OWN.format(salt=5)} end
        , case when i % 10 >= 7 then {OTHER.format(salt=3)} end, case when i % 10 >= 7 then {OWN.format(salt=3)} end
        , {STEP} + to_seconds(30 + hash(i) % 500), 7 * (1 + hash({FIRST}) % 7), '1', i::text
    from range({{faxes}} // 2) as made(i)
"""
RECIPIENTS = f"""
    insert into fax_phaxio.fax_recipients (account, fax_id, position, phone_number, status, retry_count, completed_at
        , bitrate, error_type, error_id, _dlt_parent_id, _dlt_load_id, _dlt_id)
    select 'default', i, place, {OTHER.format(salt="(place + 5)")}
        , case when (i + place) % 100 = 0 or i % 20 = 1 then 'failure' else 'success' end, hash(i) % 3
        , {STEP} + to_seconds(30 + hash(i) % 500), 14400
        , case when (i + place) % 100 = 0 or i % 20 = 1 then 'lineError' end
        , case when (i + place) % 100 = 0 or i % 20 = 1 then 30 + hash(i) % 9 end, i::text, '1'
        , i || '.' || place
    from range({{faxes}} // 2) as made(i), range(5) as called(place)
    where i % 10 < 7 and (place = 0 or i % 10 = 0 and place <= hash(i) % 5)
"""
TAGS = """
    insert into fax_phaxio.fax_tags (account, fax_id, position, name, value, _dlt_parent_id, _dlt_load_id, _dlt_id)
    select 'default', i, place, ['customer', 'department', 'job'][place + 1]
        , [hash(i) % 500, hash(i) % 12, hash(i) % 50000][place + 1]::text, i::text, '1'
        , i || '.' || place
    from range({faxes} // 2) as made(i), range(3) as named(place)
    where i % 10 < 7 and place <= i % 3
"""
LOGS = f"""
    insert into fax_signalwire.fax_logs (account, id, direction, status, "from", "to", charge, number_of_pages
        , created_at, error_code, discarded_at, url, _dlt_load_id, _dlt_id)
    select 'default', md5(i::text)::uuid::text, case when i % 10 < 7 then 'outbound-api' else 'inbound' end
        , case when i % 20 = 1 then 'failed' when i % 40 = 2 then 'busy' when i < 100 then 'in-progress'
            else 'completed' end
        , case when i % 10 < 7 then {OWN.format(salt=7)} else {OTHER.format(salt=7)} end
        , case when i % 10 < 7 then {OTHER.format(salt=7)} else {OWN.format(salt=7)} end
        , 0.0105 * (1 + hash({FIRST}) % 9), 1 + hash({FIRST}) % 9, {STEP}
        , case when i % 20 = 1 then '34004' end, case when i % 1000 = 3 then {STEP} end
        , 'https://acme.signalwire.com/api/laml/2010-04-01/Accounts/project/Faxes/' || md5(i::text)::uuid, '1', i::text
    from range({{faxes}} // 2) as made(i)
"""

FILLED = ("fax_phaxio.faxes", "fax_phaxio.fax_recipients", "fax_phaxio.fax_tags", "fax_signalwire.fax_logs")


def main() -> int:
    """Runs the command; gives its exit code: 0 if every view answers in time."""
    parser = argparse.ArgumentParser(
        prog="views.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--faxes", type=int, default=5_000_000, help="how many (default: 5,000,000)")
    parser.add_argument("--threads", type=int, default=2, help="how many cores DuckDB may use (default: 2)")
    parser.add_argument("--warehouse", choices=LIMITS, default="duckdb", help="what to ask (default: duckdb)")
    options = parser.parse_args()
    measured = [*figures(options.faxes, [options.warehouse], options.threads)]
    print_figures(measured)
    return 0 if all(figure.is_met for figure in measured) else 1


def figures(faxes: int, warehouses: Collection[str] = tuple(LIMITS), threads: int = 2) -> Iterator[Figure]:
    """The seconds that each view takes over so many faxes, in these warehouses."""
    with tempfile.TemporaryDirectory(prefix="views-") as directory:
        file = filled(Path(directory) / "warehouse.duckdb", faxes)
        if "duckdb" in warehouses:
            with file.opened() as connection:
                connection.execute(f"set threads = {threads}")
                yield from timed(connection, "duckdb")
        if "postgres" in warehouses:
            with copied(file) as database, database.opened() as connection:
                yield from timed(connection, "postgres")


def filled(path: Path, faxes: int) -> Any:
    """A DuckDB file with so many faxes, and its views."""
    import sources
    from tests.support.warehouse.file_and_database import File
    from tests.support.warehouse.raw_tables import make, refresh

    file = File(path)
    with file.writable() as connection:
        make(connection, sources.providers())
        for statement in (FAXES, RECIPIENTS, TAGS, LOGS):
            connection.execute(statement.format(faxes=faxes))
    refresh(file.settings(), "America/Chicago")
    return file


@contextmanager
def copied(file: Any) -> Iterator[Any]:
    """A PostgreSQL database that a sync has made, with its indexes, and with the faxes of a DuckDB file."""
    from tests.benchmark.measured import measure
    from tests.benchmark.quiet import SYNC, accounts
    from tests.support.servers.postgres import server
    from tests.support.warehouse.file_and_database import Database
    from tests.support.warehouse.raw_tables import refresh

    with server() as running, accounts(faxes=0) as served:
        database = Database(running, running.create())
        measure([SYNC], served.environment | database.settings())
        for table in FILLED:
            _copy(file, database, table)
        database.write("analyze")
        refresh(database.settings(), "America/Chicago")
        yield database


def _copy(file: Any, database: Any, table: str) -> None:
    text = file.path.with_suffix(".csv")
    with file.opened() as connection:
        names = ", ".join(f'"{name}"' for name, *_ in connection.execute(f"describe {table}").fetchall())
        connection.execute(f"copy (select {names} from {table}) to '{text}' (format csv, header false)")
    with database.opened() as connection, text.open("rb") as rows:
        connection.cursor.copy_expert(f"copy {table} ({names}) from stdin with (format csv)", rows)


def timed(connection: Any, warehouse: str) -> Iterator[Figure]:
    """Has each view give all columns of all rows."""
    from pipelines.views.files import HERE
    from pipelines.views.queries import UNIFIED

    for view in (*UNIFIED, *sorted(path.stem for path in HERE.glob("*.sql"))):
        began = time.monotonic()
        rows = consume(connection, view)
        name = f"{warehouse}: {view}, {rows:,} rows: seconds"
        yield Figure(name, time.monotonic() - began, LIMITS[warehouse])


def consume(connection: Any, view: str) -> int:
    """Counts the rows of a view with every column of each computed, and none handed over."""
    columns = "select column_name from information_schema.columns where table_schema = 'fax' and table_name = ?"
    counted = ", ".join(f'count("{name}")' for (name,) in connection.execute(columns, [view]).fetchall())
    ((rows, *_),) = connection.execute(f"select count(*), {counted} from fax.{view}").fetchall()
    return int(rows)


if __name__ == "__main__":
    sys.exit(main())
