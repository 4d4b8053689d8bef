"""What docs/deploying.md gives to copy for a scheduled machine: it parses, it is current, and it names what exists."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from packaging.requirements import Requirement
from pages import blocks

PINNED = dict(re.findall(r"^([a-z0-9_.-]+)==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))


@pytest.mark.parametrize("requirement", tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"])
def test_the_pinned_requirements_are_those_of_the_project(requirement: str) -> None:
    wanted = Requirement(requirement)

    assert wanted.specifier.contains(PINNED[wanted.name]), (
        f"{wanted}: see docs/deploying.md, Without uv"
    )


def test_every_pinned_requirement_has_its_hash() -> None:
    text = (ROOT / "requirements.txt").read_text()

    assert len(PINNED) > 10
    assert [part for part in re.split(r"\n(?=\S)", text) if "==" in part and "--hash=sha256:" not in part] == []
    assert re.search(r"https?://|--index", text) is None


def test_the_cron_lines_have_five_fields_and_a_command_that_exists() -> None:
    lines = "".join(blocks("cron")).splitlines()
    assert lines
    for line in lines:
        schedule, command = line.split(None, 5)[:5], line.split(None, 5)[5]

        assert all(re.fullmatch(r"[\d*/,-]+", part) for part in schedule)
        assert all((ROOT / name).exists() for name in re.findall(r"pipelines/\w+\.py", command))


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("no systemd on this machine")
    service, timer = blocks("systemd")
    ours = service.replace("/srv/fax-warehouse/.venv/bin/python", "/bin/true").replace("User=fax-sync\n", "")
    (tmp_path / "fax-sync.service").write_text(ours)
    (tmp_path / "fax-sync.timer").write_text(timer)
    (tmp_path / "fax-sync-failed.service").write_text("[Service]\nType=oneshot\nExecStart=/bin/true\n")
    units = [str(tmp_path / name) for name in ("fax-sync.service", "fax-sync.timer")]
    told = subprocess.run([verify, "verify", *units], capture_output=True, text=True, check=False)

    assert [line for line in told.stderr.splitlines() if "fax-sync" in line] == []


def test_the_workflow_runs_what_exists_with_settings_that_exist() -> None:
    (text,) = blocks("yaml")
    workflow = yaml.safe_load(text)
    steps = workflow["jobs"]["sync"]["steps"]

    assert [step["run"].split()[1] for step in steps if "python" in step.get("run", "")] == ["pipelines/sync.py"]
    assert all(re.fullmatch(r"(SOURCES|DESTINATION)__[A-Z_]+", name) for name in steps[-1]["env"])
