"""The files of .dlt as they are written: what stands in them, which is no TOML, and secrets in the wrong one."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sources
from pipelines.config import bootstrap

Place = tuple[str, ...]
NAMES = ("config.toml", "secrets.toml")


def written(name: str) -> Iterator[tuple[Place, Any]]:
    """Each setting of a file, with its value; nothing of a file that is no TOML, which `unreadable` tells."""
    try:
        table = tomllib.loads(path_of(name).read_text("utf-8"))
    except (OSError, ValueError):
        return
    yield from _leaves(table)


def path_of(name: str) -> Path:
    """Where the file of this name is."""
    return bootstrap.settings_directory() / name


def unreadable() -> str | None:
    """A sentence that names the file, and the line that is no TOML, if one cannot be read; no value is quoted."""
    for name in NAMES:
        path = path_of(name)
        try:
            tomllib.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            continue
        except IsADirectoryError:
            return f"{path} is a directory: put a file with the settings in its place"
        except OSError as error:
            return f"{path} cannot be read ({error.strerror}): check its owner and its mode"
        except ValueError as error:
            line = re.search(r"at (line \d+|end of document)", str(error))
            where = f" at {line[1]}" if line else ""
            return f"{path} cannot be read{where}: is a text without quotes, a key there twice, or it is not UTF-8?"
    return None


def secrets_in_config() -> Iterator[str]:
    """A sentence for each secret in config.toml."""
    keys = {key for name in sources.providers() for key in sources.provider(name).SECRETS}
    for place, value in written("config.toml"):
        is_secret = (
            (place[0] == "sources" and place[-1] in keys)
            or place == ("privacy", "key")
            or (place[0] == "sources" and place[-1] == "proxy" and "@" in str(value))
            or (place[0] == "destination" and place[-1] in ("credentials", "password"))
        )
        if is_secret and value:
            yield f"{'.'.join(place)} is in {path_of('config.toml')}, which git tracks: move it to secrets.toml"


def _leaves(table: dict[str, Any], section: Place = ()) -> Iterator[tuple[Place, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*section, key))
        else:
            yield (*section, key), value
