"""`fax-warehouse completion` prints scripts with which real shells complete at the Tab key."""

import os
import pty
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from tests.conftest import ROOT
from tests.support.environment import child_environment

SHELLS = {  # how each starts, and the line with which it reads the script
    "bash": (["--norc", "--noprofile", "-i"], ". ./script"),
    "zsh": (["-f", "-i"], 'autoload -Uz compinit; compinit -u -d ./dump; eval "$(cat ./script)"'),
    "fish": (["--no-config", "-i"], "source ./script"),
}
COMMAND = '#!/bin/sh\nprintf "%s " "$@" > typed.new; mv typed.new typed\n'  # writes down what it is given


@contextmanager
def terminal(command: list[str], directory: Path) -> Iterator[int]:
    """The descriptor of a terminal in which the command runs, whose output is thrown away."""
    child, descriptor = pty.fork()
    if child == 0:
        os.chdir(directory)
        environment = child_environment(PATH=f"{directory}:{os.environ['PATH']}", HOME=str(directory), TERM="dumb")
        os.execvpe(command[0], command, environment)
    Thread(target=_drain, args=(descriptor,), daemon=True).start()
    try:
        yield descriptor
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def _drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, 4096):
            pass
    except OSError:
        pass  # the shell is gone


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes_a_command_an_option_and_its_value(shell: str, tmp_path: Path) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    options, reading = SHELLS[shell]
    script = subprocess.run(
        [sys.executable, "-m", "fax_warehouse", "completion", shell],
        cwd=ROOT, env=child_environment(), capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    (tmp_path / "script").write_text(script)
    (tmp_path / "fax-warehouse").write_text(COMMAND)
    (tmp_path / "fax-warehouse").chmod(0o700)
    with terminal([shell, *options], tmp_path) as keyboard:
        os.write(keyboard, f"{reading}\nfax-warehouse syn\t--prov\tph\t\n".encode())
        deadline = time.monotonic() + 60
        while not (tmp_path / "typed").exists() and time.monotonic() < deadline:
            time.sleep(0.02)

    assert (tmp_path / "typed").read_text().split() == ["sync", "--provider", "phaxio"]
