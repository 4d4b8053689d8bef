"""What one account's run has read and written so far."""

from collections import Counter
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime

from sources.extract.window_result import WindowResult


@dataclass
class Tally:
    """Counts of faxes, of rows by table, and the windows read, without their faxes.

    `deleted` are the faxes that the provider has deleted; `reached` is how far windows have been read.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    reached: datetime | None = None
    rows: Counter[str] = field(default_factory=Counter)
    windows: list[WindowResult] = field(default_factory=list)

    def add(self, new: int, changed: int, unchanged: int) -> None:
        """Adds a window's faxes."""
        self.new += new
        self.changed += changed
        self.unchanged += unchanged

    def take(self, result: WindowResult) -> None:
        """Adds a window that has been read and gathered; its faxes are dropped."""
        result.drop_faxes()
        self.windows.append(result)
        self.reached = result.window.end

    def copy(self) -> "Tally":
        """The counts as they are now."""
        copied = copy(self)
        copied.rows, copied.windows = self.rows.copy(), self.windows.copy()
        return copied
