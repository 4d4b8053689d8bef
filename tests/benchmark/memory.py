"""What a process and all that it has started hold in memory."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

EVERY_SECONDS = 0.1


@dataclass
class Peak:
    """The most that was seen, in MB; what several processes share counts once."""

    mb: float = 0.0


@contextmanager
def peak_memory(pid: int) -> Iterator[Peak]:
    """Looks at a process, and whatever it has started, for as long as the block runs."""
    for file in (f"task/{pid}/children", "smaps_rollup"):
        Path(f"/proc/{pid}/{file}").read_text()  # or nothing would be seen, and nobody told
    peak, ended = Peak(), threading.Event()

    def look() -> None:
        while not ended.wait(EVERY_SECONDS):
            peak.mb = max(peak.mb, sum(map(_memory, _family(pid))))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield peak
    finally:
        ended.set()
        looking.join()


def _family(pid: int) -> Iterator[int]:
    yield pid
    with suppress(OSError):  # it has ended
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                yield from _family(int(child))


def _memory(pid: int) -> float:
    with suppress(OSError):  # as above
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1000
    return 0.0
