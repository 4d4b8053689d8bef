"""dlt's working directory: a fresh one for each run, and none left by a run that was killed.

It holds whole load packages, with the phone numbers in them. A run holds a lock on a file in its directory for as long
as it lives: process ids say nothing about a run in another container with the same TMPDIR.
"""

import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.outcome.signals import before_ending_at_once
from sources.errors import ConfigError

_PREFIX = "fax-sync-"
_MAKING = ".fax-sync-new-"
_LOCK = "lock"
_DAY_SECONDS = 24 * 60 * 60
_own: set[Path] = set()  # the directories of this process; by its id, one of another container might be meant


@contextmanager
def working_directory() -> Iterator[str]:
    """A new directory that only this user can read; removed at the end, as are those of runs that were killed.

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
        if _is_ours(left):
            _remove_if_dead(left)
    directory, lock = _make(place)
    _own.add(directory)
    try:
        yield str(directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        _own.remove(directory)
        os.close(lock)


@before_ending_at_once
def _remove_own() -> None:
    """Removes the directories of this process, which is about to end without ending its blocks."""
    for directory in _own:
        shutil.rmtree(directory, ignore_errors=True)


def _make(place: Path) -> tuple[Path, int]:
    """A new directory and its lock, held; the directory has the name that others look for only once it is locked."""
    made = Path(tempfile.mkdtemp(prefix=_MAKING, dir=place))
    lock = os.open(made / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        directory = place / made.name.replace(_MAKING, f"{_PREFIX}{os.getpid()}-")
        return made.rename(directory), lock
    except BaseException as error:
        os.close(lock)
        shutil.rmtree(made, ignore_errors=True)
        if isinstance(error, OSError):
            raise ConfigError(f"no file can be locked in {place}: set TMPDIR to a directory on a local disk") from error
        raise


def _is_ours(directory: Path) -> bool:
    """It is a directory of this user's, and no link to one, with a name that a run gives."""
    try:
        there = directory.lstat()
    except FileNotFoundError:
        return False
    is_named = directory.name.removeprefix(_PREFIX).partition("-")[0].isdigit()
    return is_named and stat.S_ISDIR(there.st_mode) and there.st_uid == os.getuid()


def _remove_if_dead(directory: Path) -> None:
    try:
        lock = os.open(directory / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        if _is_orphan_without_lock(directory):
            shutil.rmtree(directory, ignore_errors=True)
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(directory, ignore_errors=True)
    except OSError:
        pass  # the run lives, or has just ended
    finally:
        os.close(lock)


def _is_orphan_without_lock(directory: Path) -> bool:
    """A run of an earlier version left it: its process is gone, or it is older than any run that still goes on."""
    process = int(directory.name.removeprefix(_PREFIX).partition("-")[0])
    try:
        if time.time() - directory.lstat().st_mtime > _DAY_SECONDS:
            return True
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:
        return False
    return False
