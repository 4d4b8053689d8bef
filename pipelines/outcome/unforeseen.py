"""An error that no code of ours has foreseen: reported in one line, by its place in our own code, without its text.

That text may quote a row, and with it phone numbers. `--verbose` gives the traceback, which leaves it out as well.
"""

import traceback
from pathlib import Path

from pipelines.config.bootstrap import ROOT
from pipelines.outcome.error_mapping import causes, to_fax_sync_error
from sources.errors import FaxSyncError, Unforeseen

_OURS = ("pipelines", "sources", "notebooks")


def always_fax_sync_error(error: BaseException) -> FaxSyncError:
    """The error in the operator's terms, whatever it is."""
    return to_fax_sync_error(error) or Unforeseen(
        f"unexpected {type(list(causes(error))[-1]).__name__} at {place_of(error)}: please report this, "
        "with the traceback that --verbose shows"
    )


def place_of(error: BaseException) -> str:
    """File, line and function of the innermost frame of ours, of the first cause that went through our code."""
    for cause in reversed(list(causes(error))):
        for frame in reversed(traceback.extract_tb(cause.__traceback__)):
            file = Path(frame.filename)
            if any(file.is_relative_to(ROOT / folder) for folder in _OURS):
                return f"{file.relative_to(ROOT)}:{frame.lineno} {frame.name}"
    return "a place outside of this project"
