"""Where each setting of an account came from; a secret is only said to be set, or not."""

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt

import sources
from pipelines.config.accounts import Account


def settings_of(account: Account) -> Iterator[str]:
    """One line for each credential, and for the warehouse."""
    for key in sources.provider(account.provider).SECRETS:
        places = [".".join((*place, key)) for place in (account.section, account.section[:2])]
        found = next((place for place in places if dlt.secrets.get(place)), None)
        yield f"{places[0]}: {_origin(found)}"
    for key in ("destination_type", "credentials"):
        place = f"destination.warehouse.{key}"
        found = place if any(place_of.get(place) for place_of in (dlt.secrets, dlt.config)) else None
        yield f"{place}: {_origin(found, 'not set, so the default holds')}"


def _origin(place: str | None, otherwise: str = "NOT SET") -> str:
    if place is None:
        return otherwise
    name = place.replace(".", "__").upper()
    return f"set by the environment, {name}" if os.environ.get(name) else f"set in {_file_of(place)}, as {place}"


def _file_of(place: str) -> str:
    """The file that the setting is read from: the first that has it, as dlt goes by their order."""
    files = (file for provider in dlt.config.config_providers for file in provider.present_locations)
    return next((file for file in files if _has(Path(file), place)), "a file of .dlt")


def _has(file: Path, place: str) -> bool:
    told: Any = tomllib.loads(file.read_text("utf-8"))
    for key in place.split("."):
        told = told.get(key) if isinstance(told, dict) else None
    return told is not None
