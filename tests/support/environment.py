"""The environment of the tests and of every process that they start: it contains nothing of the user's.

Their settings, accounts, warehouse and proxies may be in variables, in `.dlt/secrets.toml`, or in the home directory.
"""

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = "FAX_WAREHOUSE_TESTS"  # a variable that every process of the tests has: the directory of its settings
_KEPT = {"PATH", "TMPDIR", "TEMP", "TMP", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "TZ", "VIRTUAL_ENV", "CI"}
_KEPT_PREFIXES = ("LC_", "PYTHON", "PYTEST_", "HYPOTHESIS_", "COV", "LD_", OURS)
_OF_ROOT = Path("/var/dlt")  # where dlt looks for root's settings, whatever the environment says
_MEMORY = Path("/dev/shm")  # where Linux keeps files in memory
_ENOUGH_BYTES = 4 << 30  # of memory for the files of the tests


def isolate() -> None:
    """Removes every variable that is not known to be harmless from this process, before dlt is imported."""
    if os.geteuid() == 0 and any((_OF_ROOT / name).exists() for name in ("config.toml", "secrets.toml")):
        raise RuntimeError(f"{_OF_ROOT} holds settings that dlt would read: run the tests as another user")
    directory = Path(tempfile.mkdtemp(prefix="fax-warehouse-tests-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    (directory / ".dlt").mkdir()
    shutil.copy(ROOT / ".dlt" / "config.toml", directory / ".dlt")
    kept = {
        name: value for name, value in os.environ.items() if name in _KEPT or name.upper().startswith(_KEPT_PREFIXES)
    }
    os.environ.clear()
    os.environ.update(_in_memory() | kept | _places(directory) | {OURS: str(directory)})
    sys.addaudithook(_watch)


def child_environment(
    settings: Mapping[str, str] | None = None, project: Path | None = None, **more: str
) -> dict[str, str]:
    """The environment of a process: these settings, and of this machine only the path of its programs.

    The process finds its `.dlt` in `project`, a copy without secrets; else in a directory without any. If coverage is
    measured, it is measured in the process too.
    """
    directory = Path(os.environ.get(OURS) or tempfile.mkdtemp(prefix="fax-warehouse-tests-"))
    measuring = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    return {
        "PATH": os.defpath,
        **measuring,
        OURS: str(directory),
        **_places(directory, project or directory),
        **(settings or {}),
        **more,
    }


def settings_of(provider: str, fake: Any, url: str) -> dict[str, str]:
    """The environment of a run that reads the account of a provider's fake, which is served at this URL."""
    return {f"SOURCES__{provider}__{key}".upper(): value for key, value in fake.settings(url).items()}


@contextmanager
def applied(settings: Mapping[str, str]) -> Iterator[None]:
    """Sets these variables in this process during the block."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in settings.items():
            environment.setenv(name, value)
        yield


def _places(directory: Path, project: Path | None = None) -> dict[str, str]:
    """The directories for settings, warehouses and the home directory."""
    return {
        "HOME": str(directory),
        "DLT_PROJECT_DIR": str(project or directory),
        "DLT_LOCAL_DIR": str(project or directory),
        "DLT_DATA_DIR": str(directory),
    }


def _in_memory() -> dict[str, str]:
    """Has pytest keep the directories of the tests in memory, if there is enough of it.

    DuckDB waits for the disk some twenty times a run, lest the machine lose its power: no test is about that.
    """
    try:
        memory = os.statvfs(_MEMORY)
    except OSError:
        return {}
    is_enough = memory.f_bavail * memory.f_frsize >= _ENOUGH_BYTES and not memory.f_flag & os.ST_NOEXEC
    return {"PYTEST_DEBUG_TEMPROOT": str(_MEMORY)} if is_enough else {}


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuses to start a process with any other environment."""
    if event == "subprocess.Popen" and arguments[3] is not None and OURS not in arguments[3]:
        raise RuntimeError(f"{arguments[0]} was to be started with an environment that is not of child_environment()")
