"""`spark_sync.py` on executors: the rows of the sync, also where a worker is killed, and no secret is shown."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import ServeFake, Settings, Sync, SyncProcess, generated
from tests.support import leaks
from tests.support.commands.family import family
from tests.support.commands.process import is_there, left
from tests.support.every_list import EVERY_LIST
from tests.support.lake import differences, into_delta, rows
from tests.support.spark import ended, needs_spark, spark_environment, started

pytestmark = [pytest.mark.slow, needs_spark]


def test_executors_load_what_the_sync_loads(
    serve_fake: ServeFake, sync: Sync, settings: Settings, warehouse: Path, tmp_path: Path
) -> None:
    lake, events = tmp_path / "lake", tmp_path / "events"
    served = {
        name: serve_fake(name, generated(name, 400, days=20), **EVERY_LIST.get(name, {}))
        for name in ("phaxio", "signalwire")
    }
    settings["SOURCES__PHAXIO__ACCOUNTS__OTHER__API_KEY"] = "canary wrong key"
    environment = spark_environment(settings, events)
    requests = {}
    for turn in range(2):
        assert sync().exit_code == 77
        before = {name: len(one.server.requests) for name, one in served.items()}
        run = ended(started(lake, environment, tmp_path))
        requests[turn] = {name: len(one.server.requests) - before[name] for name, one in served.items()}

        codes = {name: one["exit_code"] for name, one in run.accounts.items()}
        assert codes == {"phaxio/default": 0, "phaxio/other": 77, "signalwire/default": 0}, run.told[-3000:]
        assert run.exit_code == 77
        assert leaks.in_text(run.told, settings) == []
        assert [differences(warehouse, lake, name) for name in served] == [{}, {}]
        assert {row["id"] for row in rows(lake, "signalwire", "compat_faxes")} == {
            *served["signalwire"].fake.truth_of_lists()["compat_faxes"]
        }
        for id in [*served["signalwire"].fake.records][-20:-10]:
            served["signalwire"].fake.change(id, charge=0.05)
        for id in [*served["phaxio"].fake.records][-20:]:
            served["phaxio"].fake.change(id, cost=5)
        served["signalwire"].fake.add(*generated("signalwire", 30, days=1, seed=4))
    shown = [found for place in (events, tmp_path / "work") for found in leaks.on_disk(place, settings)]

    assert shown == []  # neither in the event log nor in the logs of the executors
    assert any(events.rglob("*")), "Spark wrote no event log"
    assert not (lake / "_staging").exists() or not any((lake / "_staging").iterdir())
    assert requests[0]["signalwire"] <= 1.1 * 2 * 45  # windows of two lists


def test_a_driver_and_a_worker_that_are_killed_leave_nothing_wrong_and_no_file(
    serve_fake: ServeFake,
    sync: Sync,
    sync_process: SyncProcess,
    settings: Settings,
    warehouse: Path,
    tmp_path: Path,
) -> None:
    lake, scratch = tmp_path / "lake", tmp_path / "scratch"
    served = serve_fake("signalwire", generated("signalwire", 500, days=300))
    assert sync().exit_code == 0
    scratch.mkdir()
    environment = spark_environment(settings, tmp_path / "events", TMPDIR=str(scratch))
    for word, code in (("spark_sync.py", -signal.SIGKILL), ("SparkSubmit", 75)):  # the driver, and then its JVM
        driver = started(lake, environment, tmp_path)
        while not is_there(scratch, f"fax-sync-{driver.pid}-*") and driver.poll() is None:
            served.server.closing.wait(0.05)
        os.kill(next(process for process, shown in family(driver.pid).items() if word in shown), signal.SIGKILL)
        assert ended(driver).exit_code == code
        if word == "spark_sync.py":
            assert left(scratch) != []
            with into_delta(settings, tmp_path / "another")():
                assert sync_process(TMPDIR=str(scratch)).returncode == 0
        assert left(scratch) == []
    asked = len(served.server.requests)
    honest = served.fake.answer
    served.server.answer = lambda request: replace(honest(request), delay_seconds=0.3)
    running = started(lake, environment, tmp_path)
    try:
        while len(served.server.requests) < asked + 10 and running.poll() is None:
            served.server.closing.wait(0.05)
        killed = [process for process, shown in family(running.pid).items() if "pyspark.daemon" in shown]
        for worker in killed:
            os.kill(worker, signal.SIGKILL)
        served.server.answer = honest
        run = ended(running)
    finally:
        running.kill()

    assert killed
    assert run.exit_code == 0, run.told[-3000:]
    assert differences(warehouse, lake, "signalwire") == {}
    assert len({row["run_id"] for row in rows(lake, "signalwire", "sync_windows")}) == 1


@pytest.mark.parametrize(
    ("master", "environment", "code", "words"),
    [
        ("nonsense", {}, 64, "is no Spark master"),
        ("local[x", {}, 78, "cannot read its master's URL"),
        ("local[1]", {"PATH": "/nowhere"}, 78, "needs Java"),
        ("local[1]", {"JDK_JAVA_OPTIONS": "-XX:+NoSuchOption"}, 75, "did not start"),
    ],
    ids=["no master", "a master that cannot be read", "no Java", "Java ends at once"],
)
def test_a_spark_that_does_not_start_is_explained(
    master: str, environment: dict[str, str], code: int, words: str, settings: Settings, tmp_path: Path
) -> None:
    settings |= {"SOURCES__PHAXIO__API_KEY": "key", "SOURCES__PHAXIO__API_SECRET": "secret"}
    without = spark_environment(settings, tmp_path / "events") | environment

    run = ended(started(tmp_path / "lake", without, tmp_path, "--master", master))

    assert (run.exit_code, words in run.told, "Traceback" in run.told) == (code, True, False), run.told
