"""The place of Delta tables or Parquet files as a URL: of a local directory, or of object storage."""

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sources.errors import ConfigError

NOT_IN_DELTA = re.compile(r"[\\\x00-\x1f\x7f]|%[0-9A-Fa-f]{2}")  # deltalake 1.6.6 looks for its log elsewhere
NOT_IN_PARQUET = re.compile(r"['*?\[=\x00-\x1f\x7f]")  # dlt and DuckDB read a glob, the end of a text, or a partition
_SCHEME = re.compile(r"(?i)(file):|([a-z][a-z0-9+.-]+):/")


def path_of(written: str, base: Path) -> Path:
    """The path of a setting: a relative one begins at `base`, `~` is the home directory.

    Raises:
        ConfigError: the home directory is unknown.
    """
    try:
        return base / Path(written).expanduser()
    except RuntimeError:
        raise ConfigError(f"{written}: the home directory is unknown: write the whole path") from None


def url_of(place: str, base: Path = Path(), refused: re.Pattern[str] = NOT_IN_DELTA) -> str:
    """The URL of a path or URL. A local directory has one URL: absolute, without symbolic links.

    A relative path begins at `base`, or in the current directory; `~` is the home directory. In a `file:` URL a space
    may be written as it is.
    `refused` is what the path of a local directory must not contain.

    Raises:
        ConfigError: the path contains what is refused, or leads through a file; a `file:` URL names a host, or the URL
            is incomplete.
    """
    scheme = scheme_of(place)
    rest = place[len(scheme) + 1 :] if scheme else place
    if scheme and scheme != "file":
        if not re.match(r"//[^/]", rest):
            raise ConfigError(f"{place} is no URL: write s3://bucket/fax-lake, file:///srv/fax-lake or a path")
        return place.rstrip("/")
    if scheme == "file":
        host = rest.removeprefix("//").partition("/")[0] if rest.startswith("//") else ""
        if host not in ("", "localhost"):
            raise ConfigError(f"{place} names the host {host}: write three slashes, file:///…")
        rest = unquote(rest.removeprefix("//").removeprefix(host))
        if not rest.strip("/"):
            raise ConfigError(f"{place} names no directory: write file:///srv/fax-lake or a path")
    try:
        directory = path_of(rest, base).resolve()
        if not next(folder for folder in (directory, *directory.parents) if os.access(folder, os.F_OK)).is_dir():
            raise NotADirectoryError
    except (OSError, RuntimeError, ValueError):  # symbolic links in a circle; a zero byte
        raise ConfigError(
            f"{place!r} cannot be a directory, perhaps because a file is in its place: choose another"
        ) from None
    if found := refused.search(str(directory)):
        raise ConfigError(f"the faxes cannot be in a directory with {found[0]!r} in its path: choose another")
    return directory.as_uri()


def scheme_of(place: str) -> str:
    """The scheme of a URL, in lower case; an empty text for a path."""
    found = _SCHEME.match(place)
    return (found[1] or found[2]).lower() if found else ""


def local_directory(url: str) -> Path | None:
    """The local directory of a `file:` URL; None for other storage."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None
