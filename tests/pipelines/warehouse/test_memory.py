"""The memory of a run does not grow with its rows."""

import gc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from dlt.common.schema import Schema

from pipelines.warehouse import load
from sources.signalwire import fake as signalwire
from tests.conftest import ServeFake, Settings
from tests.support.commands.in_process import run_once

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


def _count(kind: type) -> int:
    return sum(type(each) is kind for each in gc.get_objects())
