"""What a setting may be, and the error that says so."""

from sources.errors import ConfigError

Range = tuple[float, float]  # the least and the most, both of them allowed


def number_within(bounds: Range) -> str:
    """The range in words."""
    return f"a number from {bounds[0]} to {bounds[1]}"


def refusal(name: str, what: str) -> ConfigError:
    """The error that says what the setting must be."""
    return ConfigError(f"setting {name} must be {what}: see .dlt/config.toml")


def require_printable(name: str, secret: str) -> str:
    """The secret without blanks and line ends around it, as they come with copying.

    Raises:
        ConfigError: it holds what no key does: a line end, typographic quotes, or quotes of its own around it.
    """
    bare = secret.strip()
    is_quoted = len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "'\"`"
    if is_quoted or not all(" " <= character <= "~" for character in bare):
        raise ConfigError(
            f"setting {name} holds a line end, a quote or a letter that no key has: copy it again, between plain quotes"
        )
    return bare


def require_within(name: str, value: object, bounds: Range | None) -> None:
    """Raises:
    ConfigError: the setting is a number out of its range, or none at all.
    """
    if bounds and isinstance(value, (int, float)) and not bounds[0] <= value <= bounds[1]:
        raise refusal(name, number_within(bounds))
