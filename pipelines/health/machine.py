"""What is amiss with the machine: packages, disks, and who can read the secrets."""

import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement

from pipelines.config import bootstrap

_LEAST_DISK = 1_000_000_000  # bytes


def machine_findings() -> Iterator[str]:
    """One sentence for each thing that is amiss here, with its remedy."""
    for known in _known_good():
        found = version(known.name)
        if found not in known.specifier:
            yield f"{known.name} {found} was never tried with this version: run uv sync, or install {known}"
    for directory in (bootstrap.ROOT, Path(tempfile.gettempdir())):
        if scarce := scarce_room(directory):
            yield scarce
    if readable := readable_by_others():
        yield readable


def scarce_room(directory: Path) -> str | None:
    """A sentence, if there is little room on the directory's disk."""
    free = shutil.disk_usage(directory).free
    return f"{directory} has {free / 1e6:,.0f} MB left: make room" if free < _LEAST_DISK else None


def _known_good() -> list[Requirement]:
    """The packages that pyproject.toml asks for, in the versions it gives."""
    told = tomllib.loads((bootstrap.ROOT / "pyproject.toml").read_text("utf-8"))
    return [Requirement(dependency) for dependency in told["project"]["dependencies"]]


def readable_by_others() -> str | None:
    """A sentence, if others on this machine can read the secrets."""
    secrets = bootstrap.settings_directory() / "secrets.toml"
    if secrets.is_file() and secrets.stat().st_mode & 0o077:
        return f"{secrets} can be read by others: chmod 600 {secrets}"
    return None
