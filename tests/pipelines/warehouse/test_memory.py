"""The memory of a run does not grow with its rows."""

import gc
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dlt.common.schema import Schema

from pipelines.config.accounts import Account
from pipelines.warehouse import load
from sources.extract.source import Source
from sources.load.batches import Batches
from sources.load.plan import Position
from sources.load.resources import DltTables
from sources.load.run import Run
from sources.load.run_request import Horizon, RunRequest
from sources.records.record import Placed
from sources.signalwire import fake as signalwire
from tests.conftest import ServeFake, Settings, generated
from tests.support.commands.in_process import run_once
from tests.support.environment import applied

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def without_automatic_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


@pytest.mark.slow
@pytest.mark.parametrize("many_rows", [1, 10_000])
def test_what_loads_of_many_rows_leave_behind_is_released_before_the_next(
    many_rows: int,
    serve_fake: ServeFake,
    settings: Settings,
    without_automatic_collection: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    serve_fake("signalwire", signalwire.generate(9, start=NOW - timedelta(days=900), end=NOW))
    monkeypatch.setattr(load, "_MANY_ROWS", many_rows)
    schemas: list[int] = []

    run_once("signalwire", settings, rows_per_load=1, after_load=lambda _: schemas.append(_count(Schema)))

    grown, loads = schemas[-1] - schemas[1], len(schemas) - 2
    assert (loads > 2, grown > 10 * loads) == (True, many_rows > 1), schemas  # each load creates about 23


def test_faxes_read_beside_a_load_are_held_as_rows(serve_fake: ServeFake, settings: Settings) -> None:
    serve_fake("phaxio", generated("phaxio", 20, days=2))
    with applied(settings):
        source = Source("phaxio", settings=Account("phaxio").settings())
    horizon = Horizon(NOW - timedelta(days=3), timedelta(days=3), timedelta(days=30), 100)
    stored: Any = None  # a first run asks for nothing stored before it loads
    run = Run(RunRequest("a", horizon), source, source.connect(), stored, NOW)
    batches, before = Batches(run, Position(), DltTables()), _count(Placed)
    with batches.reading_ahead():
        until = time.monotonic() + 20
        while not batches.is_read and time.monotonic() < until:
            time.sleep(0.01)

    assert (batches.has_read_ahead, _count(Placed)) == (True, before)


def _count(kind: type) -> int:
    return sum(type(each) is kind for each in gc.get_objects())
