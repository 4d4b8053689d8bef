"""A lack of memory or of open files as a `FaxSyncError`. Executors use it, so it needs no dlt and no DuckDB."""

import errno
import os

from sources.errors import LocalError

_NO_MEMORY = "out of memory: give the process more, or lower [sync] rows_per_load"
_NO_FILES = "too many open files: raise the limit of this process (ulimit -n)"
_OF_LIBRARIES = ("IOException", "DeltaError", "ArrowInvalid", "PanicException")  # those of this machine, no server's


def scarcity(error: BaseException) -> LocalError | None:
    """What this machine lacks, according to an error; None if it lacks nothing."""
    text = str(error)
    if isinstance(error, MemoryError) or text == "can't start new thread":
        return LocalError(_NO_MEMORY)
    is_local = isinstance(error, (OSError, ImportError)) or type(error).__name__ in _OF_LIBRARIES
    if is_local and os.strerror(errno.EMFILE) in text:
        return LocalError(_NO_FILES)
    if is_local and os.strerror(errno.ENOMEM) in text:
        return LocalError(_NO_MEMORY)
    if isinstance(error, ImportError) and "shared object" in text:  # the loader says no more than that it failed
        return LocalError(_NO_MEMORY)
    return None
