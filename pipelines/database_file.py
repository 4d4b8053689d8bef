"""The DuckDB file: is it one that can be filled, and where is its lock?"""

import os
import tempfile
from pathlib import Path
from typing import Any

import dlt

from pipelines.connecting import kind
from sources.errors import ConfigError


def file_of(pipeline: dlt.Pipeline) -> Path | None:
    """The DuckDB file that is configured, whether or not it is there; None for another warehouse."""
    if kind(pipeline) != "duckdb":
        return None
    credentials: Any = pipeline.destination_client().config.credentials
    return Path(credentials.database)


def lock_file(pipeline: dlt.Pipeline) -> Path:
    """Beside the DuckDB file; in the temporary directory for a warehouse that is no file.

    Raises:
        ConfigError: the file's directory does not exist, or its name is that of one of its schemas, which DuckDB takes
            for the same thing.
    """
    configuration = pipeline.destination_client().config
    database = str(getattr(configuration.credentials, "database", "") or "")
    if not configuration.destination_type.endswith("duckdb") or os.sep not in database:
        return Path(tempfile.gettempdir()) / f"{pipeline.dataset_name}.lock"
    file = Path(database)
    if not file.parent.is_dir():
        raise ConfigError(
            f"there is no directory {file.parent} for the warehouse: see [destination.warehouse] credentials"
        )
    views = pipeline.dataset_name.rpartition("_")[0]
    if file.stem.lower() in (views, pipeline.dataset_name):
        raise ConfigError(f"the file cannot be called {file.name}: DuckDB would take its name for that of a schema")
    return Path(f"{file}.lock")
