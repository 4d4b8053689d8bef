"""A provider's account that goes on living: faxes arrive, end, are credited and deleted, while a sync reads it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from random import Random
from threading import Event, Thread
from typing import Any

from sources.fakes.server import FakeServer, serve
from sources.records.coerce import parse_instant
from tests.support.credentials import CREDENTIALS
from tests.support.environment import settings_of
from tests.support.every_list import EVERY_LIST
from tests.support.faults.wire import cost, created_at

HISTORY, DAYS = 1_500, 550  # faxes of an account before the first run, and how far back they reach
YOUNG = timedelta(days=2.5)  # what every run reads again, with room for a slow machine
PAUSE_SECONDS = 0.05  # between two things that happen


class Account:
    """One account; `known` are the ids of its faxes, final and young, that the warehouse held when last looked at."""

    def __init__(self, provider: str, server: FakeServer, fake: Any, seed: int) -> None:
        self.provider, self.server, self.fake = provider, server, fake
        self.known: list[str] = []
        self._random, self._births = Random(seed), 0

    def settings(self) -> dict[str, str]:
        """What the environment must say to reach it."""
        return settings_of(self.provider, self.fake, self.server.url)

    def live(self) -> None:
        """A few things happen."""
        self._births += 1
        own = {"first_id": 600_000_000 + self._births * 100} if self.provider == "phaxio" else {}
        generate = import_module(f"sources.{self.provider}.fake").generate
        now, days = datetime.now(UTC), self._random.choice((0.001, 0.1, 2))
        born = self._random.randint(0, 9)
        self.fake.add(*generate(born, start=now - timedelta(days=days), end=now, seed=self._random.random(), **own))
        still_open = [id for id in self.fake.open_ids() if self._is_young(id)]  # older ones are asked for once a day
        for id in self._random.sample(still_open, min(2, len(still_open))):
            self.fake.settle_one(id)
        if self.known:
            self._end(self.known.pop(self._random.randrange(len(self.known))))

    def _is_young(self, id: Any) -> bool:
        """Every run reads the fax again."""
        return parse_instant(created_at(self.provider, self.fake.records[id])) > datetime.now(UTC) - YOUNG

    def _end(self, id: str) -> None:
        """One fax is credited; or deleted, where that leaves a trace and nothing else has to be known of it."""
        if self.provider == "signalwire" and self._random.random() < 0.3:
            self.fake.delete(id)
        else:
            own_id = next(own for own in self.fake.records if str(own) == id)
            self.fake.change(own_id, **cost(self.provider, self._random.randint(0, 99)))

    def note(self, truth: list[dict[str, Any]]) -> None:
        """The warehouse has been found to hold this."""
        young, there = datetime.now(UTC) - YOUNG, {str(id) for id in self.fake.records}
        self.known = [
            fax["id"] for fax in truth if fax["is_final"] and fax["id"] in there and fax["created_at"] > young
        ]


@contextmanager
def living(provider: str, seed: int) -> Iterator[Account]:
    """An account with a history, served."""
    fakes = import_module(f"sources.{provider}.fake")
    now = datetime.now(UTC)
    fake = fakes.Fake(
        fakes.generate(HISTORY, start=now - timedelta(days=DAYS), end=now, seed=seed),
        **CREDENTIALS[provider] | EVERY_LIST.get(provider, {}),
    )
    with serve(fake.answer) as server:
        yield Account(provider, server, fake, seed)


@contextmanager
def restless(accounts: list[Account]) -> Iterator[None]:
    """Things happen in all of them for as long as the block runs."""
    over = Event()

    def live() -> None:
        while not over.wait(PAUSE_SECONDS):
            for account in accounts:
                account.live()

    thread = Thread(target=live)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
