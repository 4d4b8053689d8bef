"""The columns that nobody declared: what a provider has added to its records since."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sources.errors import ContractError
from sources.records.arrow import infer_type
from sources.records.coerce import as_json
from sources.records.record import Problem
from sources.records.schema import DataType

MOST_NEW_COLUMNS = 200  # of one table; PostgreSQL ends at 1600 columns, and random keys must not get there
MOST_OF_A_SHAPE = 60  # characters
Contract = Literal["evolve", "freeze", "discard"]


@dataclass(frozen=True)
class Change:
    """A column first seen now: its type, and a value's shape, with letters and digits blotted out."""

    table: str
    column: str
    data_type: DataType
    shape: str


@dataclass
class NewFields:
    """The columns that nobody declared: `types` by table and column, as the warehouse knows them.

    `normalize` turns a provider's key into a column name, as dlt does. While tables are built, `changes` collects the
    columns first seen now, and `problems` what did not fit. By `contract`, a column first seen becomes one (evolve),
    is left out (discard), or stops the load (freeze). No new column has one of the names that are `reserved`.
    """

    types: Mapping[str, Mapping[str, DataType]]
    normalize: Callable[[str], str]
    contract: Contract = "evolve"
    reserved: Collection[str] = frozenset()
    changes: list[Change] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def type_of(self, table: str, column: str, values: Sequence[Any]) -> DataType | None:
        """The type that the warehouse knows, else the one these values suggest; None if there is to be no column.

        Raises:
            ContractError: the column is new, and the contract is to freeze.
        """
        known = self.types.get(table, {}).get(column)
        inferred = known or infer_type(values)
        if known or inferred is None:
            return known
        if self.contract == "freeze":
            raise ContractError(
                f'{table} has a new field {column!r} ({inferred}), and schema_contract is "freeze": nothing was loaded'
            )
        example = next(value for value in values if value is not None)
        self.changes.append(Change(table, column, inferred, _shape(example)))
        return inferred if self.contract == "evolve" else None

    def name_columns(self, table: str, keys: Sequence[str], taken: frozenset[str]) -> dict[str, str]:
        """Key -> column name, a free one for each; keys that find none free are left out."""
        known = self.types.get(table, {})
        room = MOST_NEW_COLUMNS - len(known)
        names: dict[str, str] = {}
        for key in sorted(keys):
            name = self._normalized(key)
            if name in taken or name.startswith("_dlt") or (name in self.reserved and name not in known):
                name = self._normalized(f"x_{name.lstrip('_')}")
            if not name or name in taken or name in names.values() or (name not in known and room <= 0):
                continue
            room -= name not in known
            names[key] = name
        return names

    def _normalized(self, key: str) -> str:
        try:
            name = self.normalize(key)
            if name.isascii():
                return name
            return self.normalize(re.sub(r"[^\x00-\x7f]", "_", key))  # PostgreSQL counts bytes and cuts what is longer
        except ValueError:
            return ""  # nothing of the key can stand in a name


def _shape(value: Any) -> str:
    """The JSON of a value with every letter as `a` and every digit as `9`."""
    text = as_json(value)[:MOST_OF_A_SHAPE]
    return re.sub(r"\d", "9", re.sub(r"[^\W\d_]", "a", text))
