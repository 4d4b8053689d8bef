"""One run at a time: two runs that share a staging schema would lose rows without an error."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sources.errors import Busy


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Holds the lock file at `path`; the system frees it with the process, however that ends.

    Raises:
        Busy: another run holds it; the message names its process and its start.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(
                f"another run holds {path.name} ({file.read().strip() or 'just started'}): it will do the work"
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} since {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n")
        file.flush()
        yield
