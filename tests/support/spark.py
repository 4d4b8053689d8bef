"""Spark in tests: whether it is installed, the command as a process, and the files that Spark writes."""

import importlib.util
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Settings
from tests.support.commands.process import summary_of
from tests.support.environment import child_environment
from tests.support.pages import blocks

CLUSTER = "local-cluster[2,1,1024]"  # a master and two workers in a JVM, which start executors as processes
QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # a test ends before Java has compiled anything well
IS_THERE = shutil.which("java") is not None and importlib.util.find_spec("pyspark") is not None
needs_spark = pytest.mark.skipif(not IS_THERE, reason="needs Java 17 and uv sync --extra spark")


def spark_environment(settings: Settings, events: Path, **more: str) -> dict[str, str]:
    """The environment of a driver: the settings, and a Spark configuration with an event log."""
    conf = events.parent / "spark-conf"
    conf.mkdir(exist_ok=True)
    events.mkdir(exist_ok=True)
    lines = ["spark.eventLog.enabled true", f"spark.eventLog.dir {events.as_uri()}", "spark.eventLog.compress false"]
    lines += ["spark.executor.memory 512m"]
    (conf / "spark-defaults.conf").write_text("\n".join(lines) + "\n")
    return child_environment(
        settings | more,
        SPARK_CONF_DIR=str(conf),
        SPARK_LOCAL_IP="127.0.0.1",
        PYSPARK_PYTHON=sys.executable,
        JDK_JAVA_OPTIONS=QUICK_JAVA,
    )


@dataclass
class SparkRun:
    """The exit code of the command, and its output."""

    exit_code: int
    accounts: dict[str, dict[str, Any]]
    told: str


def command(lake: Path, *arguments: str, master: str = CLUSTER) -> list[str]:
    """The command line of a run into the lake."""
    script = str(ROOT / "pipelines" / "spark_sync.py")
    return [sys.executable, script, "--output", lake.as_uri(), "--master", master, "--json", *arguments]


def ended(process: "subprocess.Popen[str]") -> SparkRun:
    """Waits for a started run; its exit code and output."""
    told, _ = process.communicate(timeout=350)
    said = summary_of(told) or {"accounts": []}
    return SparkRun(process.returncode, {name_of(one): one for one in said["accounts"]}, told)


def name_of(account: dict[str, Any]) -> str:
    """An account by its provider and its name."""
    return f"{account['provider']}/{account['account']}"


def started(lake: Path, environment: dict[str, str], cwd: Path, *arguments: str) -> "subprocess.Popen[str]":
    """A run that continues beside the test."""
    return subprocess.Popen(
        command(lake, *arguments),
        env=environment,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def stream_shown(place: Path, url: str, trigger: str = "once=True") -> str:
    """The stream of docs/scale.md as a program that writes into this directory, with this trigger."""
    (program,) = (block for block in blocks("python", ROOT / "docs" / "scale.md") if "readStream" in block)
    for old, new in {
        "/srv/fax-lake": str(place),
        '.option("provider", "phaxio")': f'.option("provider", "phaxio").option("base_url", "{url}")',
        'processingTime="5 minutes"': trigger,
        "SparkSession.builder": 'SparkSession.builder.master("local[1]").config("spark.ui.enabled", False)',
    }.items():
        assert old in program
        program = program.replace(old, new)
    return program


def each_batch_again(program: str) -> str:
    """The program with two micro-batches: the first may repeat the batch of a killed driver."""
    return f"{program}\nimport time; time.sleep(1)\n{program.splitlines()[-1]}"
