"""The README says what is there, and what is there is in the README."""

import re
import shutil
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from conftest import ROOT

from pipelines import check, describe, report, sync
from pipelines.summary import PRECEDENCE
from pipelines.views.queries import HERE, UNIFIED

README = (ROOT / "README.md").read_text()
CONFIG = tomllib.loads((ROOT / ".dlt" / "config.toml").read_text())


def shape(text: str) -> list[str]:
    """The lines of an output with their numbers left out, and with as much space as a table happened to need."""
    lines = (re.sub(r"[0-9][0-9,.:TZ-]*", "0", line) for line in text.strip().splitlines())
    return [re.sub(r"[\s━─┳┴┬╇]+", " ", line).strip() for line in lines]


def test_the_demonstration_prints_what_the_readme_shows(tmp_path: Path) -> None:
    for folder in ("sources", "pipelines", ".dlt"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "secrets.toml"))
    command = [sys.executable, str(tmp_path / "pipelines" / "sync.py"), "--demo"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    shown = re.search(r"<!-- output: demo -->\n```\n(.*?)```", README, re.DOTALL)

    assert shown is not None
    assert shape(shown[1])[:2] == shape(printed.stdout)[:2]
    assert shape(shown[1])[-2:] == shape(printed.stdout)[-2:]


def test_every_setting_is_in_the_readme() -> None:
    ours = {name: CONFIG[name] for name in ("sync", "report", "privacy", "check", "sources", "destination")}
    tables = [ours["sync"], ours["report"], ours["check"], ours["privacy"], ours["destination"]["warehouse"]]
    tables += [*ours["sources"].values(), ours["sources"]]
    keys = set(chain.from_iterable(table for table in tables if isinstance(table, dict))) - {"phaxio", "signalwire"}

    assert {key for key in keys if f"`{key}`" not in README and not re.search(rf"[`, ]{key}[`,]", README)} == set()


@pytest.mark.parametrize("view", [*UNIFIED, *(path.stem for path in HERE.glob("*.sql"))])
def test_every_view_is_in_the_readme(view: str) -> None:
    assert f"`fax.{view}`" in README


def test_every_view_of_the_readme_exists() -> None:
    named = set(re.findall(r"`fax\.(\w+)`", README))

    assert named <= {*UNIFIED, *(path.stem for path in HERE.glob("*.sql"))}


def test_every_exit_code_is_in_the_readme() -> None:
    _, _, section = README.partition("## When it fails")
    table = re.findall(r"^\| ([0-9, ]+) \|", section, re.MULTILINE)
    told = {int(code) for row in table for code in row.split(",")}

    assert told == {0, 64, 130, 143, *PRECEDENCE}


def test_the_readme_names_no_option_that_no_command_has() -> None:
    known = set(
        re.findall(
            r"--[a-z-]+", "".join(command._parser().format_help() for command in (sync, check, describe, report))
        )
    )
    named = set(re.findall(r"--[a-z-]+", " ".join(re.findall(r"pipelines/\w+\.py[^`\n]*", README))))

    assert named <= known


def test_every_command_of_the_readme_exists() -> None:
    named = re.findall(r"(?:pipelines|notebooks|tests)/\w+\.(?:py|png)", README)

    assert {name for name in named if not (ROOT / name).exists()} == set()
