"""The DuckDB file of the warehouse: its path, its checks, its creation, its copy for readers; and the lock files."""

import fcntl
import hashlib
import os
import re
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

import dlt
import duckdb

import sources
from pipelines.config import bootstrap
from pipelines.config.destination import parquet_url
from pipelines.config.directory import local_directory, path_of
from pipelines.config.settings import SyncSettings
from pipelines.warehouse import lock
from pipelines.warehouse.connection import kind
from pipelines.warehouse.dlt_internals.destinations import duckdb_file
from sources.errors import AtWork, ConfigError

_SEE = "see [destination.warehouse] credentials"
SEE_COPY = "see [sync] read_copy"
_OF_DUCKDB = ("information_schema", "pg_catalog")  # schemas in every DuckDB database
_CATALOGS = ("temp", "system")  # databases beside every DuckDB file
_READ_OTHERWISE = re.compile(r"['*?\[=]")  # DuckDB reads these as the end of a text, a glob or a partition
_FICLONE = 0x40049409  # linux/fs.h: the copy shares the blocks of the file, if the file system can
_COPY_BYTES = 1024 * 1024  # at a time
_BLOCK_BYTES = 64 * 1024  # a run that adds one row grows the file by a block; DuckDB's default is 256 KiB


def file_of(pipeline: dlt.Pipeline) -> Path | None:
    """The path of the configured DuckDB file, which may not exist yet; None for another warehouse."""
    return duckdb_file(pipeline.destination_client()) if kind(pipeline) == "duckdb" else None


def lock_file(pipeline: dlt.Pipeline, file: Path | None) -> Path:
    """The path of the lock file: beside the DuckDB file, or beside the directory of Parquet files, for each raw schema.

    That of object storage is in the temporary directory: it excludes runs of the same user on this machine.

    Raises:
        ConfigError: the DuckDB file's name is invalid, DuckDB cannot load from the temporary directory, or the
            directory for Parquet files holds Delta tables.
    """
    if file is None:
        url = parquet_url() or ""
        if directory := local_directory(url):
            if any(directory.glob(f"{pipeline.dataset_name}/*/_delta_log")):
                raise ConfigError(
                    f'{directory} holds Delta tables: set [destination.warehouse] table_format = "delta", or choose '
                    "another directory for Parquet files"
                )
            directory.parent.mkdir(parents=True, exist_ok=True)
            return Path(f"{directory}.{pipeline.dataset_name}.lock")
        digest = hashlib.sha256(f"{os.getuid()} {url} {pipeline.dataset_name}".encode()).hexdigest()
        return Path(tempfile.gettempdir()) / f"fax-lake-{digest[:16]}.lock"
    require_file(file, pipeline.dataset_name.rpartition("_")[0])
    require_loadable(Path(pipeline.pipelines_dir).parent)
    return Path(f"{file}.lock")


def require_file(file: Path, views: str, see: str = _SEE) -> None:
    """Requires a file that DuckDB can create or open, and names of databases and schemas that DuckDB does not confuse.

    `see` names the setting, for the message.

    Raises:
        ConfigError: the file, its name or the name of the views' schema does not meet this.
    """
    try:
        if not (directory := Path(os.path.realpath(file)).parent).is_dir():
            raise ConfigError(f"there is no directory {directory} for the warehouse: {see}")
        Path(f"{file}.lock").exists()  # the longer name of the two files
        if not stat.S_ISREG(file.stat().st_mode):
            raise ConfigError(f"{file} is not a regular file: {see}")
    except (FileNotFoundError, PermissionError):
        pass  # a new warehouse; a missing permission is reported when the file is opened
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file} cannot be the name of a file ({getattr(error, 'strerror', error)}): {see}") from None
    if views in _CATALOGS:
        raise ConfigError(f"DuckDB has a database of its own called {views}: set [sync] schema to another name")
    schemas = {views, *(f"{views}_{provider}" for provider in sources.providers()), *_OF_DUCKDB}
    if (catalog := _catalog(file)) in schemas:
        raise ConfigError(
            f"the file cannot be called {file.name}: DuckDB would confuse its database {catalog} with the schema of "
            f"that name: {see}"
        )


def require_loadable(directory: Path) -> None:
    """Requires a directory from which DuckDB can load: dlt passes the name to it without escapes.

    Raises:
        ConfigError: the name has a character that is special in DuckDB.
    """
    if _READ_OTHERWISE.search(str(directory)):
        raise ConfigError(
            f"DuckDB cannot read files in {directory}: set TMPDIR to a directory without any of ' * ? [ ="
        )


def _catalog(file: Path) -> str:
    """DuckDB's name for the database in the file: the file's name up to the first dot, in lower case."""
    return re.split(r"[.?]", file.name.lstrip("."))[0].lower()


def make_file(file: Path | None) -> None:
    """Creates the DuckDB file if it does not exist. A failure is ignored here, and reported when the file is opened."""
    if file and not file.exists():
        with suppress(duckdb.Error):
            duckdb.connect(str(file), config={"default_block_size": str(_BLOCK_BYTES)}).close()


def copy_for_readers() -> Path | None:
    """The path of `[sync] read_copy`, which may not exist yet; None if there is to be none.

    A relative path begins where `.dlt` is.
    """
    written = SyncSettings.read().read_copy
    return path_of(written, bootstrap.settings_directory().parent) if written else None


def replace_copy(file: Path, copy: Path, views: str) -> bool:
    """Replaces the copy atomically if the file has changed since; false if it has not, or a run has it open.

    A reader that has the copy open keeps what it has opened. The mode of an earlier copy is kept, and a symbolic link.

    Raises:
        ConfigError: the copy's path cannot be that of a DuckDB file.
        OSError: the copy cannot be written.
    """
    require_file(copy, views, SEE_COPY)
    copy = copy.resolve()
    if copy == file.resolve():
        raise ConfigError("[sync] read_copy is the DuckDB file itself: choose another path")
    try:
        with lock.file(Path(f"{file}.lock")):
            there, before = file.stat(), copy.stat() if copy.exists() else None
            if before and before.st_mtime_ns == there.st_mtime_ns:
                return False
            descriptor, temporary = tempfile.mkstemp(dir=copy.parent, prefix=f".{copy.name}-")
            try:
                with os.fdopen(descriptor, "wb") as target, file.open("rb") as source:
                    if not _clone(source.fileno(), target.fileno()):
                        shutil.copyfileobj(source, target, _COPY_BYTES)
                Path(temporary).chmod(before.st_mode if before else 0o600)
                os.utime(temporary, ns=(there.st_atime_ns, there.st_mtime_ns))
                Path(temporary).replace(copy)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
    except AtWork:
        return False
    return True


def _clone(source: int, target: int) -> bool:
    """Makes the target share the blocks of the source; false if the file system cannot."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True
