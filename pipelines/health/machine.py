"""What the machine must give before a run begins, and what is amiss with it."""

import resource
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement

from pipelines.config import bootstrap
from sources.errors import LocalError

_LEAST_DISK = 1_000_000_000  # bytes
_LEAST_ADDRESS_SPACE = 4_000_000_000  # bytes; below 2.5 GB, DuckDB and Arrow were seen to abort or hang for a thread


def require_address_space() -> None:
    """Ends the run before it begins if its address space is limited to less than its libraries reserve.

    They reserve far more than they use, and where a thread cannot be had they abort or wait for ever, which nobody
    can catch. A limit on resident memory (a cgroup, systemd's MemoryMax=) does not matter here.

    Raises:
        LocalError: naming the limit.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit not in (resource.RLIM_INFINITY, -1) and limit < _LEAST_ADDRESS_SPACE:
        raise LocalError(
            f"address space is limited to {limit / 1e6:,.0f} MB (ulimit -v), and the sync reserves up to "
            f"{_LEAST_ADDRESS_SPACE / 1e6:,.0f} MB: raise the limit, or bound the memory in use with a cgroup"
        )


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
