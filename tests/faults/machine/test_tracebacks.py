"""What --verbose tells of a failure, traceback and all, holds no credential and no row, whoever has quoted them."""

import subprocess
import sys

import pytest

import sources
from sources.fakes.server import Answer, json_answer
from tests.conftest import ROOT, SyncProcess
from tests.faults.conftest import StartServerTrial, StartTrial
from tests.support import leaks
from tests.support.faults.inject import Fault, always, bent, broken, raw

NUMBER = "+12065550100"
FAULTS: dict[str, Fault] = {
    "a refusal that quotes a number": always(json_answer({"message": f"no fax to {NUMBER}"}, 422)),
    "refused credentials": always(json_answer({"message": "who is canary key/1?"}, 401)),
    "a body that is no JSON": raw(lambda body: body[:-9]),
    "a type that quotes a number": raw(lambda body: b"no", Content_Type=f"text/{NUMBER}"),
    "a redirect to a number": always(Answer(302, headers={"Location": f"https://{NUMBER}.example/{NUMBER}"})),
    "no list of faxes": bent(lambda page: page | {"data": NUMBER}),
    "no time": bent(lambda page: page | {"data": [fax | {"created_at": NUMBER} for fax in page["data"]]}),
    "down": always(Answer(503, NUMBER.encode())),
}


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize(("provider", "name"), [(sources.providers()[n % 2], name) for n, name in enumerate(FAULTS)])
def test_what_a_provider_has_quoted_is_not_told(
    provider: str, name: str, log_format: str, trial: StartTrial, sync_process: SyncProcess
) -> None:
    trying = trial(provider)
    with broken(trying.served, FAULTS[name]):
        ended = sync_process("--verbose", "--log-format", log_format)

    assert (ended.returncode != 0, "Traceback" in ended.stderr) == (True, True)
    assert leaks.in_text(ended.stdout + ended.stderr, trying.settings) == []


def test_what_postgres_has_quoted_is_not_told(server_trial: StartServerTrial, sync_process: SyncProcess) -> None:
    trying = server_trial("phaxio")
    trying.query("alter table fax_phaxio.faxes add constraint theirs check (num_pages < 0) not valid")
    ended = sync_process("--verbose")

    assert (ended.returncode, "psycopg2.errors.CheckViolation" in ended.stderr) == (69, True)
    assert leaks.in_text(ended.stdout + ended.stderr, trying.settings) == []
    assert "Failing row" not in ended.stderr


def test_the_password_is_not_told_where_the_server_is_not(
    server_trial: StartServerTrial, sync_process: SyncProcess
) -> None:
    trying = server_trial("phaxio")
    nowhere = trying.server.url_through(9, "faxes")
    ended = sync_process("--verbose", DESTINATION__WAREHOUSE__CREDENTIALS=nowhere)

    assert (ended.returncode, "127.0.0.1:9" in ended.stdout, "Traceback" in ended.stderr) == (75, True, True)
    assert leaks.in_text(ended.stdout + ended.stderr, trying.settings) == []


def test_an_error_that_nobody_foresaw_is_told_without_its_text() -> None:
    code = f"from pipelines.outcome import logs; logs.set_up(); {{}}[{NUMBER!r}]"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (ended.returncode, "builtins.KeyError" in ended.stderr, NUMBER in ended.stderr) == (1, True, False)
