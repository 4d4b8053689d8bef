"""What it takes to bring a hundred new faxes into a warehouse that holds few, and into one that holds many."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import duckdb
import psycopg2

from tests.benchmark.backfills import warehouse
from tests.benchmark.quiet import Accounts, accounts
from tests.benchmark.targets import Figure

FRESH = 100
# Ten years ago, long before the days that are read again; the ids are below those of the account.
FAXES = """
    insert into fax_phaxio.faxes (account, id, direction, status, is_test, created_at, cost, tags, _dlt_load_id
        , _dlt_id)
    select 'default', -i, 'sent', 'success', false, timestamptz '2016-01-01 00:00:00+00' + i * interval '1 second', 7
        , '{{}}', (select min(load_id) from fax_phaxio._dlt_loads), cast(-i as varchar)
    from generate_series(1, {faxes}) as made(i)
"""
RECIPIENTS = """
    insert into fax_phaxio.fax_recipients (account, fax_id, position, phone_number, status, _dlt_parent_id
        , _dlt_load_id, _dlt_id)
    select 'default', -i, 0, '+12065550100', 'success', cast(-i as varchar)
        , (select min(load_id) from fax_phaxio._dlt_loads), cast(-i as varchar) || '.0'
    from generate_series(1, {faxes}) as made(i)
"""


@dataclass
class Filled:
    """A warehouse that holds so many faxes, the account that goes on, and the seconds that each of its runs took."""

    served: Accounts
    next_id: int = 10**9
    seconds: list[float] = field(default_factory=list)

    def bring(self) -> None:
        """A hundred new faxes, and a run that loads them."""
        from sources.phaxio.fake import generate
        from tests.support.commands.in_process import run_once

        now = datetime.now(UTC)
        self.served.fakes["phaxio"].add(
            *generate(FRESH, start=now - timedelta(minutes=30), end=now, seed=self.next_id, first_id=self.next_id)
        )
        self.next_id += FRESH
        began = time.monotonic()
        run = run_once("phaxio", self.served.environment)
        self.seconds.append(time.monotonic() - began)
        assert run.tally.new == FRESH, f"{run.tally.new} faxes came"


def into_large(rounds: int, faxes: int = 5_000_000) -> Iterator[Figure]:
    """The time of a run that brings 100 faxes, less its imports, beside the same into a hundredth as many."""
    for destination in ("duckdb", "postgres"):
        with filled(destination, faxes // 100) as small, filled(destination, faxes) as large:
            for _ in range(rounds):
                small.bring()
                large.bring()
        name = f"{FRESH} faxes into {faxes:,} in {destination} / into {faxes // 100:,}"
        yield Figure(name, median(large.seconds) / median(small.seconds), 2.0)


@contextmanager
def filled(destination: str, faxes: int) -> Iterator[Filled]:
    """A warehouse that a sync has made, with so many old faxes put into it by SQL."""
    from tests.support.commands.in_process import run_once

    with ExitStack() as stack:
        credentials = stack.enter_context(warehouse(destination))
        served = stack.enter_context(accounts("phaxio"))
        served.environment["DESTINATION__WAREHOUSE__DESTINATION_TYPE"] = destination
        served.environment["DESTINATION__WAREHOUSE__CREDENTIALS"] = credentials
        run_once("phaxio", served.environment)
        for statement in (FAXES, RECIPIENTS):
            execute(credentials, statement.format(faxes=faxes))
        made = Filled(served)
        made.bring()  # after a mass of rows the first run pays for what the next ones find done
        made.seconds.clear()
        yield made


def execute(credentials: str, statement: str) -> None:
    """Executes a statement in the warehouse, and commits."""
    connection: Any = psycopg2.connect(credentials) if credentials.startswith("postgresql:") else None
    with closing(connection or duckdb.connect(credentials)) as opened:
        opened.cursor().execute(statement)
        opened.commit()
