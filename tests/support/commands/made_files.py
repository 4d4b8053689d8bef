"""DuckDB files that one sync fills for many tests. Tests read them, or copy them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from pipelines.sync import main
from sources.fakes.server import Answer, Request, serve
from tests.support.commands.in_process import Time, run_once
from tests.support.environment import applied, child_environment, settings_of
from tests.support.faults.inject import dated

Records = Mapping[str, list[dict[str, Any]]]  # by provider
NO_FAKES: Mapping[str, Any] = {}


@contextmanager
def syncing(
    file: Path, records: Records, fakes: Mapping[str, Any] = NO_FAKES, **environment: str
) -> Iterator[tuple[dict[str, Any], Callable[..., None]]]:
    """Serves these records and fakes; yields each provider's fake, and a function that syncs into the file."""
    env = child_environment({"DESTINATION__WAREHOUSE__CREDENTIALS": str(file)} | environment)
    made = {provider: import_module(f"sources.{provider}.fake").Fake(faxes) for provider, faxes in records.items()}
    with ExitStack() as stack:
        for provider, fake in (made := {**made, **fakes}).items():
            server = stack.enter_context(serve(fake.answer))
            env |= settings_of(provider, fake, server.url)

        def sync(*arguments: str) -> None:
            with applied(env):
                assert main(arguments) == 0

        yield made, sync


def sync_once(file: Path, records: Records, *arguments: str) -> None:
    """Fills the file with these records in one run of these arguments."""
    with syncing(file, records) as (_, sync):
        sync(*arguments)


def loaded_at(at: datetime, provider: str, records: list[dict[str, Any]], settings: Mapping[str, str]) -> None:
    """Loads these records up to that time, by a run in this process whose clock is an hour later.

    A provider that keeps its faxes for some months only would no longer have those of a fixed date.
    """
    fake = import_module(f"sources.{provider}.fake").Fake(records, now=lambda: at)
    ahead = at + timedelta(hours=1) - datetime.now(UTC)

    def answer(request: Request) -> Answer:
        return dated(ahead)(request, fake.answer)

    with serve(answer) as server:
        run_once(provider, {**settings, **settings_of(provider, fake, server.url)}, Time(ahead=ahead), until=at)
