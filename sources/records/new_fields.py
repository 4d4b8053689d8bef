"""Schema evolution: the columns for new fields, which a provider sends but no table declares."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sources.errors import ContractError, masked
from sources.records.arrow import infer_type
from sources.records.coerce import as_json
from sources.records.record import Problem
from sources.records.schema import DataType

MAX_NEW_COLUMNS = 200  # per table; PostgreSQL allows 1600 columns, and random keys must not reach that
MAX_SHAPE_LENGTH = 60  # characters
# Of every table: `rowid` in DuckDB, the others in PostgreSQL. A column has the same name in every warehouse.
SYSTEM_COLUMNS = frozenset(("cmax", "cmin", "ctid", "oid", "rowid", "tableoid", "xmax", "xmin"))
Contract = Literal["evolve", "freeze", "discard"]


@dataclass(frozen=True)
class Change:
    """A column for a new field: its type, and the shape of one value, with its letters and digits masked.

    `row` is the number of that value's row in the table of the load.
    """

    table: str
    column: str
    data_type: DataType
    shape: str
    row: int = 0


@dataclass
class NewFields:
    """The columns for new fields: `types` by table and column, as in the warehouse.

    `normalize` turns a provider's key into a column name, as dlt does. While tables are built, `changes` collects the
    columns that the warehouse lacks, and `problems` the misfits. `contract` decides about such a column: it is added
    (evolve), left out (discard), or stops the load (freeze). No new column takes the name of one of `SYSTEM_COLUMNS`.
    """

    types: Mapping[str, Mapping[str, DataType]]
    normalize: Callable[[str], str]
    contract: Contract = "evolve"
    changes: list[Change] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def added(self) -> list[Change]:
        """The changes that add a column: all of them, or none if the contract leaves new columns out."""
        return self.changes if self.contract == "evolve" else []

    def type_of(self, table: str, column: str, values: Sequence[Any]) -> DataType | None:
        """The column's type in the warehouse, else the type inferred from these values; None for no column.

        Raises:
            ContractError: the column is new, and the contract is `freeze`.
        """
        known = self.types.get(table, {}).get(column)
        inferred = known or infer_type(values)
        if known or inferred is None:
            return known
        if self.contract == "freeze":
            raise ContractError(
                f"{table} has a new field {masked(column)!r} ({inferred}), "
                'and schema_contract is "freeze": nothing was loaded'
            )
        row, example = next((row, value) for row, value in enumerate(values) if value is not None)
        self.changes.append(Change(table, column, inferred, _shape(example), row))
        return inferred if self.contract == "evolve" else None

    def name_columns(self, table: str, keys: Sequence[str], taken: frozenset[str]) -> dict[str, str]:
        """Key -> column name; a key without a free name is left out. A key that is a column's name has precedence."""
        known = self.types.get(table, {})
        room = MAX_NEW_COLUMNS - len(known)
        names: dict[str, str] = {}
        for key in sorted(keys, key=lambda key: (self._normalized(key) != key, key)):
            name = self._normalized(key)
            if name in taken or name.startswith("_dlt") or (name in SYSTEM_COLUMNS and name not in known):
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
            return self.normalize(re.sub(r"[^\x00-\x7f]", "_", key))  # PostgreSQL truncates names by bytes
        except ValueError:
            return ""  # the key has no character that a name may have


def _shape(value: Any) -> str:
    """The start of a value's JSON, with every letter as `a` and every digit as `9`."""
    text = as_json(value)[:MAX_SHAPE_LENGTH]
    return re.sub(r"\d", "9", re.sub(r"[^\W\d_]", "a", text))
