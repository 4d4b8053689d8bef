"""How the commands log: one line per event, as text or as a JSON object, with control characters escaped."""

import json
import logging
import sys
import traceback
import unicodedata
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal

from pipelines.outcome.error_mapping import causes
from sources.errors import FaxSyncError

LOG = logging.getLogger("fax-sync")
Format = Literal["text", "json"]


def set_up(verbose: bool = False, kind: Format = "text") -> None:
    """Logs on stderr from INFO on, from DEBUG on if verbose; of other libraries, from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if kind == "json" else _Text())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    LOG.setLevel(logging.DEBUG if verbose else logging.INFO)
    # It warns of a malformed header with a traceback; whether the response is whole is checked by its body.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    logging.raiseExceptions = False  # else logging prints a traceback for a message that it cannot write
    sys.excepthook = lambda _, error, trace: _log_uncaught(error, trace)


def traceback_of(error: BaseException) -> str:
    """The traceback of an error and its causes, the first cause first; only a `FaxSyncError` has its text.

    The texts of drivers and of dlt may quote rows, and with them names and phone numbers.
    """
    lines = ["Traceback, without the texts of other libraries' errors, which may quote rows:\n"]
    for cause in reversed(list(causes(error))):
        text = f": {escaped(str(cause))}" if isinstance(cause, FaxSyncError) else ""
        lines += [*traceback.format_tb(cause.__traceback__), f"{type(cause).__module__}.{type(cause).__name__}{text}\n"]
    return "".join(lines).rstrip()


def is_json() -> bool:
    """The log is written as JSON objects, for a program to read."""
    return any(isinstance(handler.formatter, _Json) for handler in logging.getLogger().handlers)


def _log_uncaught(error: BaseException, trace: TracebackType | None) -> None:
    if trace is None:  # psycopg2 prints an error of COPY within its C code, and raises it too
        LOG.debug("a library printed an error that it handles", exc_info=error)
    elif is_json():
        LOG.critical("unexpected error", exc_info=error)
    else:
        print(traceback_of(error), file=sys.stderr)


def event(level: int, message: str, **fields: Any) -> None:
    """Logs a message; a JSON line also contains the fields."""
    LOG.log(level, "%s", message, extra={"fields": fields})


def escaped(text: str) -> str:
    """The text on one line, with every control and format character escaped."""
    return "".join(
        char.encode("unicode_escape").decode() if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp") else char
        for char in text
    )


class _Text(logging.Formatter):
    """The message, and below it the traceback if there is one."""

    def formatException(self, ei: Any) -> str:  # logging's name
        """The traceback, without the texts of other libraries' errors."""
        return traceback_of(ei[1])

    def formatMessage(self, record: logging.LogRecord) -> str:  # logging's name
        """The message on one line."""
        return escaped(record.getMessage())


class _Json(logging.Formatter):
    """One object with time, level, message, the event's fields and, if there is one, the traceback as text."""

    def format(self, record: logging.LogRecord) -> str:
        """The object on one line."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["traceback"] = traceback_of(record.exc_info[1] or Exception())
        return json.dumps(entry, default=str)
