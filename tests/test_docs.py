"""README and docs/ describe what is there, and what is there is in them."""

import re
import shutil
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path
from types import ModuleType

import pytest

import sources
from pipelines import check, describe, init, pseudonym, reconcile, report, spark_sync, status, sync
from pipelines.cli.summary import PRECEDENCE
from pipelines.views.files import HERE
from pipelines.views.queries import UNIFIED
from tests.conftest import ROOT
from tests.support.environment import child_environment
from tests.support.pages import GUIDE, PAGES, guide, page

README = (ROOT / "README.md").read_text()
SETTINGS, ASKING = page("settings"), page("asking")
COMMANDS = (sync, spark_sync, init, check, describe, report, reconcile, status, pseudonym)
FILLED_BY_USERS = "invoices"  # the one table in the schema of the views
CONFIG = tomllib.loads((ROOT / ".dlt" / "config.toml").read_text())


def shape(text: str) -> list[str]:
    """The lines of an output with their numbers left out, and with as much space as a table happened to need."""
    lines = (re.sub(r"[0-9][0-9,.:TZ-]*", "0", line) for line in text.strip().splitlines())
    return [re.sub(r"[\s━─┳┴┬╇]+", " ", line).strip() for line in lines]


@pytest.mark.slow
def test_the_demonstration_prints_what_the_readme_shows(tmp_path: Path) -> None:
    for folder in ("sources", "pipelines", ".dlt"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "secrets.toml"))
    command = [sys.executable, "pipelines/sync.py", "--demo"]
    env = child_environment(project=tmp_path, UV="uv")
    printed = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=True)
    shown = re.search(r"<!-- output: demo -->\n```\n(.*?)```", README, re.DOTALL)

    assert shown is not None
    assert shape(shown[1])[:2] == shape(printed.stdout)[:2]
    assert shape(shown[1])[-2:] == shape(printed.stdout)[-2:]


def test_every_setting_is_described() -> None:
    ours = {name: CONFIG[name] for name in ("sync", "report", "privacy", "check", "sources", "destination")}
    tables = [ours["sync"], ours["report"], ours["check"], ours["privacy"], ours["destination"]["warehouse"]]
    tables += [*ours["sources"].values(), ours["sources"]]
    keys = set(chain.from_iterable(table for table in tables if isinstance(table, dict))) - {*sources.providers()}

    assert {key for key in keys if f"`{key}`" not in SETTINGS and not re.search(rf"[`, ]{key}[`,]", SETTINGS)} == set()


@pytest.mark.parametrize("view", [*UNIFIED, *(path.stem for path in HERE.glob("*.sql"))])
def test_every_view_is_described(view: str) -> None:
    assert f"`fax.{view}`" in ASKING


def test_every_view_that_is_described_exists() -> None:
    named = set(re.findall(r"`fax\.(\w+)`", guide()))

    assert named <= {*UNIFIED, *(path.stem for path in HERE.glob("*.sql")), FILLED_BY_USERS}


def codes_in_help(command: ModuleType) -> set[int]:
    """The exit codes that the help of a command lists."""
    listed = " ".join(command._parser().format_help().partition("Exit codes: ")[2].split())
    return {int(code) for code in re.findall(r"(?:^|; )(\d+) ", listed)}


def test_every_exit_code_is_described() -> None:
    _, _, section = page("operating").partition("## When it fails")
    table = re.findall(r"^\| ([0-9, ]+) \|", section, re.MULTILINE)
    told = {int(code) for row in table for code in row.split(",")}

    assert told == {0, 64, 130, 141, 143, *PRECEDENCE}
    assert codes_in_help(sync) == codes_in_help(spark_sync) == told
    for command in COMMANDS:
        assert {0, 64, 70, 74, 78, 130, 141, 143} <= codes_in_help(command) <= told, command.__name__


def test_no_option_is_named_that_no_command_has() -> None:
    known = set(
        re.findall(
            r"--[a-z-]+",
            "".join(command._parser().format_help() for command in COMMANDS),
        )
    )
    named = set(re.findall(r"--[a-z-]+", " ".join(re.findall(r"pipelines/\w+\.py[^`\n]*", guide()))))

    assert named <= known


def test_every_file_that_is_named_exists() -> None:
    named = re.findall(r"(?<![\w/])(?:pipelines|notebooks|sources|tests|docs)/[\w/.-]*\w\.(?:py|png|sql|md)", guide())

    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_the_page_about_the_move_quotes_what_check_says() -> None:
    assert sources.provider("phaxio").IF_GONE in page("moving-from-phaxio")


def test_the_page_on_postgres_creates_the_schema_of_each_provider() -> None:
    created = re.findall(r"^create schema (\w+) authorization", page("postgres"), re.MULTILINE)

    assert set(created) == {"fax", *(f"fax_{name}" for name in sources.providers())}


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 250


@pytest.mark.parametrize("path", GUIDE, ids=lambda path: path.name)
def test_a_page_that_is_not_generated_is_short(path: Path) -> None:
    lines = path.read_text().splitlines()

    assert len(lines) <= 200 or "Generated: " in lines[2] or path.name == "README.md"


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub makes of the page's headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_within_the_project_resolves(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith(("https://", "http://")):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path

        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_readme_links_to_every_page() -> None:
    linked = {(ROOT / link).resolve() for link in re.findall(r"\]\(([^)#\s]+)\)", README)}

    assert [path.name for path in PAGES if path.name != "README.md" and path not in linked] == []


def test_every_page_that_the_product_names_exists() -> None:
    files = [path for folder in ("sources", "pipelines", ".dlt") for path in (ROOT / folder).rglob("*.*")]
    texts = [path.read_text() for path in files if path.suffix in (".py", ".sql", ".toml")]
    named = {name for text in texts for name in re.findall(r"[\w/-]+\.md\b", text)}

    assert {name for name in named if not (ROOT / name).exists()} == set()
    assert "README.md" not in named, "name the page that has the answer"
