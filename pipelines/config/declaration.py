"""Settings as their models declare them, and their values, which dlt's config providers supply and dlt coerces.

Source: https://dlthub.com/docs/general-usage/credentials/setup, read November 2026.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, get_args, get_origin

import dlt
from dlt.common.configuration.exceptions import ConfigValueCannotBeCoercedException
from dlt.common.configuration.providers import ConfigProvider
from dlt.common.configuration.specs.base_configuration import extract_inner_hint
from dlt.common.configuration.utils import deserialize_value
from msgspec import NODEFAULT, Meta, Struct, ValidationError, convert
from msgspec.structs import FieldInfo, fields

from sources.errors import ConfigError
from sources.load.settings import is_secret, metas_of
from sources.window import whole_second

_SHORT_NUMBER = re.compile(r"[+-]?\d{1,9}(?:\.\d*)?")  # dlt takes it for a Unix time before 2001
_YEAR_OR_DATE = re.compile(r"\d{4}(?:\d{4})?")
_IN_HOME = "global:"  # dlt's prefix for a file in the home directory
Place = tuple[str, ...]  # the sections above a setting, with or without its name


@dataclass(frozen=True)
class Found:
    """A value as written, its place, and the config provider of dlt that supplies it."""

    value: Any
    place: Place
    provider: ConfigProvider

    @property
    def origin(self) -> str:
        """The environment variable or the file that sets the value, in words."""
        *sections, name = self.place
        location = self.provider.get_value_location(name, "", *sections)
        if not location:
            return f"set by the environment, {'__'.join(self.place).upper()}"
        file = self.provider.present_locations[-1 if location.startswith(_IN_HOME) else 0]
        return f"set in {file}, as {'.'.join(self.place)}"


@dataclass(frozen=True, eq=False)
class Setting:
    """One field of a model. `allowed` describes the allowed values; a secret is never read from config.toml.

    `plain` is the type without its limits and without None.
    """

    name: str
    type: Any
    plain: Any
    default: Any
    example: Any
    allowed: str
    is_secret: bool

    def find(self, *sections: Place) -> Found | None:
        """The value that dlt uses: of its first config provider that has one, from the first section that has one."""
        accessor = dlt.secrets if self.is_secret else dlt.config
        for provider in accessor.config_providers:
            for section in sections:
                value, _ = provider.get_value(self.name, accessor.default_type, "", *section)
                if value is not None:
                    return Found(value, (*section, self.name), provider)
        return None

    def coerced(self, value: Any, named: str, at: Found | None = None) -> Any:
        """The value in the declared type.

        Raises:
            ConfigError: the value has another type, or is not allowed; the message calls the setting `named`, and says
                where it is set.
        """
        if self.plain is datetime and _is_short_number(value):
            raise refusal(named, self.allowed, at)
        try:
            value = deserialize_value(self.name, value, self.plain)
            if isinstance(value, datetime):  # dlt makes a pendulum of a number, which msgspec refuses
                value = datetime.fromisoformat(value.isoformat())
            converted = convert(value, self.type)
            begin = whole_second(converted) if isinstance(converted, datetime) else None
        except (ConfigValueCannotBeCoercedException, ValidationError, OverflowError):
            raise refusal(named, self.allowed, at) from None
        if begin and begin > datetime.now(UTC):
            raise refusal(named, "in the past", at)  # a run would read nothing, and end with 0
        return converted


@cache
def settings_of(model: type[Struct]) -> tuple[Setting, ...]:
    """The settings that a model declares or inherits, in order."""
    return tuple(map(_declared, fields(model)))


def secrets_of(model: type[Struct]) -> list[str]:
    """The names of a model's secrets, in the order of their declaration."""
    return [setting.name for setting in settings_of(model) if setting.is_secret]


def read(model: type[Struct], *sections: Place, prefix: str = "") -> dict[str, Any]:
    """The values of a model's settings that are set in one of the sections, by name; an empty text counts as not set.

    Raises:
        ConfigError: a value has another type, or is not allowed; the message puts `prefix` before the name.
    """
    found = ((setting, setting.find(*sections)) for setting in settings_of(model))
    return {
        setting.name: setting.coerced(at.value, prefix + setting.name, at)
        for setting, at in found
        if at and at.value != ""
    }


def refusal(name: str, allowed: str, at: Found | None = None) -> ConfigError:
    """The error for a setting whose value is not allowed."""
    return ConfigError(f"setting {name} must be {allowed}: {f'it is {at.origin}' if at else 'see .dlt/config.toml'}")


def _is_short_number(value: Any) -> bool:
    is_date = isinstance(value, str) and bool(_YEAR_OR_DATE.fullmatch(value))
    return not is_date and bool(_SHORT_NUMBER.fullmatch(str(value).strip()))


def _declared(field: FieldInfo) -> Setting:
    metas = metas_of(field)
    extra = {key: value for meta in metas for key, value in (meta.extra or {}).items()}
    plain = extract_inner_hint(field.type, preserve_literal=True)
    return Setting(
        name=field.name,
        type=field.type,
        plain=plain,
        default=field.default if field.default_factory is NODEFAULT else field.default_factory(),
        example=next((example for meta in metas for example in meta.examples or ()), None),
        allowed=extra.get("allowed") or _allowed(plain, metas),
        is_secret=is_secret(field),
    )


def _allowed(plain: Any, metas: list[Meta]) -> str:
    if get_origin(plain) is Literal:
        *others, last = get_args(plain)
        return f"one of {', '.join(others)} and {last}"
    if plain is bool:
        return "true or false"
    return next((f"a number from {meta.ge} to {meta.le}" for meta in metas if meta.ge is not None), "a text")
