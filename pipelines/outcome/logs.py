"""How the commands log: one line for each event, as text or as a JSON object, and nothing in it that could be a command
to a terminal."""

import json
import logging
import sys
import traceback
import unicodedata
from datetime import UTC, datetime
from typing import Any, Literal

from pipelines.outcome.error_mapping import causes
from sources.errors import FaxSyncError

LOG = logging.getLogger("fax-sync")
Format = Literal["text", "json"]


def set_up(verbose: bool = False, kind: Format = "text") -> None:
    """Has everything logged on stderr; what is below INFO only if verbose."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if kind == "json" else _Text())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    LOG.setLevel(logging.DEBUG if verbose else logging.INFO)
    logging.raiseExceptions = False  # a message that cannot be written would be reported with a traceback
    sys.excepthook = lambda _, error, trace: _tell_unforeseen(error)


def traceback_of(error: BaseException) -> str:
    """Where the error came from, and what had led to it, the first cause first; the texts of our own errors alone.

    Those of drivers and of dlt may quote rows, and with them names and phone numbers.
    """
    told = ["Traceback, without what others may have quoted:\n"]
    for cause in reversed(list(causes(error))):
        text = f": {escaped(str(cause))}" if isinstance(cause, FaxSyncError) else ""
        told += [*traceback.format_tb(cause.__traceback__), f"{type(cause).__module__}.{type(cause).__name__}{text}\n"]
    return "".join(told).rstrip()


def is_json() -> bool:
    """Somebody reads the log by program."""
    return any(isinstance(handler.formatter, _Json) for handler in logging.getLogger().handlers)


def _tell_unforeseen(error: BaseException) -> None:
    if is_json():
        LOG.critical("an error that nobody has foreseen", exc_info=error)
    else:
        print(traceback_of(error), file=sys.stderr)


def event(level: int, message: str, **fields: Any) -> None:
    """Logs a message, with fields that a JSON line tells as well."""
    LOG.log(level, "%s", message, extra={"fields": fields})


def escaped(text: str) -> str:
    """The text in one line, with every control and format character as its escape."""
    return "".join(
        char.encode("unicode_escape").decode() if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp") else char
        for char in text
    )


class _Text(logging.Formatter):
    """The message, and the traceback below it if there is one."""

    def formatException(self, ei: Any) -> str:  # as logging has it
        """The traceback, without the texts of others."""
        return traceback_of(ei[1])

    def formatMessage(self, record: logging.LogRecord) -> str:  # as logging has it
        """The message in one line."""
        return escaped(record.getMessage())


class _Json(logging.Formatter):
    """One object: time, level, message and the fields; the traceback, if there is one, as text."""

    def format(self, record: logging.LogRecord) -> str:
        """The object in one line."""
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            told["traceback"] = traceback_of(record.exc_info[1] or Exception())
        return json.dumps(told, default=str)
