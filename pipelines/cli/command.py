"""What the commands share: parsing of arguments, and reporting of errors with an exit code."""

import argparse
import gc
import io
import logging
import math
import os
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NoReturn

from pipelines.config.accounts import Shard
from pipelines.config.bootstrap import COMMAND, as_typed
from pipelines.config.written_settings import unreadable
from pipelines.outcome import logs, signals
from pipelines.outcome.unforeseen import always_fax_sync_error
from sources.errors import ConfigError
from sources.records.coerce import parse_instant

LOG = logging.getLogger("fax-sync")
SYNC_STOPPED = "the loaded faxes are kept, and the next run continues from there"
USAGE, BROKEN_PIPE = 64, 141  # the shell's code for SIGPIPE

_CODES = {
    0: "complete",
    USAGE: "usage",
    70: "unexpected error, please report it",
    74: "disk, memory, or a file or directory that cannot be written",
    78: "configuration",
    130: "stopped by SIGINT",
    BROKEN_PIPE: "nothing reads the output any more",
    143: "stopped by SIGTERM",
}
READER_CODES = {69: "there is no warehouse yet, or it refused", 75: "the warehouse is in use, try again later"}


class CommandParser(argparse.ArgumentParser):
    """The standard parser, with the exit code of sysexits(3) for wrong usage.

    The help ends with the exit codes: those of every command, and `codes`, which the command has of its own.
    """

    def __init__(self, prog: str, codes: Mapping[int, str] | None = None, epilog: str = "", **others: Any) -> None:
        all_codes = sorted((_CODES | dict(codes or {})).items())
        others["epilog"] = f"{epilog} Exit codes: {'; '.join(f'{code} {text}' for code, text in all_codes)}.".strip()
        is_one = sys.argv[0].startswith(f"{COMMAND} ")  # as fax_warehouse/command.py sets it
        super().__init__(prog=sys.argv[0] if is_one else prog, **others)

    def error(self, message: str) -> NoReturn:
        """Prints the usage and the message on stderr, and exits with 64."""
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def instant(text: str) -> datetime:
    """The date or time in an argument, in UTC unless it names an offset.

    Raises:
        ArgumentTypeError: the argument is neither.
    """
    try:
        return parse_instant(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a date or time: write 2026-10-01 or 2026-10-01T12:00:00Z"
        ) from None


def minutes(text: str) -> float:
    """The number of minutes in an argument.

    Raises:
        ArgumentTypeError: the argument is not a number above 0.
    """
    try:
        if 0 < (given := float(text)) < math.inf:
            return given
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes above 0")


def count(text: str) -> int:
    """The number in an argument.

    Raises:
        ArgumentTypeError: the argument is not a whole number from 0 to 999999.
    """
    if text.isdecimal() and len(text) < 7:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 999999")


def shard(text: str) -> Shard:
    """The shard in an argument such as 1/4.

    Raises:
        ArgumentTypeError: the argument is not a shard.
    """
    number, _, count = text.partition("/")
    if number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count):
        return Shard(int(number), int(count))
    raise argparse.ArgumentTypeError(f"{text!r} is not a shard: write 1/4 for the first of four")


def reported(command: Callable[[], int], verbose: bool, log_format: logs.Format = "text", if_stopped: str = "") -> int:
    """Runs a command and returns its exit code; logs the error that ends it on one line on stderr.

    `if_stopped` says what a signal that ends the command leaves behind.
    """
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
        return BROKEN_PIPE
    except BaseException as error:
        if isinstance(error, SystemExit) and isinstance(error.__context__, BrokenPipeError):
            return BROKEN_PIPE  # rich ends the process at once
        if stopped := signals.behind(error):
            LOG.error("stopped by %s%s", stopped.name, if_stopped and f": {if_stopped}")
            return stopped.exit_code
        LOG.debug("the command failed", exc_info=True)
        if not isinstance(error, Exception):
            raise
        reported_error = always_fax_sync_error(error)
        LOG.error("%s", as_typed(str(reported_error)))
        return reported_error.exit_code


def leave(code: int) -> NoReturn:
    """Ends the process with the exit code."""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            if stream:
                stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)  # else Python fails to flush at exit, with 120
    gc.freeze()  # else Python searches all modules for cycles at exit: a tenth of a run with nothing new
    sys.exit(code)


def _tolerate_any_encoding() -> None:
    """Prints characters that the encoding of stdout or stderr lacks as escapes, so that no message makes a run fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
