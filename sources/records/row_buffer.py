"""Collects the faxes of a window, and converts them to rows. The last ones wait: the caller may need only some rows."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from sources.records.record import Placed
from sources.records.rows import Rows, joined
from sources.records.schema import Table
from sources.records.tables import to_rows

MAX_UNCONVERTED = 3_000  # faxes that wait for their conversion


class RowBuffer:
    """The faxes of one window of an account, each version of a fax once."""

    def __init__(self) -> None:
        self._waiting: dict[str, Placed] = {}
        self._parts: list[Rows] = []
        self._fingerprints: set[str] = set()

    def add(self, table: Table, account: str, faxes: Iterable[Placed]) -> None:
        """Adds faxes, except versions that the buffer already has."""
        for fax in faxes:
            if fax.fingerprint not in self._fingerprints:
                self._fingerprints.add(fax.fingerprint)
                self._waiting[fax.fingerprint] = fax
        if len(self._waiting) >= MAX_UNCONVERTED:
            self.convert(table, account)

    def convert(self, table: Table, account: str) -> None:
        """Converts the faxes that wait."""
        if self._waiting:
            self._parts.append(to_rows(table, account, [*self._waiting.values()]))
            self._waiting.clear()

    def rows(self, table: Table, account: str, fingerprints: AbstractSet[str]) -> Rows:
        """The rows of the faxes with these fingerprints."""
        waiting = [fax for fingerprint, fax in self._waiting.items() if fingerprint in fingerprints]
        parts = [*self._parts, to_rows(table, account, waiting)] if waiting or not self._parts else self._parts
        return joined(parts).only(fingerprints)
