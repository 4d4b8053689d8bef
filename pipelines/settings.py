"""Settings of the commands themselves, from .dlt/config.toml or the environment."""

import re
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dlt

from sources.errors import ConfigError

Value = TypeVar("Value", str, float, int)


def setting(key: str, default: Value) -> Value:
    """The setting `section.key`, of the default's type; the default if it is not set.

    Raises:
        ConfigError: it is set to something of another type.
    """
    value: Any = dlt.config.get(key)
    if value is None or value == "":
        return default
    try:
        return type(default)(value)
    except (TypeError, ValueError):
        raise ConfigError(f"setting {key} must be a {type(default).__name__}: see .dlt/config.toml") from None


def schema_name() -> str:
    """The views' schema; raw schemas begin with it.

    Raises:
        ConfigError: the name would have to be quoted, or is too long to be a part of another.
    """
    name = setting("sync.schema", "fax")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        raise ConfigError(
            "setting sync.schema must be a-z, 0-9 and _, begin with a letter, and have 40 letters at most"
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
