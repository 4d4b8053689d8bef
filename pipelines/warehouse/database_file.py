"""The DuckDB file: is it one that can be filled, where is its lock, and how is it made?"""

import re
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

import dlt
import duckdb

import sources
from pipelines.warehouse.connection import kind
from pipelines.warehouse.dlt_internals.destinations import duckdb_file
from sources.errors import ConfigError

_SEE = "see [destination.warehouse] credentials"
_OF_DUCKDB = ("information_schema", "pg_catalog")  # schemas that every database has
_READ_OTHERWISE = re.compile(r"['*?\[=]")  # the end of a text, a pattern of names, a partition
_BLOCK_BYTES = 64 * 1024  # of DuckDB's own 256, each run that adds a row takes as many, and the rest is no smaller


def file_of(pipeline: dlt.Pipeline) -> Path | None:
    """The DuckDB file that is configured, whether or not it is there; None for another warehouse."""
    return duckdb_file(pipeline.destination_client()) if kind(pipeline) == "duckdb" else None


def lock_file(pipeline: dlt.Pipeline, file: Path | None) -> Path:
    """Beside the DuckDB file; in the temporary directory for a warehouse that is no file.

    Raises:
        ConfigError: there can be no such DuckDB file, or DuckDB cannot load from the temporary directory.
    """
    if file is None:
        return Path(tempfile.gettempdir()) / f"{pipeline.dataset_name}.lock"
    require_file(file, pipeline.dataset_name.rpartition("_")[0])
    require_loadable(Path(pipeline.pipelines_dir).parent)
    return Path(f"{file}.lock")


def require_file(file: Path, views: str) -> None:
    """Raises:
    ConfigError: no DuckDB file of this name can be made or opened, or DuckDB would take its name for a schema's.
    """
    try:
        if not file.parent.is_dir():
            raise ConfigError(f"there is no directory {file.parent} for the warehouse: {_SEE}")
        Path(f"{file}.lock").exists()  # its name is the longer one
        if not stat.S_ISREG(file.stat().st_mode):
            raise ConfigError(f"{file} is no file, but a directory or a device: {_SEE}")
    except (FileNotFoundError, PermissionError):
        pass  # a new warehouse, or one whose directory who opens it is told of
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{file} cannot be the name of a file ({getattr(error, 'strerror', error)}): {_SEE}"
        ) from None
    schemas = {views, *(f"{views}_{provider}" for provider in sources.providers()), *_OF_DUCKDB}
    if (catalog := _catalog(file)) in schemas:
        raise ConfigError(
            f"the file cannot be called {file.name}: to DuckDB it would be the database {catalog}, as if it were the "
            f"schema of that name: {_SEE}"
        )


def require_loadable(directory: Path) -> None:
    """Raises:
    ConfigError: DuckDB would take a part of the directory's name for something else: dlt gives it the name unquoted.
    """
    if _READ_OTHERWISE.search(str(directory)):
        raise ConfigError(
            f"DuckDB cannot read files in {directory}: set TMPDIR to a directory without any of ' * ? [ ="
        )


def _catalog(file: Path) -> str:
    """What DuckDB calls the database in the file: its name up to the first dot, in lower case."""
    return re.split(r"[.?]", file.name.lstrip("."))[0].lower()


def make_file(file: Path | None) -> None:
    """Makes the DuckDB file, unless there is one. If it cannot be made, who opens it is told why."""
    if file and not file.exists():
        with suppress(duckdb.Error):
            duckdb.connect(str(file), config={"default_block_size": str(_BLOCK_BYTES)}).close()
