"""No test, and no process that a test starts, is led to what belongs to the user who runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.environment import child_environment

THEIRS = {
    "SOURCES__PHAXIO__API_KEY": "canary",
    "DESTINATION__WAREHOUSE__CREDENTIALS": "postgresql://canary@127.0.0.1:9/canary",
    "SYNC__SCHEMA": "canary",
    "PRIVACY__PHONE_NUMBERS": "canary",
    "REPORT__TIMEZONE": "canary",
    "CHECK__MAX_AGE_HOURS": "canary",
    "NOTIFY__PING_URL": "http://canary.invalid",
    "DLT_CONFIG_FOLDER": "canary",
    "DLT_PROJECT_DIR": "/canary",
    "RUNTIME__LOG_LEVEL": "canary",
    "PGHOST": "canary",
    "PGSERVICE": "canary",
    "HTTPS_PROXY": "http://canary.invalid",
    "all_proxy": "http://canary.invalid",
    "SSL_CERT_FILE": "/canary",
    "XDG_DATA_HOME": "/canary",
    "NETRC": "/canary",
}
SHOW = "from tests.support import environment; environment.isolate(); import os; print(*os.environ.items(), sep='\\n')"
SETTINGS = (
    "import tests.conftest, dlt;"
    " print(dlt.config.get('sources.retry_seconds'), dlt.secrets.get('sources.phaxio.api_key'))"
)


def run(code: str, **environment: str) -> str:
    command = [sys.executable, "-c", code]
    env = child_environment(PYTHONPATH=str(ROOT)) | environment
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout


def test_nothing_of_the_users_environment_is_left() -> None:
    shown = run(SHOW, **THEIRS)

    assert "canary" not in shown
    assert "'PATH'" in shown


@pytest.mark.slow
def test_settings_in_the_home_directory_or_the_project_are_not_read(tmp_path: Path) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "secrets.toml").write_text('[sources.phaxio]\napi_key = "canary"\n')
    shown = run(SETTINGS, HOME=str(tmp_path), DLT_PROJECT_DIR=str(tmp_path), **{"SOURCES__PHAXIO__API_KEY": "canary"})

    assert shown.split()[1] == "None"


def test_a_process_with_another_environment_is_refused() -> None:
    with pytest.raises(RuntimeError, match="child_environment"):
        subprocess.run([sys.executable, "-V"], env={"PATH": os.defpath}, check=False)


def test_the_tests_themselves_read_no_secret_of_the_project() -> None:
    from pipelines.config.bootstrap import settings_directory

    assert not (settings_directory() / "secrets.toml").exists()
    assert settings_directory() != ROOT / ".dlt"
