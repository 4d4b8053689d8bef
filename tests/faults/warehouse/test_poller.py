"""Somebody who reads PostgreSQL all the time: every look sees whole faxes, and waits for nothing."""

from contextlib import closing
from threading import Event, Thread

import psycopg2
import pytest

import sources
from tests.faults.conftest import StartServerTrial, more
from tests.support.faults.server_trial import ServerTrial

LOADS = 8
VIEWS = ("fax_recipients", "fax_tags", "monthly_costs", "sync_windows")
CHECKS = {  # each gives what no look may ever see
    "a fax twice": "select id from fax.faxes group by provider, account, id having count(*) > 1",
    "a recipient without its fax": "select r.fax_id from fax.fax_recipients as r"
    " left join fax.faxes as f on (f.provider, f.account, f.id) = (r.provider, r.account, r.fax_id) where f.id is null",
    "a fax that was sent to nobody": "select id from fax.faxes where direction = 'sent'"
    " and (provider, account, id) not in (select provider, account, fax_id from fax.fax_recipients)",
}


class Poller:
    """Looks again and again, each time at one moment of the database; `looks` are how many faxes it saw."""

    def __init__(self, trying: ServerTrial) -> None:
        self.looks: list[int] = []
        self.seen: list[str] = []
        self._trying, self._over = trying, Event()
        self._thread = Thread(target=self._poll)

    def __enter__(self) -> "Poller":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _poll(self) -> None:
        with closing(self._trying.server.connect(self._trying.database)) as connection, connection.cursor() as cursor:
            cursor.execute("set statement_timeout = '1s'")
            while not self._over.is_set():
                try:
                    self._look(cursor)
                except psycopg2.Error as error:
                    self.seen.append(str(error))
                    return

    def _look(self, cursor: "psycopg2.extensions.cursor") -> None:
        cursor.execute("begin isolation level repeatable read read only")
        cursor.execute("select count(*) from fax.faxes")
        self.looks += [faxes for (faxes,) in cursor.fetchall()]
        for name, sql in CHECKS.items():
            cursor.execute(sql)
            self.seen += [f"{name}: {row}" for row in cursor.fetchall()]
        for view in VIEWS:
            cursor.execute(f"select * from fax.{view}")
        cursor.execute("commit")


@pytest.mark.parametrize("provider", sources.providers())
def test_every_look_during_eight_loads_sees_whole_faxes_at_once(provider: str, server_trial: StartServerTrial) -> None:
    trying = server_trial(provider)
    totals = {len(trying.ids())}
    with Poller(trying) as poller:
        for number in range(LOADS):
            trying.served.fake.add(*more(provider, 30, seed=30 + number))
            for id in trying.served.fake.open_ids()[::2]:
                trying.served.fake.settle_one(id)
            totals.add(len(trying.served.fake.truth()))
            trying.recovers()

    assert poller.seen == []
    assert set(poller.looks) <= totals
    assert len(set(poller.looks)) > LOADS / 2
    assert sorted(poller.looks) == poller.looks
