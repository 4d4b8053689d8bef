"""An account without a single fax: what its provider's folder says that this may mean."""

from types import ModuleType

from pipelines.warehouse.stored_faxes import StoredFaxes
from sources.load.run import Run


def hint(package: ModuleType, stored: StoredFaxes, run: Run) -> str | None:
    """What to look for, if the account has been read and no fax came, now or ever; None if the provider has no hint.

    Where old faxes are deleted here, an empty table says nothing.
    """
    text: str | None = getattr(package, "IF_EMPTY", None)
    came = run.tally.new + run.tally.changed + run.tally.unchanged
    if text is None or came or run.kept_from or stored.covered() is None or stored.has_faxes(run.source.table.name):
        return None
    return text
