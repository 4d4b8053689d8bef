"""A Phaxio account whose pages are rendered beforehand: one blob of JSON, newest fax first, of which a page is a slice.

Beside the blob are two files of 64-bit integers: where each fax ends in it, and when it was created, in microseconds.
"""

from array import array
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

BLOB, ENDS, INSTANTS = "faxes.json", "ends", "instants"
CHAPTER = 20_000  # faxes that are made at a time
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def prepare(directory: Path, faxes: int, span: timedelta = timedelta(days=1000)) -> Path:
    """Renders so many faxes, created evenly over the span before now, the newest three in a hundred of them open."""
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


def _newest_first(faxes: int, span: timedelta) -> Any:
    from sources.phaxio.fake import Fake, generate

    end = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    left = faxes
    while left:
        count = min(left, CHAPTER)
        start = end - span * count / faxes
        settled = {} if left == faxes else {"open_from": end}
        fake = Fake(generate(count, start=start, end=end, seed=left, first_id=1 + left - count, **settled))
        for created_at, number in reversed(fake.store.order()):
            yield fake.store.shown([number])[1:-1], created_at
        end, left = start, left - count
