"""Writes .dlt/secrets.toml for the first time, with nothing but the settings that are given."""

import json
import os
from itertools import groupby
from pathlib import Path

from pipelines.config import bootstrap
from sources.errors import ConfigError, LocalError

Values = dict[tuple[str, ...], str]  # the place of a setting, its name last -> its value


def secrets_path() -> Path:
    """The path of secrets.toml, which can be created.

    Raises:
        ConfigError: the file exists; it is never overwritten.
        LocalError: its directory cannot be written.
    """
    path = bootstrap.settings_directory() / "secrets.toml"
    if os.path.lexists(path):
        raise ConfigError(f"{path} exists, and is not overwritten: edit it, or move it away and run this again")
    directory = path.parent if path.parent.exists() else path.parent.parent
    if not os.access(directory, os.W_OK | os.X_OK):
        raise LocalError(f"{directory} cannot be written: check its owner and its mode")
    return path


def environment(values: Values) -> dict[str, str]:
    """The same settings as environment variables."""
    return {"__".join(place).upper(): value for place, value in values.items()}


def write_secrets(path: Path, values: Values) -> None:
    """Writes the settings into a new file that only this user can read; leaves none if that fails.

    Raises:
        FileExistsError: there is a file.
    """
    path.parent.mkdir(exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            for section, places in groupby(values, key=lambda place: place[:-1]):
                lines = (f"{place[-1]} = {json.dumps(values[place], ensure_ascii=False)}\n" for place in places)
                file.write(f"[{'.'.join(section)}]\n{''.join(lines)}\n")
    except BaseException as error:
        path.unlink()  # else the next run would refuse to replace it
        if isinstance(error, OSError):
            error.filename = str(path)
        raise
