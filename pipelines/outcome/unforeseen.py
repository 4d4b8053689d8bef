"""An unexpected error: reported on one line by its place in this project, without its text.

The text may quote a row, and with it phone numbers. The traceback that `--verbose` prints omits it too.
"""

import traceback
from pathlib import Path

from pipelines.config.bootstrap import ROOT
from pipelines.config.packages import untested_packages
from pipelines.outcome.error_mapping import causes, to_fax_sync_error
from sources.errors import FaxSyncError, Unforeseen

_FOLDERS = ("pipelines", "sources", "notebooks")


def always_fax_sync_error(error: BaseException) -> FaxSyncError:
    """The `FaxSyncError` for any error: `Unforeseen` if no rule covers it. A package of another version may be why."""
    if known := to_fax_sync_error(error):
        return known
    first = "".join(f"{sentence}; else " for sentence in untested_packages())
    return Unforeseen(
        f"unexpected {type(list(causes(error))[-1]).__name__} at {place_of(error)}: {first}please report this, "
        "with the traceback that --verbose shows"
    )


def place_of(error: BaseException) -> str:
    """File, line and function of the innermost frame in this project, in the first cause that has one."""
    for cause in reversed(list(causes(error))):
        for frame in reversed(traceback.extract_tb(cause.__traceback__)):
            file = Path(frame.filename)
            if any(file.is_relative_to(ROOT / folder) for folder in _FOLDERS):
                return f"{file.relative_to(ROOT)}:{frame.lineno} {frame.name}"
    return "a place outside of this project"
