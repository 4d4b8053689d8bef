"""What the commands share: how they are called, and how they report what went wrong."""

import argparse
import gc
import io
import logging
import math
import os
import sys
from collections.abc import Callable
from datetime import datetime
from typing import NoReturn

from pipelines.config.accounts import Shard
from pipelines.config.written import unreadable
from pipelines.outcome import logs, signals
from pipelines.outcome.unforeseen import always_fax_sync_error
from sources.errors import ConfigError
from sources.window import parse_instant

LOG = logging.getLogger("fax-sync")
USAGE, NOBODY_READS = 64, 141  # the latter is what a shell gives for SIGPIPE


class CommandParser(argparse.ArgumentParser):
    """The standard parser, with the exit code that sysexits(3) gives to a wrong call."""

    def error(self, message: str) -> NoReturn:
        """Says what is wrong with the call, and ends."""
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def instant(text: str) -> datetime:
    """A date or time given as an argument, in UTC unless it says otherwise."""
    try:
        return parse_instant(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no date or time: try 2026-10-01 or 2026-10-01T12:00:00Z"
        ) from None


def minutes(text: str) -> float:
    """A length of time given as an argument."""
    try:
        if 0 < (given := float(text)) < math.inf:
            return given
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is no number of minutes above 0")


def shard(text: str) -> Shard:
    """A shard given as an argument: K/N."""
    number, _, count = text.partition("/")
    if number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count):
        return Shard(int(number), int(count))
    raise argparse.ArgumentTypeError(f"{text!r} is no shard: try 1/4, the first of four")


def reported(command: Callable[[], int], verbose: bool = False, log_format: logs.Format = "text") -> int:
    """Runs a command and gives its exit code; whatever stops it is told in one line on stderr."""
    logs.set_up(verbose, log_format)
    _tolerate_any_encoding()
    try:
        if reason := unreadable():
            raise ConfigError(reason)
        with signals.listening():
            exit_code = command()
        if sys.stdout:
            sys.stdout.flush()
        return exit_code
    except BrokenPipeError:
        return NOBODY_READS
    except BaseException as error:
        if stopped := signals.behind(error):
            LOG.error("stopped by %s; what has been loaded stays, and the next run continues", stopped.name)
            return stopped.exit_code
        LOG.debug("the command failed", exc_info=True)
        if not isinstance(error, Exception):
            raise
        told = always_fax_sync_error(error)
        LOG.error("%s", told)
        return told.exit_code


def leave(code: int) -> NoReturn:
    """Ends the process."""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            if stream:
                stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)  # or Python fails once more as it ends, with 120
    gc.freeze()  # or Python looks through all that was ever imported for cycles: a tenth of a run with nothing new
    sys.exit(code)


def _tolerate_any_encoding() -> None:
    """Has what the encoding of stdout or stderr lacks be printed as an escape: a message is no reason to fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
