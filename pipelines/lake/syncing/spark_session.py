"""The Spark session of a run, and its tasks on executors. The only file of `pipelines` that imports pyspark.

Source: https://spark.apache.org/docs/latest/configuration.html, read November 2026.
"""

import os
import shutil
import signal
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from pipelines.config.bootstrap import ROOT
from pipelines.lake.account_task import REPORT_SCHEMA, AccountTask, Report, read_report, run_tasks
from pipelines.outcome.signals import in_main_thread
from pipelines.warehouse.working_directory import working_directory
from sources.errors import ConfigError, TryAgain

_PACKAGES = ("sources", "pipelines")
_LOOPBACK = "127.0.0.1"
_OF_JVM = (Py4JError, ConnectionError)  # also after the JVM has ended


@contextmanager
def session(master: str | None, credentials: Mapping[str, str]) -> Iterator[Any]:
    """A session on `master`, else the one of spark-submit, else a local one. The end of the block stops it.

    `credentials` become environment variables of this process, which executors started by it inherit.

    Raises:
        ConfigError: Java is missing, the master is invalid, or `spark.speculation` is on: it runs tasks twice, and
            doubles the request rate.
        TryAgain: Spark did not start, or its JVM ended or failed.
    """
    os.environ.update(credentials)
    builder = SparkSession.builder.appName("fax-sync")
    is_submitted = bool(os.environ.get("SPARK_ENV_LOADED"))  # set by spark-submit, which starts Spark with its master
    if master is None and not is_submitted:
        master = "local[*]"
    if master:
        builder = builder.master(master)
    if master and master.startswith("local") and not is_submitted:
        os.environ.setdefault("SPARK_LOCAL_IP", _LOOPBACK)
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        for name in ("spark.driver.host", "spark.driver.bindAddress"):
            builder = builder.config(name, _LOOPBACK)
        builder = builder.config("spark.ui.enabled", "false")
    handler = signal.getsignal(signal.SIGINT)
    spark = _start(builder.config("spark.ui.showConsoleProgress", "false"))
    try:
        if in_main_thread():
            signal.signal(signal.SIGINT, handler)  # PySpark has replaced it
        if spark.conf.get("spark.speculation", "false") == "true":
            raise ConfigError(
                "spark.speculation is on: a second task would double the rate of requests; set it to false"
            )
        with working_directory() as directory:
            spark.sparkContext.addPyFile(str(_archive(Path(directory))))
            yield spark
    except _OF_JVM as error:
        raise TryAgain(f"Spark's JVM has ended, or failed ({type(error).__name__}): see Spark's log") from error
    finally:
        with suppress(Exception):  # the JVM may have ended
            spark.stop()


def _start(builder: Any) -> Any:
    try:
        return builder.getOrCreate()
    except (PySparkException, *_OF_JVM) as error:
        if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
            raise ConfigError("Spark needs Java, and there is none: see docs/scale.md") from error
        if "Master URL" in str(error):
            raise ConfigError("Spark cannot read its master's URL: correct --master, or spark.master") from error
        raise TryAgain(f"Spark did not start ({type(error).__name__}): its own messages are above") from error


def on_executors(spark: Any, tasks: Sequence[AccountTask]) -> list[Report]:
    """The reports of the tasks, in their order; Spark starts the first tasks first.

    Raises:
        TryAgain: Spark gave up the job, for example because executors keep failing.
    """
    try:
        numbers = spark.range(0, len(tasks), 1, len(tasks))
        rows = numbers.mapInArrow(partial(run_tasks, tuple(tasks)), REPORT_SCHEMA).collect()
    except (PySparkException, *_OF_JVM) as error:
        raise TryAgain(
            f"Spark gave up the job ({type(error).__name__}), and nothing of this round was loaded: see Spark's log"
        ) from error
    return [report for _, report in sorted(read_report(row.report) for row in rows)]


def _archive(directory: Path) -> Path:
    """The zip file of the code that executors import."""
    place = directory / "fax_sync.zip"
    with zipfile.ZipFile(place, "w") as archive:
        for package in _PACKAGES:
            for path in sorted((ROOT / package).rglob("*")):
                if path.suffix in (".py", ".sql"):
                    archive.write(path, path.relative_to(ROOT))
    return place
