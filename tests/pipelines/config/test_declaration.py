"""What a setting is taken for: values as dlt coerces them, places in dlt's order, and files as they are declared."""

import os
import re
import tomllib
from datetime import UTC, datetime, timedelta, timezone
from itertools import combinations, product
from unittest.mock import patch

import dlt
import pytest
from dlt.common.configuration import configspec
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.configuration.specs import BaseConfiguration

from pipelines.config.accounts import Account
from pipelines.config.declaration import settings_of
from pipelines.config.reference import config_toml, markdown, secrets_toml
from pipelines.config.settings import SECTIONS, PrivacySettings, Section
from sources import provider, providers
from sources.errors import ConfigError
from sources.load.settings import SourceSettings
from tests.conftest import ROOT
from tests.support.pages import page
from tests.support.tiers import quick_ones

SETTINGS = {setting.name: setting for model in (SourceSettings, PrivacySettings) for setting in settings_of(model)}
DAY = datetime(2024, 1, 1)  # noqa: DTZ001  # without an offset, as it is written; it counts as UTC later
NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
NOON_IN_PARIS = datetime(2024, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
REFUSED = "refused"
NOTHING = ("", "five", "true", "nan", "inf", "-1", "0b1", "1e400", "[5]", "5,5")
TEXTS: dict[str, dict[str, object]] = {  # as they are in the environment, or in quotes in a file
    "lookback_days": {
        **dict.fromkeys(NOTHING, REFUSED),
        **dict.fromkeys(("5", " 5 ", "5\n", "+5", "5.0", "٥"), 5.0),
        **{"5.5": 5.5, "0x10": 16.0, "1_000": 1000.0, "1e3": 1000.0, "-0": 0.0},
    },
    "reread_calls": {
        **dict.fromkeys((*NOTHING, "5.0", "5.5", "1e3"), REFUSED),
        **dict.fromkeys(("5", " 5 ", "5\n", "+5", "٥"), 5),
        **{"0x10": 16, "1_000": 1000, "-0": 0},
    },
    "schema_contract": {"discard": "discard", " discard ": REFUSED, "Discard": REFUSED, "frozen": REFUSED, "": REFUSED},
    "start_date": {
        **dict.fromkeys(("2024-01-01", "2024", "2024-01", "2024-W01-1", "20240101"), DAY),
        **dict.fromkeys(("2024-01-01T12:00:00", "2024-01-01 12:00"), DAY.replace(hour=12)),
        "2024-01-01T12:00:00Z": NOON,
        "2024-01-01T12:00:00.5Z": NOON.replace(microsecond=500_000),
        "2024-01-01T12:00:00+02:00": NOON_IN_PARIS,
        "1704110400": NOON,
        **dict.fromkeys(("now", "2024-02-30", "2024-1-1", " 2024-01-01 ", "01/02/2024", "P1D", "12:00"), REFUSED),
        **dict.fromkeys(("202401", "2024.5", "-1", "0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00"), REFUSED),
    },
    "proxy": {"": "", "5": "5", " x ": " x "},
    "tags": {
        **{'["a"]': ["a"], ' ["A", "b"] ': ["A", "b"], "[]": []},
        **dict.fromkeys(("patient", "[1]", '"a"', "{}", "('a',)", '["a",]', "null", '[["a"]]'), REFUSED),
    },
}
OTHERS: dict[str, dict[str, object]] = {  # as they are in a file, without quotes
    "lookback_days": {"5": 5.0, "5.5": 5.5, "0x10": 16.0, "true": REFUSED, "[5]": REFUSED, "2024-01-01": REFUSED},
    "reread_calls": {"5": 5, "5.0": 5, "1e3": 1000, "5.5": REFUSED, "true": REFUSED, "nan": REFUSED, "[5]": REFUSED},
    "schema_contract": {"5": REFUSED, "true": REFUSED, "['discard']": REFUSED},
    "start_date": {
        **{"2024-01-01": DAY, "2024-01-01T12:00:00Z": NOON, "2024-01-01 12:00:00+02:00": NOON_IN_PARIS},
        **{"2024-01-01T12:00:00": DAY.replace(hour=12), "1704110400": NOON, "1704110400.0": NOON},
        **{"true": REFUSED, "12:00:00": REFUSED, "1e400": REFUSED, "20240101": REFUSED, "2024": REFUSED},
    },
    "proxy": {"5": "5", "true": "True"},
    "tags": {'["a"]': ["a"], "[]": [], "[1]": REFUSED, '["a", 1]': REFUSED, "5": REFUSED, "{a = 1}": REFUSED},
}
CASES = [(name, text, wanted) for name, cases in TEXTS.items() for text, wanted in cases.items()]
CASES += [
    (name, tomllib.loads(f"value = {text}")["value"], wanted)
    for name, cases in OTHERS.items()
    for text, wanted in cases.items()
]


@pytest.mark.parametrize(("name", "written", "wanted"), CASES, ids=repr)
def test_a_value_is_what_dlt_takes_it_for(name: str, written: object, wanted: object) -> None:
    if wanted == REFUSED:
        with pytest.raises(ConfigError, match=f"setting {name} must be"):
            SETTINGS[name].coerced(written, name)
        return
    taken = SETTINGS[name].coerced(written, name)

    assert (taken, type(taken)) == (wanted, type(wanted))


@configspec
class Ours(BaseConfiguration):
    lookback_days: float = 3.0


PLACES = [f"{section}.lookback_days" for section in ("sources", "sources.phaxio", "sources.phaxio.accounts.east")]
KEYS = {"SOURCES__PHAXIO__API_KEY": "Kestrel7", "SOURCES__PHAXIO__API_SECRET": "Kestrel8"}
SUBSETS = [subset for count in range(4) for subset in combinations(range(3), count)]  # of the three places


@pytest.mark.parametrize(
    ("variables",), quick_ones([(subset,) for subset in SUBSETS], [((0,),), ((0, 1, 2),)]), ids=map(str, SUBSETS)
)
def test_of_several_places_that_is_read_which_dlt_would_read(variables: tuple[int, ...]) -> None:
    environment = KEYS | {PLACES[at].replace(".", "__").upper(): str(10 + at) for at in variables}
    read = set()
    for in_secrets, in_config in product(SUBSETS, repeat=2):
        secrets, config = {PLACES[at]: 20 + at for at in in_secrets}, {PLACES[at]: 30 + at for at in in_config}
        with patch.dict(os.environ, environment), dlt.secrets.values(secrets), dlt.config.values(config):
            ours = Account("phaxio", "east").settings().lookback_days
            theirs = resolve_configuration(Ours(), sections=("sources", "phaxio", "accounts", "east")).lookback_days
        read.add(ours)

        assert ours == theirs
    assert len(read) == (1 if variables else 7)


def test_every_setting_has_a_meaning() -> None:
    models = (SourceSettings, *SECTIONS, *(provider(name).Settings for name in providers()))
    declared = {setting.name for model in models for setting in settings_of(model)}

    assert declared == declared & set(re.findall(r"^\| `\[\S+\] (\w+)` \| .{12,} \|", markdown(), re.MULTILINE))


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.heading)
def test_the_shipped_file_sets_what_holds_without_it(section: type[Section]) -> None:
    assert section.read() == section()


@pytest.mark.parametrize(
    ("printed", "file"),
    [
        (config_toml, (ROOT / ".dlt" / "config.toml").read_text()),
        (secrets_toml, (ROOT / ".dlt" / "example.secrets.toml").read_text()),
        (markdown, page("settings")),
    ],
    ids=["config.toml", "example.secrets.toml", "docs/settings.md"],
)
def test_the_files_say_what_is_declared(printed: object, file: str) -> None:
    assert callable(printed)
    assert f"\n{printed()}\n" in file, "copy what `pipelines/describe.py --settings` prints"
