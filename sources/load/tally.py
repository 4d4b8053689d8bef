"""The counts of one account's run so far."""

from collections import Counter
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime

from sources.extract.window_result import WindowResult


@dataclass
class Tally:
    """Numbers of faxes, numbers of rows by table, and the windows that were read, without their faxes.

    `deleted` counts the faxes that the provider has deleted. `reached` is the end of the last window (UTC).
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    reached: datetime | None = None
    rows: Counter[str] = field(default_factory=Counter)
    windows: list[WindowResult] = field(default_factory=list)

    def add_faxes(self, new: int, changed: int, unchanged: int) -> None:
        """Adds the numbers of a window's faxes."""
        self.new += new
        self.changed += changed
        self.unchanged += unchanged

    def add_window(self, result: WindowResult) -> None:
        """Adds a window whose batch is made, and drops its faxes from memory."""
        result.drop_faxes()
        self.windows.append(result)
        self.reached = result.window.end

    def copy(self) -> "Tally":
        """A copy, which does not change with this tally."""
        copied = copy(self)
        copied.rows, copied.windows = self.rows.copy(), self.windows.copy()
        return copied
