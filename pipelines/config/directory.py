"""The place of Delta tables or Parquet files as a URL: of a local directory, or of object storage."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sources.errors import ConfigError

NOT_IN_DELTA = re.compile(r"[\\\x00-\x1f\x7f]|%[0-9A-Fa-f]{2}")  # deltalake 1.6.6 looks for its log elsewhere
NOT_IN_PARQUET = re.compile(r"['*?\[\x00-\x1f\x7f]")  # dlt and DuckDB read these as a glob, or as the end of a text
_STORAGES = ("s3", "gs", "gcs", "az", "abfs", "abfss", "azure", "adl", "sftp", "gdrive", "hf", "memory")  # of dlt


def url_of(place: str, base: Path = Path(), refused: re.Pattern[str] = NOT_IN_DELTA) -> str:
    """The URL of a path or URL. A local directory has one URL: absolute, without symbolic links.

    A relative path begins at `base`, or in the current directory. In a `file:` URL a space may be written as it is.
    `refused` are what the path of a local directory must not contain.

    Raises:
        ConfigError: the path holds what is refused, a `file:` URL names a host, or the storage is unknown.
    """
    scheme, _, rest = place.partition(":")
    if scheme == "file":
        host = rest.removeprefix("//").partition("/")[0] if rest.startswith("//") else ""
        if host not in ("", "localhost"):
            raise ConfigError(f"{place} names the host {host}: write three slashes, file:///…")
        place = unquote(rest.removeprefix("//").removeprefix(host))
    elif "://" in place:
        if scheme.lower() not in _STORAGES:
            raise ConfigError(f"the storage {scheme}:// is unknown: write a path or a URL such as s3://bucket/fax-lake")
        return place.rstrip("/")
    try:
        directory = Path(base, place).resolve()
    except (OSError, RuntimeError, ValueError):  # symbolic links in a circle; a zero byte
        raise ConfigError(f"{place!r} cannot be a directory of files: choose another") from None
    if found := refused.search(str(directory)):
        raise ConfigError(f"the faxes cannot be in a directory with {found[0]!r} in its path: choose another")
    return directory.as_uri()


def local_directory(url: str) -> Path | None:
    """The local directory of a `file:` URL; None for other storage."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None
