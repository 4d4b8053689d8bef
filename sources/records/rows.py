"""Faxes as rows of Arrow tables: the table of faxes and its child tables."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import pyarrow as pa

from sources.records.record import Placed, Problem

UNDECLARED = "_beyond"  # column with a record's new fields as JSON; no table of the warehouse has it


@dataclass
class Rows:
    """Table name -> rows, the table of faxes first.

    A fax's fingerprint is the `_dlt_id` of its row and the `_dlt_parent_id` of its children's rows. `stubs` are the
    tombstones by fingerprint, and `problems` the misfits.
    """

    tables: dict[str, pa.Table]
    stubs: dict[str, Placed]
    problems: list[Problem]

    def only(self, fingerprints: AbstractSet[str]) -> "Rows":
        """The rows of the faxes with these fingerprints, which must be unique among these rows."""
        if len(fingerprints) == next(iter(self.tables.values())).num_rows:
            return self
        wanted = pa.array(fingerprints, pa.string())
        keys = ("_dlt_id", *["_dlt_parent_id"] * (len(self.tables) - 1))
        tables = {name: _where(rows, key, wanted) for (name, rows), key in zip(self.tables.items(), keys, strict=True)}
        stubs = {fingerprint: stub for fingerprint, stub in self.stubs.items() if fingerprint in fingerprints}
        return Rows(tables, stubs, [problem for problem in self.problems if problem.fingerprint in fingerprints])


def joined(parts: Sequence[Rows]) -> Rows:
    """The rows of all parts in order; at least one part is required."""
    tables = {name: pa.concat_tables(part.tables[name] for part in parts).combine_chunks() for name in parts[0].tables}
    stubs = {fingerprint: stub for part in parts for fingerprint, stub in part.stubs.items()}
    return Rows(tables, stubs, [problem for part in parts for problem in part.problems])


def _where(rows: pa.Table, key: str, wanted: pa.Array) -> pa.Table:
    import pyarrow.compute as pc  # noqa: PLC0415  # a run with nothing new does not filter

    return rows.filter(pc.is_in(rows[key], value_set=wanted))
