"""What the further accounts of a provider are called."""

import os
import re
from typing import Any

import dlt

from pipelines.config.settings import schema_name
from sources.errors import ConfigError

DEFAULT = "default"
_IDENTIFIER_BYTES = 63  # PostgreSQL's maximum; dlt shortens what is longer


def names(provider: str) -> set[str]:
    """The names of a provider's further accounts, in the files and in the environment.

    Raises:
        ConfigError: one of them is no name, or too long to be a part of a schema's.
    """
    tables: list[Any] = [place.get(f"sources.{provider}.accounts") for place in (dlt.secrets, dlt.config)]
    found = {str(name) for table in tables if isinstance(table, dict) for name in table}
    prefix = f"SOURCES__{provider}__ACCOUNTS__".upper()
    found |= {key.removeprefix(prefix).partition("__")[0].lower() for key in os.environ if key.startswith(prefix)}
    for name in sorted(found):
        _require_name(provider, name)
    return found


def _require_name(provider: str, name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name == DEFAULT:
        raise ConfigError(
            f"{provider}: an account's name is made of a-z, 0-9 and _, begins with a letter, and is not {DEFAULT!r}: "
            f"{name!r}"
        )
    most = _IDENTIFIER_BYTES - len(f"{schema_name()}_{provider}__staging")
    if len(name) > most:
        raise ConfigError(
            f"{provider}: an account's name has {most} letters at most, for the name of its staging schema holds it: "
            f"{name!r} has {len(name)}"
        )
