"""Object storage for DuckDB to read without an extension, with the credentials with which the sync writes."""

from datetime import datetime
from functools import cache
from typing import Any

import pyarrow.fs as pafs
from fsspec.implementations.arrow import ArrowFSWrapper
from fsspec.spec import AbstractBufferedFile

from pipelines.config.directory import scheme_of
from sources.errors import ConfigError

_READABLE = ("s3", "gs", "gcs")


def object_storage(url: str) -> ArrowFSWrapper:
    """The storage of a URL such as s3://bucket/fax-lake, for `register_filesystem` of a connection.

    Raises:
        ConfigError: the URL is of a storage whose paths DuckDB and Arrow do not write alike.
    """
    if (scheme := scheme_of(url)) not in _READABLE:
        raise ConfigError(
            f"Delta tables below {scheme}:// can be written and read by Spark, but not read here: use s3:// or gs://, "
            "or a directory"
        )
    filesystem, _ = pafs.FileSystem.from_uri(url)
    kind: type[_ObjectStorage] = type("ObjectStorage", (_ObjectStorage,), {"protocol": scheme})
    return kind(filesystem)


class _ObjectStorage(ArrowFSWrapper):  # type: ignore[misc]  # it has no types
    """DuckDB looks a file up for each view that reads it. Files of Delta tables never change, so once is enough; that a
    sync has deleted one meanwhile shows when it is read.
    """

    def __init__(self, fs: pafs.FileSystem, **options: Any) -> None:
        super().__init__(fs, **options)
        self._look_up, self.open_file = cache(super().info), cache(fs.open_input_file)

    def info(self, path: str, **_: Any) -> Any:
        """Name, size, type and time of a file."""
        return self._look_up(self._strip_protocol(path))

    def modified(self, path: str) -> datetime:
        """When the file was written."""
        time: datetime = self.info(path)["mtime"]
        return time

    def _open(self, path: str, mode: str = "rb", block_size: int | None = None, **_: Any) -> "_File":
        return _File(self, path, mode, block_size or "default", cache_type="none", size=self.info(path)["size"])


class _File(AbstractBufferedFile):  # type: ignore[misc]  # as above
    """A file that makes no request before it is read, because DuckDB remembers what it has read."""

    def _fetch_range(self, start: int, end: int) -> bytes:
        data: bytes = self.fs.open_file(self.path).read_at(end - start, start)
        return data
