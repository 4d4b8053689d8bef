"""A Phaxio account whose pages are rendered beforehand: one blob of JSON, newest fax first, of which a page is a slice.

Beside the blob are two files of 64-bit integers: where each fax ends in it, and when it was created, in microseconds.
"""

from array import array
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.benchmark.server import BLOB, ENDS, EPOCH, INSTANTS

CHAPTER = 20_000  # faxes that are made at a time


def prepare(directory: Path, faxes: int, span: timedelta = timedelta(days=1000)) -> Path:
    """Renders so many faxes, created evenly over the span before now; of the latest some are still open."""
    directory.mkdir(parents=True)
    ends, instants = array("q"), array("q")
    with (directory / BLOB).open("wb") as blob:
        for fax, created_at in _newest_first(faxes, span):
            blob.write(fax + b",")
            ends.append(blob.tell())
            instants.append((created_at - EPOCH) // timedelta(microseconds=1))
    (directory / ENDS).write_bytes(ends)
    (directory / INSTANTS).write_bytes(instants)
    return directory


def _newest_first(faxes: int, span: timedelta) -> Iterator[tuple[bytes, datetime]]:
    from sources.phaxio.fake import Fake, generate

    end = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    left = faxes
    while left:
        count = min(left, CHAPTER)
        start = end - span * count / faxes
        open_from = None if left == faxes else end
        made = generate(count, start=start, end=end, seed=left, first_id=1 + left - count, open_from=open_from)
        fake = Fake(made)
        for created_at, number in reversed(fake.store.order()):
            yield fake.store.shown([number])[1:-1], created_at
        end, left = start, left - count
