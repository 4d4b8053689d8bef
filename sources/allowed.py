"""What the numbers and words of the settings may be."""

import math

from sources.errors import ConfigError

_CENTURY = 36_500  # days
_NUMBERS: dict[str, tuple[float, float]] = {  # the least and the most, both of them allowed
    "lookback_days": (0, _CENTURY),
    "reread_days": (0, _CENTURY),
    "reread_calls": (0, 1_000_000),
    "retry_seconds": (0, 86_400),
    "connections": (1, 100),
    "requests_per_second": (0, 10_000),
    "heartbeat_minutes": (0, _CENTURY * 24 * 60),
    "busy_seconds": (0, 86_400),
    "rows_per_load": (1, 1_000_000_000),
    "max_age_hours": (0, _CENTURY * 24),
    "keep_days": (0, math.inf),  # a calendar bounds them further
}
_WORDS = {
    "start_date": "a date or a time such as 2024-01-01 or 2024-01-01T12:00:00Z",
    "schema_contract": "one of evolve, discard and freeze",
}


def refusal(name: str) -> ConfigError:
    """The error that says what the setting may be; `name` ends in its key."""
    key = name.rpartition(".")[2]
    least, most = _NUMBERS.get(key, (0, 0))
    bounds = f"a number from {least} to {most}" if most < math.inf else "a number of days, or 0 to keep everything"
    what = bounds if key in _NUMBERS else _WORDS.get(key, "of another type")
    return ConfigError(f"setting {name} must be {what}: see .dlt/config.toml")


def require_allowed(name: str, value: object) -> None:
    """Raises:
    ConfigError: the number is out of the setting's range, or none at all; `name` ends in its key.
    """
    bounds = _NUMBERS.get(name.rpartition(".")[2])
    if bounds and isinstance(value, (int, float)) and not bounds[0] <= value <= bounds[1]:
        raise refusal(name)
