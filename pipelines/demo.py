"""The demonstration: every provider's fake on loopback, and settings for these and for a DuckDB file of its own."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import sources
from pipelines.config import bootstrap
from pipelines.warehouse import read_only
from pipelines.warehouse.working_directory import working_directory
from sources.fakes.server import serve


def warehouse_settings(database: Path) -> dict[str, str]:
    """The environment variables that make `database`, a DuckDB file, the warehouse."""
    return {
        "DESTINATION__WAREHOUSE__DESTINATION_TYPE": "duckdb",
        "DESTINATION__WAREHOUSE__TABLE_FORMAT": "parquet",
        "DESTINATION__WAREHOUSE__CREDENTIALS": str(database),
        "SYNC__SCHEMA": "fax",
        "SYNC__READ_COPY": "",
    }


@contextmanager
def warehouse(database: Path) -> Iterator[None]:
    """Makes `database`, a DuckDB file, this process's warehouse while the block runs."""
    with patch.dict(os.environ, warehouse_settings(database)):
        yield


@contextmanager
def stand_in() -> Iterator[Path | None]:
    """Makes a temporary, empty DuckDB file the warehouse while the block runs, if the configured file does not exist.

    Opening the configured file would create it and its lock. Yields the configured file; None for another warehouse.
    """
    file = read_only.database_file()
    if file is None or file.exists():
        yield file
        return
    with working_directory() as directory, warehouse(Path(directory) / "load.duckdb"):
        yield file


@contextmanager
def fakes() -> Iterator[None]:
    """Runs every provider's fake while the block runs, with this process's settings for the fakes and demo.duckdb."""
    now = datetime.now(UTC)
    settings: dict[str, str] = {}
    with ExitStack() as stack:
        stack.enter_context(warehouse(bootstrap.DEMO_DATABASE))
        for name in sources.providers():
            fake = import_module(f"sources.{name}.fake").Fake.demo(now)
            server = stack.enter_context(serve(fake.answer))
            settings |= {f"SOURCES__{name}__{key}".upper(): value for key, value in fake.settings(server.url).items()}
        stack.enter_context(patch.dict(os.environ, settings))
        yield
