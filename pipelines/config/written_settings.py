"""The settings as written in .dlt and the environment: files that are not TOML, misplaced secrets, unknown settings."""

import codecs
import os
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dlt.common.configuration.specs import known_sections

import sources
from pipelines.config import bootstrap
from pipelines.config.declaration import Place, secrets_of, settings_of
from pipelines.config.settings import SECTIONS
from sources.errors import ConfigError

FILES = ("config.toml", "secrets.toml")
_RETIRED = frozenset({"reader_process_from"})  # keys that an earlier version read
_DLTS_OWN = {"runtime", *(name for key, name in vars(known_sections).items() if key.isupper())} - {"sources"}
_ALIKE = 0.75
_OUR_PIPELINES = "fax_"  # a section that begins with it is dlt's, for one pipeline


@dataclass(frozen=True)
class Unknown:
    """An unknown setting as written, and the place where it is set; `closest` is the setting that may be meant."""

    name: str
    place: str
    closest: str | None

    @property
    def is_grave(self) -> bool:
        """A privacy setting may be meant: ignoring it could store phone numbers against the user's will."""
        meant = re.split(r"\.|__", (self.closest or "").lower())[0]
        section = re.split(r"\.|__", self.name.lower())[0]
        return "privacy" in (meant, section) or _resembles_privacy(section)

    @property
    def is_retired(self) -> bool:
        """An earlier version read it."""
        return re.split(r"\.|__", self.name.lower())[-1] in _RETIRED

    def __str__(self) -> str:
        if self.is_retired:
            return f"{self.name} in {self.place} is no longer used: remove it"
        return f"unknown setting {self.name} in {self.place} is ignored: {self.remedy}"

    @property
    def remedy(self) -> str:
        """The setting that may be meant, or where all are listed."""
        return f"did you mean {self.closest}?" if self.closest else "docs/settings.md lists the settings"


def _written(name: str) -> Iterator[tuple[Place, Any]]:
    """Each setting of a file, with its value; none of a file that is not TOML, which `unreadable` reports."""
    try:
        table = tomllib.loads(_path_of(name).read_text("utf-8"))
    except (OSError, ValueError):
        return
    yield from leaves(table)


def _path_of(name: str) -> Path:
    """The path of the file of this name in .dlt."""
    return bootstrap.settings_directory() / name


def unreadable() -> str | None:
    """A sentence if a file cannot be read: its path, the reason and the line, without any value; else None."""
    for name in FILES:
        path = _path_of(name)
        try:
            table = tomllib.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            continue
        except IsADirectoryError:
            return f"{path} is a directory: replace it with a file"
        except OSError as error:
            return f"{path} cannot be read ({error.strerror}): run as its owner, or change its owner or its mode"
        except ValueError as error:
            return f"{path} is not valid TOML{_reason(path, error)}"
        for place, _ in leaves(table):
            if _is_section(place):
                section = ".".join(place) + ".<name>" * (place[2:] == ("accounts",))
                return f"{path}: {'.'.join(place)} must be a section: write [{section}] in a line above its settings"
    return None


def _is_section(place: Place) -> bool:
    """The place is one of a section of ours: it holds settings, and has no value itself."""
    of_accounts = rf"sources(\.({'|'.join(sources.providers())})(\.accounts(\.[^.]+)?)?)?"
    headings = "|".join(section.heading for section in SECTIONS)
    return bool(re.fullmatch(rf"{of_accounts}|{headings}|destination(\.warehouse)?", ".".join(place)))


def _reason(path: Path, error: ValueError) -> str:
    """Where and why a file is not TOML."""
    if path.read_bytes().startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ": it begins with a byte order mark; save it as UTF-8 without BOM"
    if isinstance(error, UnicodeDecodeError):
        return ": it is not UTF-8; save it as UTF-8"
    line = re.search(r"at (line \d+|end of document)", str(error))
    return f"{f' at {line[1]}' if line else ''}: a text lacks quotes, or a key or a section is repeated"


