"""The settings under `[destination.warehouse]`, checked for contradictions before a warehouse is opened."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args
from urllib.parse import parse_qs, urlsplit

import dlt

from pipelines.config.declaration import settings_of
from pipelines.config.directory import NOT_IN_DELTA, NOT_IN_PARQUET, path_of, scheme_of, url_of
from pipelines.config.settings import DestinationType, TableFormat, WarehouseSettings
from sources.errors import ConfigError

DESTINATION = "warehouse"  # [destination.warehouse] in the configuration
TYPES = get_args(DestinationType)
FORMATS = get_args(TableFormat)
UNKNOWN_TYPE = f"[destination.warehouse] destination_type must be {', '.join(TYPES[:-1])} or {TYPES[-1]}"
# The storages of dlt, by the scheme of their URLs.
_STORAGES = {"file", "s3", "gs", "gcs", "az", "abfs", "abfss", "azure", "adl", "sftp", "gdrive", "hf", "memory"}
_SECTIONS = ("destination.warehouse", "destination")  # dlt falls back to the second
_FORM = "postgresql://user:password@host:5432/database"
_FORM_OF_HOSTS = "postgresql://user:password@/database?host=first,second&port=5432,5433"


def destination_type() -> str:
    """The configured type by dlt's name: duckdb, postgres, filesystem, or an unsupported one."""
    values: list[Any] = [
        place.get(f"{section}.destination_type") for place in (dlt.config, dlt.secrets) for section in _SECTIONS
    ]
    if all(value is None for value in values):
        return WarehouseSettings().destination_type
    return str(next(filter(None, values), "")).rpartition(".")[2]  # an empty variable is refused, not taken for a file


def delta_url() -> str | None:
    """The URL of the directory that holds the Delta tables; None if the warehouse is another.

    Raises:
        ConfigError: the type or the format is not supported, or the directory is not set.
    """
    kind, written = destination_type(), str(_written("table_format", dlt.config) or FORMATS[0])
    if kind not in TYPES:
        raise ConfigError(UNKNOWN_TYPE)
    if written not in FORMATS:
        raise ConfigError(f"[destination.warehouse] table_format must be {' or '.join(FORMATS)}")
    if written != "delta":
        return None
    if kind != "filesystem":
        raise ConfigError(
            f"[destination.warehouse] table_format is delta, but destination_type is {kind}: "
            'set destination_type = "filesystem"'
        )
    url = _files_url(NOT_IN_DELTA)
    if url is None:
        raise ConfigError("[destination.warehouse] lacks bucket_url: the directory of the Delta tables, or s3://…")
    return url


def parquet_url() -> str | None:
    """The URL of the directory that holds the Parquet files; None if none is set.

    Raises:
        ConfigError: dlt does not know the storage, or dlt or DuckDB could not read the files there.
    """
    url = _files_url(NOT_IN_PARQUET)
    if url and (found := NOT_IN_PARQUET.search(url)):
        raise ConfigError(f"Parquet files cannot be at a URL with {found[0]!r} in it: choose another")
    if url and scheme_of(url) not in _STORAGES:
        raise ConfigError(
            f"the storage {scheme_of(url)}:// is unknown: write a path or a URL such as s3://bucket/fax-lake"
        )
    return url


def path_at_home() -> str | None:
    """The path of the DuckDB file if it is written with `~`, which dlt takes for a directory; else None.

    Raises:
        ConfigError: the home directory is unknown.
    """
    written = str(_written("credentials", dlt.secrets) or "").strip().removeprefix("duckdb:///")
    return str(path_of(written, Path())) if re.match("~[^/]*/", written) else None


def require_destination() -> None:
    """Requires a supported type, and credentials of that type.

    Raises:
        ConfigError: the type is not supported, or the credentials are missing, misplaced or of another type.
    """
    kind = destination_type()
    if kind not in TYPES:
        raise ConfigError(UNKNOWN_TYPE)
    credentials = _written("credentials", dlt.secrets)
    if not credentials and kind != "filesystem" and _written("credentials", dlt.config):
        raise ConfigError(
            "[destination.warehouse] credentials are in config.toml, from which no secret is read: "
            "move them to .dlt/secrets.toml"
        )
    if kind == "duckdb":
        _require_file(credentials)
    if kind == "postgres":
        _require_url(credentials)


def origins() -> Iterator[str]:
    """One line for each setting of the warehouse: where it is set, without its value, or its default."""
    for setting in settings_of(WarehouseSettings):
        at = setting.find(("destination", DESTINATION))
        if at and at.value:
            yield f"{WarehouseSettings.heading}.{setting.name}: {at.origin}"
        elif setting.default is not None:
            yield f"{WarehouseSettings.heading}.{setting.name}: {setting.default} (default)"


def _require_file(credentials: Any) -> None:
    text = credentials if isinstance(credentials, str) else ""
    if re.match(r"postgres\w*(\+\w+)?:", text.strip()) or _written("credentials.host", dlt.secrets):
        raise ConfigError(
            "[destination.warehouse] credentials are a PostgreSQL URL, but destination_type is duckdb: "
            'set destination_type = "postgres"'
        )
    place = text.strip().removeprefix("duckdb://").lstrip("/")
    if re.match(r":memory:|md:|motherduck:", place):
        raise ConfigError(
            "[destination.warehouse] credentials must be the path of a DuckDB file: a database in memory is lost when "
            "the run ends, and MotherDuck is not supported"
        )
    if "://" in text and not text.startswith("duckdb://"):
        raise ConfigError(
            "[destination.warehouse] credentials are a URL, but destination_type is duckdb, which takes a path: "
            "set destination_type as well"
        )


def _require_url(credentials: Any) -> None:
    if _written("credentials.host", dlt.secrets) or isinstance(credentials, dict):
        return
    if not credentials:
        raise ConfigError(
            "[destination.warehouse] lacks credentials, but destination_type is postgres: "
            f"set them in .dlt/secrets.toml as {_FORM}"
        )
    scheme, _, rest = str(credentials).strip().partition("://")
    if not re.fullmatch(r"postgres(ql)?(\+\w+)?", scheme):
        raise ConfigError(
            "[destination.warehouse] credentials are not a PostgreSQL URL, but destination_type is postgres: "
            f"write them as {_FORM}, or set destination_type"
        )
    if rest.count("@") > 1:
        raise ConfigError(
            "[destination.warehouse] credentials have more than one @: in the user and the password, "
            "write @ as %40, / as %2F, # as %23, ? as %3F, : as %3A and % as %25"
        )
    _require_numbers(rest.rpartition("@")[2])


def _require_numbers(place: str) -> None:
    """Requires a valid host, port and connect_timeout.

    Raises:
        ConfigError: one of them is invalid.
    """
    what = "host"
    try:
        parts = urlsplit(f"//{place}")
        what = "port, which is a number up to 65535"
        _ = parts.port
        what = "connect_timeout, which is a number of seconds"
        _ = [int(value) for value in parse_qs(parts.query).get("connect_timeout", ())]
    except ValueError:
        raise ConfigError(
            f"[destination.warehouse] credentials have an invalid {what}: "
            f"write them as {_FORM_OF_HOSTS if ',' in place else _FORM}"
        ) from None


def _written(key: str, place: Any) -> Any:
    return next(filter(None, (place.get(f"{section}.{key}") for section in _SECTIONS)), None)


def _files_url(refused: re.Pattern[str]) -> str | None:
    place = str(_written("bucket_url", dlt.config) or _written("bucket_url", dlt.secrets) or "").strip()
    return url_of(place, Path(os.environ["DLT_LOCAL_DIR"]), refused) if place.strip("/") else None
