"""What becomes of memory and time when the history is ten times as long."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmark.account import prepare
from tests.benchmark.backfills import CONTESTANTS, turn
from tests.benchmark.targets import Figure


def tenfold(faxes: int) -> Iterator[Figure]:
    """Backfills of half as many faxes as given, and of ten times that, into DuckDB."""
    small, large = faxes // 2, faxes * 5
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        costs = [turn(CONTESTANTS[0], prepare(Path(directory) / str(count), count), 0) for count in (small, large)]
    less, more = costs
    yield Figure(f"peak memory at {large:,} faxes / at {small:,}", more.peak_mb / less.peak_mb, 1.2)
    yield Figure(f"peak memory at {large:,} faxes, MB", more.peak_mb, 350)
    yield Figure(
        f"time of {large:,} faxes / ten times that of {small:,}", more.wall_seconds / (10 * less.wall_seconds), 1.1
    )
