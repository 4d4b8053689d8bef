"""Which settings there are, and which of those that are set nobody reads."""

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache

from dlt.common.configuration.specs import known_sections

import sources
from pipelines.config import settings_files
from sources.errors import ConfigError

OWN = {
    "sync": ("schema", "heartbeat_minutes", "busy_seconds", "duckdb_memory", "rows_per_load"),
    "report": ("timezone",),
    "privacy": ("phone_numbers", "key", "key_id", "tags", "keep_days"),
    "check": ("max_age_hours",),
    "notify": ("ping_url",),
}
_RETIRED = frozenset({"reader_process_from"})  # keys that an earlier version read
_DLTS_OWN = {"runtime", *(name for key, name in vars(known_sections).items() if key.isupper())} - {"sources"}
_ALIKE = 0.75
_OUR_PIPELINES = "fax_"  # what a section begins with that dlt reads for one of them only


@dataclass(frozen=True)
class Unknown:
    """A setting that nobody reads, as it is written, and where; `closest` is the setting that may be meant."""

    name: str
    place: str
    closest: str | None

    @property
    def is_grave(self) -> bool:
        """It may be one of those that keep phone numbers out: without it, they would be kept."""
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
        meant = f"did you mean {self.closest}?" if self.closest else "docs/settings.md lists the settings"
        return f"{self.name} in {self.place} is read by nobody: {meant}"


def unknown_in_files() -> Iterator[Unknown]:
    """What the files of .dlt set that nobody reads; a file that is no TOML is reported elsewhere."""
    for name in settings_files.NAMES:
        for place, _ in settings_files.written(name):
            if not _is_known(place):
                yield Unknown(".".join(place), str(settings_files.path_of(name)), _closest(place, "."))


def unknown_in_environment() -> Iterator[Unknown]:
    """The variables that look like settings of ours, and that nobody reads."""
    ours = {"sources", *OWN}
    for name in sorted(os.environ):
        place = tuple(name.lower().split("__"))
        is_ours = len(place) > 1 and (place[0] in ours or _resembles_privacy(place[0]))
        if is_ours and not _is_known(place):
            closest = _closest(place, "__")
            yield Unknown(name, "the environment", closest and closest.upper())


def require_privacy_read() -> None:
    """Raises:
    ConfigError: a setting that nobody reads is under `[privacy]`, or under a section of nearly that name.
    """
    for unknown in (*unknown_in_files(), *unknown_in_environment()):
        if unknown.is_grave:
            raise ConfigError(f"phone numbers might be kept that are not to be: {unknown}")


def _resembles_privacy(section: str) -> bool:
    from difflib import SequenceMatcher  # noqa: PLC0415  # hardly ever needed

    return SequenceMatcher(None, section, "privacy").ratio() >= _ALIKE


def _is_known(place: tuple[str, ...]) -> bool:
    *sections, _ = place
    is_dlts = bool(_DLTS_OWN & set(sections)) or place[0].startswith(_OUR_PIPELINES)
    return is_dlts or place in _known(place)


def _known(place: tuple[str, ...]) -> Collection[tuple[str, ...]]:
    """Every setting that there is, those of the account that the place names among them."""
    known: set[tuple[str, ...]] = {(section, key) for section, keys in OWN.items() for key in keys}
    for provider, keys in _of_sources().items():
        sections: list[tuple[str, ...]] = [("sources",), ("sources", provider)]
        if place[1:2] == (provider,) and len(place) > 4:
            sections.append(("sources", provider, "accounts", place[3]))
        known |= {(*section, key) for section in sections for key in keys}
    return known


@cache
def _of_sources() -> dict[str, Collection[str]]:
    """What the source of each provider takes."""
    packages = {name: sources.provider(name) for name in sources.providers()}
    return {name: tuple(package.Settings.get_resolvable_fields()) for name, package in packages.items()}


def _closest(place: tuple[str, ...], joint: str) -> str | None:
    from difflib import get_close_matches  # noqa: PLC0415  # hardly ever needed

    known = sorted(joint.join(known) for known in _known(place))
    return next(iter(get_close_matches(joint.join(place), known, 1, _ALIKE)), None)
