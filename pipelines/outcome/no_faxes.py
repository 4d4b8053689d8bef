"""An account without any fax: what the provider's folder says about possible causes."""

from typing import Protocol

from sources import provider
from sources.load.run import Run
from sources.window import Window


class Held(Protocol):
    """What a warehouse tells of an account."""

    def covered(self) -> Window | None:
        """From the start of the earliest window of the ledger to the end of the latest; None before the first run."""

    def has_faxes(self, table: str) -> bool:
        """There is a fax, whenever it was created."""


def hint(stored: Held, run: Run) -> str | None:
    """The provider's hint if the account has been read and never had a fax; else None.

    If `[privacy]` deletes old faxes, an empty table means nothing.
    """
    text: str | None = getattr(provider(run.source.provider), "IF_EMPTY", None)
    read = run.tally.new + run.tally.changed + run.tally.unchanged
    if text is None or read or run.kept_from or stored.covered() is None:
        return None
    return None if any(stored.has_faxes(table.name) for table in run.source.tables) else text