def secrets_in_config() -> Iterator[str]:
    """A sentence for each secret in config.toml."""
    secrets = {"sources": {key for name in sources.providers() for key in secrets_of(sources.provider(name).Settings)}}
    secrets |= {section.heading: set(secrets_of(section)) for section in SECTIONS}
    secrets["destination"] = {"credentials", "password"}
    for place, value in _written("config.toml"):
        is_proxy = place[0] == "sources" and place[-1] == "proxy" and "@" in str(value)
        if value and (is_proxy or place[-1] in secrets.get(place[0], ())):
            yield f"{'.'.join(place)} is in {_path_of('config.toml')}, which git tracks: move it to secrets.toml"


def unknown_in_files() -> Iterator[Unknown]:
    """The unknown settings in the files of .dlt; `unreadable` reports a file that is not TOML."""
    for name in FILES:
        for place, _ in _written(name):
            if not _is_known(place):
                yield Unknown(".".join(place), str(_path_of(name)), _closest(place, "."))


def unknown_in_environment() -> Iterator[Unknown]:
    """The environment variables that look like this project's settings but are unknown."""
    headings = {"sources", *(section.heading for section in SECTIONS)}
    for name in sorted(os.environ):
        place = tuple(name.lower().split("__"))
        is_ours = len(place) > 1 and (place[0] in headings or _resembles_privacy(place[0]))
        if is_ours and not _is_known(place):
            closest = _closest(place, "__")
            yield Unknown(name, "the environment", closest and closest.upper())


def require_known(place: Place) -> None:
    """Requires a setting that is declared, or one of dlt's.

    Raises:
        ConfigError: the setting is unknown.
    """
    if not _is_known(place):
        unknown = Unknown(".".join(place), "standard input", _closest(place, "."))
        raise ConfigError(f"unknown setting {unknown.name} in {unknown.place}: {unknown.remedy}")


def require_known_privacy(unknown: Iterable[Unknown]) -> None:
    """Requires that no unknown setting is under `[privacy]`, or under a section of nearly that name.

    Raises:
        ConfigError: an unknown setting is there.
    """
    for setting in unknown:
        if setting.is_grave:
            raise ConfigError(f"phone numbers might be stored against your will: {setting}")


def _resembles_privacy(section: str) -> bool:
    from difflib import SequenceMatcher  # noqa: PLC0415  # rarely needed

    return SequenceMatcher(None, section, "privacy").ratio() >= _ALIKE


def _is_known(place: Place) -> bool:
    *sections, _ = place
    is_dlts = bool(_DLTS_OWN & set(sections)) or place[0].startswith(_OUR_PIPELINES)
    return is_dlts or place in _known(_account_of(place))


def _account_of(place: Place) -> str | None:
    """The account in the place of a setting, such as `sources.<provider>.accounts.<name>.<key>`; None without one."""
    return place[3] if len(place) > 4 else None


@cache
def _known(account: str | None) -> frozenset[Place]:
    """The place of every declared setting, also under the account of this name at each provider."""
    known: set[Place] = {(section.heading, setting.name) for section in SECTIONS for setting in settings_of(section)}
    for provider in sources.providers():
        for setting in settings_of(sources.provider(provider).Settings):
            sections: list[Place] = [] if setting.is_secret else [("sources",)]
            sections += [("sources", provider)]
            sections += [("sources", provider, "accounts", account)] if account else []
            known |= {(*section, setting.name) for section in sections}
    return frozenset(known)


def leaves(table: dict[str, Any], section: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Each setting in a table of TOML, with its value."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from leaves(value, (*section, key))
        else:
            yield (*section, key), value


def _closest(place: Place, joint: str) -> str | None:
    from difflib import get_close_matches  # noqa: PLC0415  # rarely needed

    known = sorted(joint.join(setting) for setting in _known(_account_of(place)))
    return next(iter(get_close_matches(joint.join(place), known, 1, _ALIKE)), None)
