"""The DuckDB file: is it one that can be filled, where is its lock, and how is it made?"""

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeGuard

import dlt
import duckdb

from pipelines.connecting import kind
from sources.errors import ConfigError

_BLOCK_BYTES = 64 * 1024  # of DuckDB's own 256, each run that adds a row takes as many, and the rest is no smaller


def file_of(pipeline: dlt.Pipeline) -> Path | None:
    """The DuckDB file that is configured, whether or not it is there; None for another warehouse."""
    if kind(pipeline) != "duckdb":
        return None
    credentials: Any = pipeline.destination_client().config.credentials
    return Path(credentials.database)


def lock_file(pipeline: dlt.Pipeline, file: Path | None) -> Path:
    """Beside the DuckDB file; in the temporary directory for a warehouse that is no file.

    Raises:
        ConfigError: the file's directory does not exist, or its name is that of one of its schemas, which DuckDB takes
            for the same thing.
    """
    if not _is_on_disk(file):
        return Path(tempfile.gettempdir()) / f"{pipeline.dataset_name}.lock"
    if not file.parent.is_dir():
        raise ConfigError(
            f"there is no directory {file.parent} for the warehouse: see [destination.warehouse] credentials"
        )
    views = pipeline.dataset_name.rpartition("_")[0]
    if file.stem.lower() in (views, pipeline.dataset_name):
        raise ConfigError(f"the file cannot be called {file.name}: DuckDB would take its name for that of a schema")
    return Path(f"{file}.lock")


def make_file(file: Path | None) -> None:
    """Makes the DuckDB file, unless there is one. If it cannot be made, who opens it is told why."""
    if _is_on_disk(file) and not file.exists():
        with suppress(duckdb.Error):
            duckdb.connect(str(file), config={"default_block_size": str(_BLOCK_BYTES)}).close()


def _is_on_disk(file: Path | None) -> TypeGuard[Path]:
    """It is no database of DuckDB's that lives in memory or elsewhere."""
    return file is not None and os.sep in str(file)
