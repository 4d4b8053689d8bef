"""dlt's working directory: a new one for each run, which also removes those of runs that were killed.

The directory contains load packages with phone numbers. A run locks a file in its directory until it ends: a process id
does not identify a run in another container with the same TMPDIR.
"""

import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipelines.outcome.signals import before_ending_at_once
from sources.errors import ConfigError

_PREFIX = "fax-sync-"
_MAKING = ".fax-sync-new-"
_LOCK = "lock"
_DAY_SECONDS = 24 * 60 * 60
_own: set[Path] = set()  # the directories of this process; a process id may also be one of another container


@contextmanager
def working_directory() -> Iterator[str]:
    """The path of a new directory that only this user can read; removed at the end of the block.

    Before, the directories of runs that were killed are removed.

    Raises:
        ConfigError: other users could replace the directory with their own, whose contents dlt would trust, or the
            temporary directory does not support file locks.
    """
    place = Path(tempfile.gettempdir())
    mode = place.stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise ConfigError(
            f"other users may rename directories in {place}: chmod +t {place}, or set TMPDIR to another directory"
        )
    remove_dead()
    directory, lock = _create(place)
    _own.add(directory)
    try:
        yield str(directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        _own.remove(directory)
        os.close(lock)


def remove_dead() -> None:
    """Removes the directories of runs that were killed: a directory whose lock can be taken is dead."""
    for leftover in Path(tempfile.gettempdir()).glob(f"*{_PREFIX}*"):
        with suppress(FileNotFoundError):  # another run, or thread, renames or removes its own at any time
            if _is_ours(leftover):
                _remove_if_dead(leftover)


@before_ending_at_once
def _remove_own() -> None:
    """Removes the directories of this process, which is about to end without leaving its blocks."""
    for directory in tuple(_own):
        shutil.rmtree(directory, ignore_errors=True)


def _create(place: Path) -> tuple[Path, int]:
    """A new directory and the descriptor of its lock, held. It gets its final name, which other runs look for, last."""
    unnamed = Path(tempfile.mkdtemp(prefix=_MAKING, dir=place))
    lock = os.open(unnamed / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        directory = place / unnamed.name.replace(_MAKING, f"{_PREFIX}{os.getpid()}-")
        return unnamed.rename(directory), lock
    except BaseException as error:
        os.close(lock)
        shutil.rmtree(unnamed, ignore_errors=True)
        if isinstance(error, OSError):
            raise ConfigError(f"no file can be locked in {place}: set TMPDIR to a directory on a local disk") from error
        raise


def _is_ours(directory: Path) -> bool:
    """The path is a directory of this user, not a link, and has the name of a working directory."""
    there = directory.lstat()
    is_named = directory.name.startswith(_MAKING) or directory.name.removeprefix(_PREFIX).partition("-")[0].isdigit()
    return is_named and stat.S_ISDIR(there.st_mode) and there.st_uid == os.getuid()


def _remove_if_dead(directory: Path) -> None:
    if directory.name.startswith(_MAKING):
        if _is_old(directory):  # its run was killed before it had a name
            shutil.rmtree(directory, ignore_errors=True)
        return
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
        pass  # the run is alive, or has just ended
    finally:
        os.close(lock)


def _is_orphan_without_lock(directory: Path) -> bool:
    """A run of an earlier version left the directory: its process has ended, or it is older than any live run."""
    process = int(directory.name.removeprefix(_PREFIX).partition("-")[0])
    try:
        if _is_old(directory):
            return True
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:
        return False
    return False


def _is_old(directory: Path) -> bool:
    """It is older than any live run."""
    return time.time() - directory.lstat().st_mtime > _DAY_SECONDS
