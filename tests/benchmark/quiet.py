"""Runs that find nothing new, or a single change, with 2,000 faxes in the look-back; and a check of a year of runs."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmark.measured import ROOT, measure, settings
from tests.benchmark.targets import Figure
from tests.benchmark.tls import CA_BUNDLE, tls_of_this_machine
from tests.support.warehouse.rows import reading, rows

FAXES, DAYS = 2_000, timedelta(days=2.9)
EVERY = timedelta(minutes=5)
STUCK, STUCK_SINCE = 100, timedelta(days=20)  # open faxes of each account, and how long the first has been open
LATENCY_SECONDS = 0.05
BOTH = ("phaxio", "signalwire")
SYNC, CHECK = (str(ROOT / "pipelines" / name) for name in ("sync.py", "check.py"))
Rows = dict[str, set[tuple[Any, ...]]]


@dataclass(frozen=True)
class Accounts:
    """An account of each provider that is configured, the environment that leads to them, and the warehouse.

    `delay_seconds`: one element, how long each answer takes.
    """

    fakes: dict[str, Any]
    environment: dict[str, str]
    warehouse: Path
    delay_seconds: list[float] = field(default_factory=lambda: [0.0])


@contextmanager
def accounts(*providers: str, time: Any = None, faxes: int = FAXES, span: timedelta = DAYS) -> Iterator[Accounts]:
    """Serves an account of each of these providers over TLS, of all by default; `time` is what their clocks show."""
    import sources
    from sources.fakes.server import serve

    now = datetime.now(UTC).replace(microsecond=0)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory, ExitStack() as stack:
        warehouse = Path(directory) / "warehouse.duckdb"
        served = Accounts({}, settings(Path(directory), str(warehouse)), warehouse)
        tls = tls_of_this_machine(bundle := Path(directory) / "ca.pem")
        served.environment[CA_BUNDLE] = str(bundle)
        for name in providers or sources.providers():
            module = import_module(f"sources.{name}.fake")
            records = module.generate(faxes, start=now - span, end=now, open_from=now - timedelta(hours=1))
            fake = served.fakes[name] = module.Fake(records)
            server = stack.enter_context(serve(partial(_answer, served, fake, time), tls))
            for key, value in fake.settings(server.url).items():
                served.environment[f"SOURCES__{name}__{key}".upper()] = value
        yield served


def _answer(served: Accounts, fake: Any, time: Any, request: Any) -> Any:
    answer = fake.answer(request)
    date = {"Date": format_datetime(time.now(), usegmt=True)} if time else {}
    return replace(answer, headers={**answer.headers, **date}, delay_seconds=served.delay_seconds[0])


def against_import(rounds: int) -> Iterator[Figure]:
    """The wall time of a quiet run of both providers beside that of importing what it cannot do without."""
    with accounts(*BOTH) as served:
        measure([SYNC], served.environment)
        pairs = [
            (measure([SYNC], served.environment), measure(["-c", "import dlt, duckdb"], served.environment))
            for _ in range(rounds)
        ]
    ours, imports = (median(cost.wall_seconds for cost in costs) for costs in zip(*pairs, strict=True))
    yield Figure("run with nothing new, both providers: wall time / importing dlt and duckdb", ours / imports, 1.7)


def stuck(rounds: int) -> Iterator[Figure]:
    """What latency adds to a quiet run of both providers, each with a hundred faxes that stay open."""
    with accounts(*BOTH, faxes=10 * FAXES, span=STUCK_SINCE) as served:
        for fake in served.fakes.values():
            _leave_open(fake)
        measure([SYNC], served.environment)
        pairs = [(_quiet(served, 0.0), _quiet(served, LATENCY_SECONDS)) for _ in range(rounds)]
    without, delayed = (median(seconds) for seconds in zip(*pairs, strict=True))
    name = f"run with nothing new, both providers, {STUCK} stuck faxes each: seconds that 50 ms a request add"
    yield Figure(name, delayed - without, 0.5)


def _leave_open(fake: Any) -> None:
    """Has the oldest faxes be as open as the newest."""
    status = fake.records[fake.open_ids()[0]]["status"]
    for _, id in fake.store.order()[:STUCK]:
        fake.change(id, status=status)


def _quiet(served: Accounts, delay_seconds: float) -> float:
    served.delay_seconds[0] = delay_seconds
    return measure([SYNC], served.environment).wall_seconds


def check_of_a_year(rounds: int) -> Iterator[Figure]:
    """`check.py` over a year of five-minute runs, with 1,000 faxes a day, which the provider no longer lists."""
    from tests.support.warehouse.aged import age
    from tests.support.warehouse.file_and_database import File

    with accounts("phaxio", faxes=3, span=timedelta(minutes=15)) as served:
        measure([SYNC], served.environment)
        age(File(served.warehouse))
        seconds = [measure([CHECK], served.environment, exit_codes=(0, 65)).wall_seconds for _ in range(rounds)]
    yield Figure("check.py over a year of five-minute runs, 1,000 faxes a day: seconds", median(seconds), 2.0)


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
