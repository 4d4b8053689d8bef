"""Where the Delta tables are: a directory of this machine, which has a lock, or other storage."""

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pipelines.warehouse import lock
from sources.errors import LocalError


def local_directory(output: str) -> Path | None:
    """The directory of this machine that a URL names; None for other storage."""
    parts = urlsplit(output)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def locked(output: str) -> AbstractContextManager[Any]:
    """Keeps other runs of this machine away from a local directory; elsewhere Delta's commits do, if later.

    Raises:
        AtWork: another run into the same directory goes on.
    """
    directory = local_directory(output)
    if directory is None:
        return nullcontext()
    directory.parent.mkdir(parents=True, exist_ok=True)
    return lock.file(Path(f"{directory}.lock"))


def locked_to_read(output: str) -> AbstractContextManager[Any]:
    """As `locked`; leaves nothing on the disk if there are no tables yet.

    Raises:
        LocalError: the tables cannot be made.
    """
    directory = local_directory(output)
    if directory is None or directory.exists():
        return locked(output)
    there = next(parent for parent in directory.parents if parent.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise LocalError(f"{directory} cannot be made in {there}: check its owner and its mode")
    return nullcontext()
