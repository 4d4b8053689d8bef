"""The installed packages that are missing, or of a version that this one was not tested with."""

import tomllib
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from pipelines.config import bootstrap


def untested_packages() -> Iterator[str]:
    """One sentence for each package, with its remedy."""
    for required in _required_packages():
        remedy = f"run uv sync, or install {required}"
        try:
            installed = version(required.name)
        except PackageNotFoundError:  # an earlier version did not need it
            yield f"{required.name} is not installed: {remedy}"
            continue
        if installed not in required.specifier:
            yield f"{required.name} {installed} is not a tested version: {remedy}"


def _required_packages() -> Iterator[Requirement]:
    """The dependencies, with their version bounds: of the wheel, or of a clone by its pyproject.toml."""
    pyproject = bootstrap.ROOT / "pyproject.toml"
    declared: list[str] = []
    if bootstrap.IS_INSTALLED:
        with suppress(PackageNotFoundError):
            declared = requires(bootstrap.COMMAND) or []
    elif pyproject.is_file():
        declared = tomllib.loads(pyproject.read_text("utf-8"))["project"]["dependencies"]
    return (dependency for dependency in map(Requirement, declared) if dependency.marker is None)
