"""DuckDB files that a sync has filled once for many tests, which read them or take a copy."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from sources.fakes.server import serve
from tests.conftest import ROOT
from tests.support.environment import child_environment

Records = Mapping[str, list[dict[str, Any]]]  # by provider


@contextmanager
def syncing(file: Path, records: Records, **environment: str) -> Iterator[tuple[dict[str, Any], Callable[..., None]]]:
    """Serves these records; gives the fake of each provider, and what syncs them into the file, in a process."""
    env = child_environment({"DESTINATION__WAREHOUSE__CREDENTIALS": str(file)}, **environment)
    fakes: dict[str, Any] = {}
    with ExitStack() as stack:
        for provider, faxes in records.items():
            fake = fakes[provider] = import_module(f"sources.{provider}.fake").Fake(faxes)
            server = stack.enter_context(serve(fake.answer))
            env |= {f"SOURCES__{provider}__{key}".upper(): value for key, value in fake.settings(server.url).items()}

        def sync(*arguments: str) -> None:
            command = [sys.executable, str(ROOT / "pipelines" / "sync.py"), *arguments]
            subprocess.run(command, env=env, check=True, capture_output=True)

        yield fakes, sync


def sync_once(file: Path, records: Records) -> None:
    """Fills the file with these records, by one run."""
    with syncing(file, records) as (_, sync):
        sync()
