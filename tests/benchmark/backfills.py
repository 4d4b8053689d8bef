"""Backfills, in alternating rounds: this sync, the floor, and dlt's own source."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from statistics import median

import psycopg2

from tests.benchmark.account import prepare
from tests.benchmark.measured import HERE, ROOT, Cost, Server, leading_to, measure, served, settings

CONNECTIONS = 4  # as many as the sync has by default
MAX_BY_DEFAULTS = 20_000  # faxes that dlt's defaults are tried with: they need 6 GB for 50,000
_LOGGED = """
    select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') + temp_bytes from pg_stat_database
    where datname = current_database()
"""
Command = Callable[[Server, str], list[str]]


@dataclass(frozen=True)
class Contestant:
    """Who fills which kind of warehouse, with how many faxes at the most; `command` is Python's."""

    name: str
    destination: str
    command: Command
    most_faxes: int = 10**9


def _sync(server: Server, credentials: str) -> list[str]:
    return [str(ROOT / "pipelines" / "sync.py"), "--provider", "phaxio"]


def _floor(connections: int) -> Command:
    return lambda server, credentials: [str(HERE / "floor.py"), server.url, credentials, str(connections)]


def _peer(manner: str) -> Command:
    return lambda server, credentials: [str(HERE / "peer.py"), server.url, credentials, manner]


CONTESTANTS = (
    Contestant("sync", "duckdb", _sync),
    Contestant("floor, sequential", "duckdb", _floor(1)),
    Contestant("floor, 4 connections", "duckdb", _floor(CONNECTIONS)),
    Contestant("rest_api, tuned", "duckdb", _peer("tuned")),
    Contestant("rest_api, defaults", "duckdb", _peer("defaults"), MAX_BY_DEFAULTS),
    Contestant("sync", "postgres", _sync),
    Contestant("floor, sequential", "postgres", _floor(1)),
    Contestant("floor, 4 connections", "postgres", _floor(CONNECTIONS)),
)


@dataclass(frozen=True)
class Backfill:
    """One contestant's median of all rounds."""

    name: str
    destination: str
    latency_ms: float
    faxes: int
    cost: Cost


def backfills(contestants: list[Contestant], faxes: int, rounds: int, latencies_ms: list[float]) -> Iterator[Backfill]:
    """Each contestant at each latency; nobody has two turns before everybody has had one."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        counts = {contestant: min(faxes, contestant.most_faxes) for contestant in contestants}
        accounts = {count: prepare(Path(directory) / str(count), count) for count in set(counts.values())}
        for latency_ms in latencies_ms:
            costs: dict[Contestant, list[Cost]] = {contestant: [] for contestant in contestants}
            for _ in range(rounds):
                for contestant, taken in costs.items():
                    taken.append(turn(contestant, accounts[counts[contestant]], latency_ms))
            for contestant, taken in costs.items():
                middle = Cost(*map(median, zip(*map(astuple, taken), strict=True)))
                yield Backfill(contestant.name, contestant.destination, latency_ms, counts[contestant], middle)


def turn(contestant: Contestant, account: Path, latency_ms: float) -> Cost:
    """What one contestant takes for one account, into a warehouse of its own."""
    with served(account, latency_ms) as server, warehouse(contestant.destination) as credentials:
        environment = settings(account / "project", credentials) | leading_to(server)
        before = logged_mb(credentials)
        cost = measure(contestant.command(server, credentials), environment, server)
        return replace(cost, logged_mb=logged_mb(credentials) - before)


def logged_mb(credentials: str) -> float:
    """MB of write-ahead log and of temporary files that PostgreSQL has written so far; none for a DuckDB file."""
    if not credentials.startswith("postgresql:"):
        return 0.0
    with closing(psycopg2.connect(credentials)) as connection, connection.cursor() as cursor:
        cursor.execute(_LOGGED)
        ((size,),) = cursor.fetchall()
    return int(size) / 1e6


@contextmanager
def warehouse(destination: str) -> Iterator[str]:
    """The credentials of an empty warehouse: a DuckDB file, or a database of a PostgreSQL that ends with the block."""
    if destination == "duckdb":
        with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
            yield str(Path(directory) / "warehouse.duckdb")
        return
    from tests.support.servers.postgres import server

    with server() as running:
        yield running.url(running.create())
