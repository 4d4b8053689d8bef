"""Settings of the commands themselves, from .dlt/config.toml or the environment."""

import re
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dlt

from sources.errors import ConfigError
from sources.load.ranges import Range, number_within, refusal, require_within

Value = TypeVar("Value", str, float, int)
_CENTURY = 36_500  # days
_RANGES: dict[str, Range] = {
    "sync.heartbeat_minutes": (0, _CENTURY * 24 * 60),
    "sync.busy_seconds": (0, 86_400),
    "sync.rows_per_load": (1, 1_000_000_000),
    "check.max_age_hours": (0, _CENTURY * 24),
}
_WORDS = {"privacy.keep_days": "a number of days, or 0 to keep everything"}


def setting(key: str, default: Value) -> Value:
    """The setting `section.key`, of the default's type; the default if it is not set.

    Raises:
        ConfigError: it is set to something of another type, or out of its range.
    """
    value: Any = dlt.config.get(key)
    if value is None or value == "":
        return default
    try:
        typed = type(default)(value)
    except (TypeError, ValueError, OverflowError):
        raise refused(key) from None
    require_within(key, typed, _RANGES.get(key))
    return typed


def refused(key: str) -> ConfigError:
    """The error that says what the setting may be."""
    return refusal(key, number_within(_RANGES[key]) if key in _RANGES else _WORDS.get(key, "of another type"))


def heartbeat_minutes() -> float:
    """How often a run that finds nothing new writes down that it looked."""
    return setting("sync.heartbeat_minutes", 60.0)


def busy_seconds() -> float:
    """How long to wait while another program has the DuckDB file open."""
    return setting("sync.busy_seconds", 30.0)


def rows_per_load() -> int:
    """After about so many rows a backfill is committed."""
    return setting("sync.rows_per_load", 100_000)


def max_age_hours() -> float:
    """How old the last good run may be."""
    return setting("check.max_age_hours", 24.0)


def duckdb_memory() -> str:
    """What DuckDB may keep in memory.

    Raises:
        ConfigError: it is no size to DuckDB.
    """
    size = setting("sync.duckdb_memory", "40MB")
    if not re.fullmatch(r"(?i)(?=.*[1-9])\s*[0-9]+(\.[0-9]+)?\s*[KMGT](i?B)?\s*", size):
        raise ConfigError("setting sync.duckdb_memory must be a size such as 40MB or 1GB: see .dlt/config.toml")
    return size


def require_settings() -> None:
    """Raises what one of the settings raises that are first read when a run is under way."""
    _ = heartbeat_minutes(), busy_seconds(), rows_per_load(), max_age_hours(), duckdb_memory()


def schema_name() -> str:
    """The views' schema; raw schemas begin with it.

    Raises:
        ConfigError: the name would have to be quoted, or is too long to be a part of another.
    """
    name = setting("sync.schema", "fax")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,35}", name):
        raise ConfigError(
            "setting sync.schema must be a-z, 0-9 and _, begin with a letter, and have 36 letters at most"
        )
    return name


def report_timezone() -> str:
    """The time zone whose days and months the views count in.

    Raises:
        ConfigError: there is no such zone; local files such as `localtime` are none to the warehouse.
    """
    name = setting("report.timezone", "UTC")
    try:
        known = name[0].isupper() and bool(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = False
    if not known:
        raise ConfigError(f"setting report.timezone must be a name such as America/Chicago, not {name}")
    return name
