"""The shards of docs/orchestrators.md: run as the page shows, they load every account once, into one PostgreSQL."""

import subprocess
import sys

import pytest
import yaml

from tests.conftest import ROOT, ServeFake, Settings, generated
from tests.support.environment import child_environment
from tests.support.pages import blocks
from tests.support.servers.postgres import Server

ACCOUNTS = ("east", "north", "south")
PAGE = ROOT / "docs" / "orchestrators.md"


@pytest.fixture
def database(settings: Settings, postgres: Server, serve_fake: ServeFake) -> str:
    """An empty database, and five accounts to load into it."""
    for name in ACCOUNTS:
        serve_fake("phaxio", generated("phaxio", 10, days=5), api_key=f"canary key of {name}")
        for key in ("API_KEY", "API_SECRET", "BASE_URL"):
            settings[f"SOURCES__PHAXIO__ACCOUNTS__{name.upper()}__{key}"] = settings.pop(f"SOURCES__PHAXIO__{key}")
    name = postgres.create()
    settings |= postgres.settings(name)
    return name


def loaded(postgres: Server, database: str) -> list[tuple[str, int]]:
    """The accounts that are loaded, with the number of their faxes."""
    return [
        (str(account), int(faxes))
        for account, faxes in postgres.query(
            database, "select account, count(*) from fax_phaxio.faxes group by 1 order by 1"
        )
    ]


@pytest.mark.slow
def test_a_cron_job_with_an_index_runs_every_shard(settings: Settings, postgres: Server, database: str) -> None:
    (job,) = (yaml.safe_load(block) for block in blocks("yaml", PAGE))
    spec = job["spec"]["jobTemplate"]["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    assert container["args"][0] == "python"
    words = [sys.executable, *container["args"][1:]]
    running = [
        subprocess.Popen(
            [*container["command"], *words],
            cwd=ROOT,
            env=child_environment(settings, JOB_COMPLETION_INDEX=str(index)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for index in range(spec["completions"])
    ]

    assert {one.wait() for one in running} == {0}
    assert loaded(postgres, database) == [(account, 10) for account in ACCOUNTS]
