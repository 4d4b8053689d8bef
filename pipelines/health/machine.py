"""What is wrong with this machine: package versions, disk space, and the mode of secrets.toml."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pipelines.config import bootstrap
from pipelines.config.packages import untested_packages

_LEAST_DISK = 1_000_000_000  # bytes


def machine_findings() -> Iterator[str]:
    """One sentence for each fault, with its remedy."""
    yield from untested_packages()
    for directory in (bootstrap.PROJECT, Path(tempfile.gettempdir())):
        if scarce := scarce_room(directory):
            yield scarce
    if readable := readable_by_others():
        yield readable


def scarce_room(directory: Path) -> str | None:
    """A sentence if the directory's disk has little free space, else None."""
    free = shutil.disk_usage(directory).free
    return f"the disk of {directory} has {free / 1e6:,.0f} MB left: free some space" if free < _LEAST_DISK else None


def readable_by_others() -> str | None:
    """A sentence if other users of this machine can read secrets.toml, else None."""
    secrets = bootstrap.settings_directory() / "secrets.toml"
    if secrets.is_file() and secrets.stat().st_mode & 0o077:
        return f"{secrets} can be read by other users: chmod 600 {secrets}"
    return None
