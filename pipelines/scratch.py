"""dlt's working directory: a fresh one for each run, and none left by a run that was killed.

It holds whole load packages, with the phone numbers in them.
"""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sources.errors import ConfigError

_PREFIX = "fax-sync-"


@contextmanager
def working_directory() -> Iterator[str]:
    """A new directory that nobody else can read; removed at the end, as are those of runs that are no more.

    Raises:
        ConfigError: others could put a directory of their own in its place, and dlt would believe what it finds there.
    """
    place = Path(tempfile.gettempdir())
    mode = place.stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise ConfigError(
            f"anybody may rename what is in {place}: chmod +t {place}, or set TMPDIR to another directory"
        )
    for left in place.glob(f"{_PREFIX}*"):
        if left.is_dir() and _is_orphan(left):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as directory:
        yield directory


def remove_own() -> None:
    """Removes the directories of this process, which is about to end without ending its blocks."""
    for own in Path(tempfile.gettempdir()).glob(f"{_PREFIX}{os.getpid()}-*"):
        shutil.rmtree(own, ignore_errors=True)


def _is_orphan(directory: Path) -> bool:
    """The directory is ours, and the process that its name tells is gone."""
    process = directory.name.removeprefix(_PREFIX).partition("-")[0]
    if directory.stat().st_uid != os.getuid() or not process.isdigit():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
