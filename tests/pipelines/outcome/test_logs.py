"""What is told on stderr: one line for each event, as text or as JSON, and never a command to a terminal."""

import json
import logging
from dataclasses import replace

import pytest

from pipelines.outcome import logs
from sources.fakes.server import Answer
from tests.conftest import ServeFake, SyncProcess, generated


@pytest.mark.slow
def test_every_line_is_an_object_that_tells_run_account_and_window(
    serve_fake: ServeFake, sync_process: SyncProcess
) -> None:
    serve_fake("signalwire", generated("signalwire", 12, days=2))
    told = [json.loads(line) for line in sync_process("--log-format", "json").stderr.splitlines()]
    windows = [line for line in told if "window" in line]

    assert {key for line in told for key in line} >= {
        "time",
        "level",
        "message",
        "run_id",
        "account",
        "rows",
        "requests",
    }
    assert (len({line["run_id"] for line in windows}), sum(line["rows"] for line in windows)) == (1, 12)
    assert (told[-1]["exit_code"], told[-1]["new"]) == (0, 12)


def test_a_failed_account_is_an_error_and_nothing_is_told_twice(
    serve_fake: ServeFake, sync_process: SyncProcess
) -> None:
    serve_fake("signalwire").server.answer = lambda request: Answer(401)
    ended = sync_process("--log-format", "json")
    told = [json.loads(line) for line in ended.stderr.splitlines()]

    assert (ended.returncode, ended.stdout) == (77, "")
    assert [(line["level"], line["exit_code"]) for line in told if "exit_code" in line] == [("error", 77)]


def test_a_failure_is_an_object_too(serve_fake: ServeFake, sync_process: SyncProcess) -> None:
    ended = sync_process("--log-format", "json", "--account", "nobody")
    told = [json.loads(line) for line in ended.stderr.splitlines()]

    assert (ended.returncode, told[-1]["level"]) == (78, "error")


def test_a_malformed_header_of_a_provider_is_no_traceback(serve_fake: ServeFake, sync_process: SyncProcess) -> None:
    served = serve_fake("phaxio", generated("phaxio", 3, days=2))
    answer = served.server.answer
    served.server.answer = lambda request: replace(
        response := answer(request), headers={**response.headers, "X-Odd": "1\r\nno colon"}
    )
    ended = sync_process()

    assert (ended.returncode, "3 new" in ended.stdout) == (0, True)
    assert "Traceback" not in ended.stderr
    assert "header" not in ended.stderr


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[31mb", "a\u202eb", "a\x00b", "a\u2028b", "a\x9bb"])
def test_control_characters_are_escaped(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    record = logging.LogRecord("fax-sync", logging.INFO, "", 0, "%s", (text,), None)
    line = logs._Text().format(record)

    assert line == text[0] + text[1:-1].encode("unicode_escape").decode() + text[-1]
