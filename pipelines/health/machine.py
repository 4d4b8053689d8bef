"""What is wrong with this machine: package versions, disk space, and the mode of secrets.toml."""

import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from importlib.metadata import requires, version
from pathlib import Path

from packaging.requirements import Requirement

from pipelines.config import bootstrap

_LEAST_DISK = 1_000_000_000  # bytes


def machine_findings() -> Iterator[str]:
    """One sentence for each fault, with its remedy."""
    for required in _required_packages():
        installed = version(required.name)
        if installed not in required.specifier:
            yield f"{required.name} {installed} is not a tested version: run uv sync, or install {required}"
    for directory in (bootstrap.PROJECT, Path(tempfile.gettempdir())):
        if scarce := scarce_room(directory):
            yield scarce
    if readable := readable_by_others():
        yield readable


def scarce_room(directory: Path) -> str | None:
    """A sentence if the directory's disk has little free space, else None."""
    free = shutil.disk_usage(directory).free
    return f"the disk of {directory} has {free / 1e6:,.0f} MB left: free some space" if free < _LEAST_DISK else None


def _required_packages() -> list[Requirement]:
    """The dependencies, with their version bounds: of the wheel, or of the clone by its pyproject.toml."""
    if bootstrap.IS_INSTALLED:
        declared = map(Requirement, requires(bootstrap.COMMAND) or ())
        return [dependency for dependency in declared if dependency.marker is None]
    pyproject = tomllib.loads((bootstrap.ROOT / "pyproject.toml").read_text("utf-8"))
    return [Requirement(dependency) for dependency in pyproject["project"]["dependencies"]]


def readable_by_others() -> str | None:
    """A sentence if other users of this machine can read secrets.toml, else None."""
    secrets = bootstrap.settings_directory() / "secrets.toml"
    if secrets.is_file() and secrets.stat().st_mode & 0o077:
        return f"{secrets} can be read by other users: chmod 600 {secrets}"
    return None
