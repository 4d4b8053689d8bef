"""Random histories of an account, for the fake providers."""

from collections.abc import Callable, Sequence
from datetime import datetime
from random import Random

from sources.fakes.store import Record
from sources.fakes.time import spread


def history(
    count: int,
    start: datetime,
    end: datetime,
    seed: int,
    open_from: datetime | None,
    create: Callable[[datetime, Random], Record],
    settle: Callable[[Record], Record],
    open_statuses: Sequence[str],
) -> list[Record]:
    """`count` records of [start, end), in order of creation. Three in four of those created since `open_from` are open.

    By default `open_from` is the creation time of the first of the newest three per cent.
    """
    rng = Random(seed)
    moments = spread(count, start, end, rng)
    open_from = open_from or newest(moments, end)
    records = []
    for turn, moment in enumerate(moments):
        record = create(moment, rng)
        is_open = moment >= open_from and turn % 4 != 0
        records.append(record | {"status": open_statuses[turn % len(open_statuses)]} if is_open else settle(record))
    return records


def newest(moments: Sequence[datetime], end: datetime) -> datetime:
    """The first of the newest three per cent of the moments, which are in order; `end` if there are none."""
    return moments[-max(1, len(moments) * 3 // 100)] if moments else end
