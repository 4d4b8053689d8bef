"""What docs/ gives to copy for a scheduled machine: it parses, it is current, and it names what exists."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import sources
from pipelines import check, sync
from pipelines.config.declaration import settings_of
from tests.conftest import ROOT, ServeFake, Settings, SyncProcess
from tests.support.pages import blocks

PINNED = dict(re.findall(r"^([a-z0-9_.-]+)==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))


@pytest.mark.parametrize("requirement", tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"])
def test_the_pinned_requirements_are_those_of_the_project(requirement: str) -> None:
    wanted = Requirement(requirement)

    assert wanted.specifier.contains(PINNED[wanted.name]), f"{wanted}: see docs/deploying.md, Install"


def test_every_pinned_requirement_has_its_hash() -> None:
    text = (ROOT / "requirements.txt").read_text()

    assert len(PINNED) > 10
    assert [part for part in re.split(r"\n(?=\S)", text) if "==" in part and "--hash=sha256:" not in part] == []
    assert re.search(r"https?://|--index", text) is None


COMMANDS = {"sync": sync, "check": check}


def called(text: str) -> list[tuple[str, list[str]]]:
    """The commands of this project that a text runs, and their arguments, as a shell or a list of words has them."""
    words = re.sub(r"[\"',\[\]]+", " ", text)
    found = re.findall(r"pipelines/(\w+)\.py((?:[ \n]+-?-?[\w:.-]+)*)", words)
    return [(name, arguments.split()) for name, arguments in found]


@pytest.mark.parametrize("language", ["cron", "systemd", "yaml", "python"])
def test_what_is_copied_runs_commands_with_options_that_exist(language: str) -> None:
    found = [call for text in blocks(language) for line in text.splitlines() for call in called(line)]

    assert found
    for name, arguments in found:
        assert COMMANDS[name]._parser().parse_args(arguments)


def test_the_cron_lines_have_five_fields() -> None:
    lines = "".join(blocks("cron")).splitlines()

    assert lines
    for line in lines:
        assert all(re.fullmatch(r"[\d*/,-]+", part) for part in line.split(None, 5)[:5])


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("no systemd on this machine")
    service, timer = blocks("systemd")
    ours = re.sub(r"/srv/\S+/\.venv/bin/python", "/bin/true", service).replace("User=fax-sync\n", "")
    (tmp_path / "fax-sync.service").write_text(ours)
    (tmp_path / "fax-sync.timer").write_text(timer)
    (tmp_path / "fax-sync-failed.service").write_text("[Service]\nType=oneshot\nExecStart=/bin/true\n")
    units = [str(tmp_path / name) for name in ("fax-sync.service", "fax-sync.timer")]
    told = subprocess.run([verify, "verify", *units], capture_output=True, text=True, check=False)

    assert [line for line in told.stderr.splitlines() if "fax-sync" in line] == []


def test_the_logrotate_file_is_taken(tmp_path: Path) -> None:
    program = shutil.which("logrotate")
    if program is None:
        pytest.skip("no logrotate on this machine")
    (text,) = blocks("logrotate")
    file = tmp_path / "fax-sync"
    file.write_text(text.replace("    su fax-sync fax-sync\n", ""))
    told = subprocess.run([program, "--debug", str(file)], capture_output=True, text=True, check=False)

    assert (told.returncode, "error" in told.stderr) == (0, False)


def is_ours(name: str) -> bool:
    """A variable that a sync reads."""
    *sections, key = name.lower().split("__")
    if sections == ["destination", "warehouse"]:
        return name.isupper() and key in ("destination_type", "credentials", "bucket_url")
    folder, provider = sections

    declared = {setting.name for setting in settings_of(sources.provider(provider).Settings)}
    return name.isupper() and folder == "sources" and key in declared


def secrets() -> set[str]:
    """The variables of the secrets of every provider."""
    return {
        f"SOURCES__{provider}__{setting.name}".upper()
        for provider in sources.providers()
        for setting in settings_of(sources.provider(provider).Settings)
        if setting.is_secret
    }


def test_the_workflow_sets_what_is_read() -> None:
    (workflow,) = (found for text in blocks("yaml") if "jobs" in (found := yaml.safe_load(text)))
    named = workflow["jobs"]["sync"]["steps"][-1]["env"]

    assert secrets() <= {*named}
    assert all(is_ours(name) for name in named)


def test_the_cron_job_runs_the_image_without_overlap() -> None:
    page = ROOT / "docs" / "containers.md"
    (found,) = (found for text in blocks("yaml", page) if (found := yaml.safe_load(text)).get("kind") == "CronJob")
    pod = found["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    mounted = {mount["name"] for mount in container["volumeMounts"]}

    assert (found["apiVersion"], found["spec"]["concurrencyPolicy"], pod["restartPolicy"]) == (
        "batch/v1",
        "Forbid",
        "Never",
    )
    assert container["args"][0] == "sync"
    assert sync._parser().parse_args(container["args"][1:])
    assert mounted == {volume["name"] for volume in pod["volumes"]}
    assert all(is_ours(one["name"]) for one in container["env"])


def test_the_services_of_the_compose_file_are_those_of_the_pages() -> None:
    (found,) = (found for text in blocks("yaml") if "services" in (found := yaml.safe_load(text)))
    service = found["services"]["sync"]
    named = {volume.partition(":")[0] for one in found["services"].values() for volume in one["volumes"]}

    assert sync._parser().parse_args(service["command"][1:])
    assert (named, service["read_only"], [*service["depends_on"]]) == ({*found["volumes"]}, True, ["postgres"])
    assert all(is_ours(name) for name in service["environment"])


def test_the_variables_of_the_container_are_read() -> None:
    (text,) = blocks("env")
    named = [line.partition("=")[0] for line in text.splitlines()]

    assert secrets() <= {*named}
    assert all(map(is_ours, named))


@pytest.mark.slow
def test_the_image_holds_all_that_a_sync_needs(
    tmp_path: Path, serve_fake: ServeFake, settings: Settings, sync_process: SyncProcess
) -> None:
    (text,) = blocks("dockerfile")
    lines = text.replace("\\\n", " ").splitlines()
    known = {"FROM", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "ENV", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
    copied = [line.split()[1:] for line in lines if line.startswith("COPY ") and "--from" not in line]
    for source, target in copied:
        place = tmp_path / target if not target.endswith("/") else tmp_path / target / Path(source).name
        place.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, place)
    (entry,) = (json.loads(line.removeprefix("ENTRYPOINT ")) for line in lines if line.startswith("ENTRYPOINT"))
    scripts = tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]["scripts"]
    serve_fake("phaxio")

    assert [Path(word).name for word in entry] == [*scripts]
    assert {line.split()[0] for line in lines if line} <= known
    assert [line for line in lines if line.startswith("ENV")] == ["ENV FAX_WAREHOUSE_PROJECT=/data"]
    assert sync_process(root=tmp_path, cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("text", blocks("python"), ids=lambda text: text.split()[1])
def test_the_code_for_an_orchestrator_is_python(text: str) -> None:
    assert compile(text, "<page>", "exec")
