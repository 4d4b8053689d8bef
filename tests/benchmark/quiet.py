"""Runs that find nothing new, and one that finds a single change: 2,000 faxes in the days that are read again."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmark.measured import ROOT, measure, settings
from tests.benchmark.targets import Figure
from tests.support.warehouse.rows import reading, rows

FAXES, DAYS = 2_000, timedelta(days=2.9)
EVERY = timedelta(minutes=5)
SYNC = str(ROOT / "pipelines" / "sync.py")
Rows = dict[str, set[tuple[Any, ...]]]


@dataclass(frozen=True)
class Accounts:
    """An account of each provider that is configured, the environment that leads to them, and the warehouse."""

    fakes: dict[str, Any]
    environment: dict[str, str]
    warehouse: Path


@contextmanager
def accounts(*providers: str, time: Any = None) -> Iterator[Accounts]:
    """Serves an account of each of these providers, of all by default; `time` tells what their clocks show."""
    import sources
    from sources.fakes.server import serve

    now = datetime.now(UTC).replace(microsecond=0)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory, ExitStack() as stack:
        warehouse = Path(directory) / "warehouse.duckdb"
        served = Accounts({}, settings(Path(directory), str(warehouse)), warehouse)
        for name in providers or sources.providers():
            module = import_module(f"sources.{name}.fake")
            records = module.generate(FAXES, start=now - DAYS, end=now, open_from=now - timedelta(hours=1))
            fake = served.fakes[name] = module.Fake(records)
            server = stack.enter_context(serve(lambda request, fake=fake: _dated(fake.answer(request), time)))
            for key, value in fake.settings(server.url).items():
                served.environment[f"SOURCES__{name}__{key}".upper()] = value
        yield served


def _dated(answer: Any, time: Any) -> Any:
    date = {"Date": format_datetime(time.now(), usegmt=True)} if time else {}
    return replace(answer, headers={**answer.headers, **date})


def against_import(rounds: int) -> Iterator[Figure]:
    """The wall time of a quiet run of all providers beside that of importing what it cannot do without."""
    with accounts() as served:
        measure([SYNC], served.environment)
        pairs = [
            (measure([SYNC], served.environment), measure(["-c", "import dlt, duckdb"], served.environment))
            for _ in range(rounds)
        ]
    ours, imports = (median(cost.wall_seconds for cost in costs) for costs in zip(*pairs, strict=True))
    yield Figure("run with nothing new, both providers: wall time / importing dlt and duckdb", ours / imports, 2.0)


def written() -> Iterator[Figure]:
    """What a quiet run writes."""
    with accounts() as served:
        measure([SYNC], served.environment)
        before, size = every_row(served.warehouse), served.warehouse.stat().st_size
        measure([SYNC], served.environment)
        after = every_row(served.warehouse)
        grown = served.warehouse.stat().st_size - size
    loads = sum(len(after[name] - before[name]) for name in after if name.endswith("._dlt_loads"))
    yield Figure("the same: rows written", changed(before, after), 0)
    yield Figure("the same: load packages", loads, 0)
    yield Figure("the same: bytes the DuckDB file grows", grown, 0)


def day() -> Iterator[Figure]:
    """What a day of quiet runs leaves behind, a heartbeat every hour."""
    from tests.support.commands.in_process import Time, run_once

    time = Time()
    with accounts("phaxio", time=time) as served:
        run_once("phaxio", served.environment, time)
        size = served.warehouse.stat().st_size
        for number in range(1, timedelta(days=1) // EVERY + 1):
            time.ahead = number * EVERY
            run_once("phaxio", served.environment, time)
        grown = served.warehouse.stat().st_size - size
    yield Figure("288 quiet runs, one every five minutes: MB the DuckDB file grows", grown / 1e6, 1.0)


def one_change() -> Iterator[Figure]:
    """The rows that a single changed status has rewritten, beyond those of its fax."""
    with accounts("phaxio") as served:
        measure([SYNC], served.environment)
        before, fake = every_row(served.warehouse), served.fakes["phaxio"]
        fax = next(fax for fax in fake.records.values() if len(fax["recipients"]) == 1 and fax["status"] == "success")
        fake.change(fax["id"], status="failure")
        measure([SYNC], served.environment)
        after = every_row(served.warehouse)
    fresh = {name: len(after[name] - before[name]) for name in after if name.startswith("fax_phaxio.fax")}
    own = 1 + len(fax["recipients"]) + len(fax["tags"])
    yield Figure(
        "one status changed among 2,000: rows rewritten beyond that fax and its children", sum(fresh.values()) - own, 0
    )


def every_row(warehouse: Path) -> Rows:
    """Every row of every table."""
    sql = "select schema_name || '.' || table_name from duckdb_tables() where not internal"
    with reading(warehouse) as connection:
        return {name: set(rows(connection, f"select {name}::text from {name}")) for (name,) in rows(connection, sql)}


def changed(before: Rows, after: Rows) -> int:
    """Rows that are there only before or only after."""
    return sum(len(before.get(name, set()) ^ after[name]) for name in after)
