"""Maps any error of a run to a `FaxSyncError`, which the operator can act on."""

import errno
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.destination.exceptions import InvalidDestinationReference, UnknownDestinationModule

from pipelines.config.declaration import refusal
from pipelines.config.destination import UNKNOWN_TYPE
from pipelines.config.written_settings import unreadable
from pipelines.outcome import postgres_errors
from pipelines.outcome.postgres_errors import CHANGED_BY_HAND
from pipelines.outcome.scarcity import scarcity
from sources.errors import DENIED, NO_ROOM, Busy, ConfigError, FaxSyncError, LocalError, WarehouseError

_STORAGE_PACKAGES = ("s3fs", "gcsfs", "adlfs")  # what dlt needs for Parquet files in object storage
_OF_PATHS = (OSError, FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError)  # no connections
_OF_TABLES = (duckdb.DataError, duckdb.IntegrityError, duckdb.BinderException, duckdb.CatalogException)


def to_fax_sync_error(error: BaseException) -> FaxSyncError | None:
    """The `FaxSyncError` for an error or one of its causes; None if no rule covers them.

    A lack of memory or of open files comes first: a provider that could not be reached may be due to it.
    Its message quotes no text of a driver or of dlt: these may quote rows, and with them phone numbers.
    """
    chain = list(causes(error))
    for rule in (scarcity, _own, _files, _warehouse, _object_storage, _configuration):
        for cause in chain:
            if mapped := rule(cause):
                return mapped
    return None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and its causes, the latest first, also those that dlt or a driver wraps without `from`."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        wrapped = (getattr(error, name, None) for name in ("exception", "client_exception", "dbapi_exception"))
        error = next((inner for inner in wrapped if inner is not None), None) or error.__cause__ or error.__context__


def _own(error: BaseException) -> FaxSyncError | None:
    return error if isinstance(error, FaxSyncError) else None


def _files(error: BaseException) -> FaxSyncError | None:
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return LocalError(
            f"no space left on the disk of {error.filename or 'the warehouse, the temporary directory or the output'}"
        )
    if isinstance(error, OSError) and error.errno in DENIED:
        quoted = re.search(r"'(/[^']+)'", str(error))  # pyarrow sets no filename
        file = error.filename or (quoted[1] if quoted else "")
        verb = "read" if file and _is_unreadable(file) else "written"
        return LocalError(f"{file or 'a directory'} cannot be {verb}: check its owner and its mode")
    denied = re.search(rf'file "([^"]+)".*: {os.strerror(errno.EACCES)}', str(error))
    if isinstance(error, duckdb.IOException) and denied:
        return LocalError(f"{denied[1]} cannot be opened: check its owner and its mode, and those of its directory")
    if isinstance(error, OSError) and type(error) in _OF_PATHS and error.errno:
        return LocalError(f"the operating system refused {error.filename or 'a file'}: {os.strerror(error.errno)}")
    return None


def _is_unreadable(path: str | bytes | int) -> bool:
    """The path exists, but this process may not read it."""
    return not isinstance(path, int) and os.path.lexists(path) and not os.access(path, os.R_OK)


def _warehouse(error: BaseException) -> FaxSyncError | None:
    if not isinstance(error, duckdb.Error):
        return postgres_errors.to_fax_sync_error(error)
    text = str(error)
    if isinstance(error, duckdb.OutOfMemoryException):
        return LocalError("out of memory: raise [sync] duckdb_memory, or lower rows_per_load")
    if "Could not set lock" in text or "Conflicting lock" in text:
        process = re.search(r"\(PID \d+\)", text)
        holder = f" {process[0].replace('PID', 'process')}" if process else ""
        return Busy(
            f"{_file_in(error, 'the warehouse file')} is open in another program{holder}, perhaps a "
            "notebook: close it there and run again"
        )
    if version := re.search(r"database file with version number (\d+)", text):
        return WarehouseError(
            f"the DuckDB file of [destination.warehouse] credentials has storage version {version[1]}, which DuckDB "
            f"{duckdb.__version__} cannot read: install the version that wrote it, see "
            "duckdb.org/docs/stable/internals/storage"
        )
    if "No space left" in text or "Could not write" in text:
        return LocalError(f"no space left on the disk of {_file_in(error, 'the warehouse')}")
    file = _file_in(error, "the path in [destination.warehouse] credentials")
    advice = CHANGED_BY_HAND if isinstance(error, _OF_TABLES) else f"check that {file} is a DuckDB file and intact"
    parquet = re.search(r"""file ['"]([^'"]+\.parquet)['"]""", text, re.IGNORECASE)
    if parquet and not Path(parquet[1]).is_relative_to(tempfile.gettempdir()):  # where the files of a load are
        advice = f"{parquet[1]} is damaged: restore it from a backup, or else remove it and run sync.py --full-refresh"
    return WarehouseError(f"DuckDB refused ({type(error).__name__}): {advice}")


def _file_in(error: duckdb.Error, otherwise: str) -> str:
    """The file that DuckDB could not read or write, or else what is given instead."""
    found = re.search(r'\bfile "([^"]+)"', str(error)) if isinstance(error, duckdb.IOException) else None
    return found[1] if found else otherwise


def _object_storage(error: BaseException) -> FaxSyncError | None:
    """What Parquet files in object storage lack, as dlt reads and writes them."""
    if isinstance(error, ModuleNotFoundError) and error.name in _STORAGE_PACKAGES:
        return ConfigError(
            f"{error.name} is not installed, which Parquet files in object storage need: `uv pip install {error.name}` "
            'after each `uv sync`, or write Delta tables (table_format = "delta")'
        )
    names = [name for name in getattr(error, "fields", ()) if name.startswith("aws_")]
    if isinstance(error, ConfigurationException) and names:
        return ConfigError(
            f"[destination.warehouse.credentials] lacks {', '.join(names)}, which Parquet files in object storage "
            'need: set them in .dlt/secrets.toml, or write Delta tables (table_format = "delta")'
        )
    return None


def _configuration(error: BaseException) -> FaxSyncError | None:
    if isinstance(error, (UnknownDestinationModule, InvalidDestinationReference)):
        return ConfigError(UNKNOWN_TYPE)
    if not isinstance(error, ConfigurationException):
        return None
    fields = [name for name in (getattr(error, "field_name", None), *getattr(error, "fields", ())) if name]
    if not fields:
        return ConfigError(
            unreadable() or "the files in .dlt cannot be read: quote each text, and check the form of each credential"
        )
    if "bucket_url" in fields:
        return ConfigError("[destination.warehouse] lacks bucket_url: the directory of the Parquet files, or s3://…")
    if {"credentials", "password", "username", "host", "database"}.intersection(fields):
        missing = ", ".join(_missing(getattr(error, "traces", {}))) or fields[0]
        return ConfigError(
            f"[destination.warehouse] lacks {missing}, or it is incomplete: set credentials in .dlt/secrets.toml, for "
            "PostgreSQL as postgresql://user:password@host:5432/database"
        )
    return refusal(", ".join(fields), "of another type")


def _missing(traces: Mapping[str, Any]) -> Iterator[str]:
    """The names of the missing settings, in place of a group of settings those that the group lacks."""
    for name, looked_up in traces.items():
        groups = [trace.traces for trace in looked_up if hasattr(trace, "traces")]
        yield from (field for group in groups for field in _missing(group)) if groups else (name,)
