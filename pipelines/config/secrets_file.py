"""Writes .dlt/secrets.toml for the first time, with nothing but the settings that are given."""

import json
import os
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

from pipelines.config import bootstrap
from sources.errors import ConfigError

Values = Mapping[tuple[str, ...], str]  # the place of a setting, its name last -> its value


def secrets_path() -> Path:
    """The path of secrets.toml.

    Raises:
        ConfigError: the file exists; it is never overwritten.
    """
    path = bootstrap.settings_directory() / "secrets.toml"
    if path.exists():
        raise ConfigError(f"{path} exists, and is not overwritten: edit it, or move it away and run this again")
    return path


def environment(values: Values) -> dict[str, str]:
    """The same settings as environment variables."""
    return {"__".join(place).upper(): value for place, value in values.items()}


def write_secrets(path: Path, values: Values) -> None:
    """Writes the settings into a new file that only this user can read.

    Raises:
        FileExistsError: there is a file.
    """
    path.parent.mkdir(exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        for section, places in groupby(values, key=lambda place: place[:-1]):
            lines = (f"{place[-1]} = {json.dumps(values[place], ensure_ascii=False)}\n" for place in places)
            file.write(f"[{'.'.join(section)}]\n{''.join(lines)}\n")
