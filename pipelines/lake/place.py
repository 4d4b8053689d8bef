"""The place of the Delta tables: a local directory, which has a lock file, or object storage."""

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from pipelines.config.directory import local_directory
from pipelines.warehouse import lock
from sources.errors import LocalError


def locked(output: str) -> AbstractContextManager[Any]:
    """Locks a local directory against other runs. On other storage, Delta's commits detect a concurrent run.

    Raises:
        AtWork: another run into the same directory is at work.
    """
    directory = local_directory(output)
    if directory is None:
        return nullcontext()
    directory.parent.mkdir(parents=True, exist_ok=True)
    return lock.file(Path(f"{directory}.lock"))


def locked_to_read(output: str) -> AbstractContextManager[Any]:
    """Like `locked`, for reading: without tables, it creates no file.

    Raises:
        AtWork: a run into the directory is at work.
        LocalError: the directory cannot be created or written to.
    """
    directory = local_directory(output)
    if directory is None:
        return locked(output)
    if directory.exists():
        if not os.access(directory, os.W_OK | os.X_OK):
            raise LocalError(f"{directory} cannot be written: check its owner and its mode")
        return locked(output)
    parent = next(folder for folder in directory.parents if folder.exists())
    if not (parent.is_dir() and os.access(parent, os.W_OK | os.X_OK)):
        raise LocalError(f"{directory} cannot be made in {parent}: check its owner and its mode")
    return nullcontext()
