"""Declares a raw table: its columns with type, unit and meaning, its key, and its child tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

DataType = Literal["text", "bigint", "double", "bool", "timestamp", "decimal", "json"]
Record = dict[str, Any]

MONEY_PRECISION, MONEY_SCALE = 18, 6
SQL_TYPES: Mapping[DataType, str] = {  # as both DuckDB and PostgreSQL name them
    "text": "text",
    "bigint": "bigint",
    "double": "double precision",
    "bool": "boolean",
    "timestamp": "timestamp with time zone",
    "decimal": f"numeric({MONEY_PRECISION}, {MONEY_SCALE})",
    "json": "json",
}


@dataclass(frozen=True)
class Column:
    """One column: its name in the table, dlt's data type, and its meaning with the unit.

    `key` is its name in the API, if that differs: `createTime`, or `price.amount` for a key of a nested object.
    `is_personal`: the value is a phone number or a name, which a setting under `[privacy]` may replace.
    """

    name: str
    data_type: DataType
    meaning: str
    is_personal: bool = False
    key: str | None = None

    def hint(self) -> dict[str, Any]:
        """The column in dlt's form."""
        return {"name": self.name, "description": self.meaning, **type_hint(self.data_type)}


ACCOUNT = Column("account", "text", "The configured account that the row came from; `default` when there is only one.")
FINGERPRINT = Column("_dlt_id", "text", "Digest of the record; changes when anything of the fax changes.")
CREATED_AT = "created_at"


def type_hint(data_type: DataType) -> dict[str, Any]:
    """The data type in dlt's form; a decimal is DECIMAL(18,6), which holds money exactly."""
    if data_type == "decimal":
        return {"data_type": data_type, "precision": MONEY_PRECISION, "scale": MONEY_SCALE}
    return {"data_type": data_type}


def objects(value: Any) -> list[Record]:
    """The rows of a list of objects; no rows for null.

    Raises:
        ValueError: the value is neither.
    """
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(element, dict) for element in value):
        raise ValueError("expected a list of objects")
    return value


def names_and_values(value: Any) -> list[Record]:
    """The rows of an object, `{"name": str, "value": …}` for each of its keys; no rows for null.

    Raises:
        ValueError: the value is neither.
    """
    if value is None:
        return []
    if not isinstance(value, dict):
        raise ValueError("expected an object")
    return [{"name": name, "value": text} for name, text in value.items()]


class Condition(NamedTuple):
    """A column of a record, as text, is one of `texts`; with `is_not`, it is not null and not one of them."""

    column: str
    texts: tuple[str, ...]
    is_not: bool = False


@dataclass(frozen=True)
class ChildTable:
    """A child table with the rows from one key of a record: `rows` turns the value of `source` into rows.

    Each row has the record's id in the column `parent_id` and its `position` in the value, from 0. A record that meets
    all conditions of `required_if` must have at least one row, else that is a misfit; without conditions, no record
    must.
    """

    name: str
    meaning: str
    source: str
    parent_id: str
    columns: tuple[Column, ...]
    rows: Callable[[Any], list[Record]] = objects
    required_if: tuple[Condition, ...] = ()

    def declared(self, parent: "Table") -> tuple[Column, ...]:
        """All columns of the table: account, the fax's id, the position, then `columns`."""
        parent_id = Column(self.parent_id, parent.id_type, f"Id of the fax, in {parent.name}.")
        position = Column("position", "bigint", f"Place in the fax's {self.source}, from 0.")
        return (ACCOUNT, parent_id, position, *self.columns)


@dataclass(frozen=True)
class Table:
    """A provider's table of faxes, keyed by account and `id`, with its child tables.

    A fax whose `status` is not in `final` is open: it may still change, and is re-read by id once it is older than the
    look-back. A fax whose status is in `awaits` stays open until the column that it names there is filled.
    `created_at` names the column of its creation time.

    `price` names the columns of its price and of the price's currency, if that may be another than the US dollar.

    `ledger` is the raw table with the windows in which it was walked.

    `stub`: a record with this key and without a `status` is a tombstone, which only marks a fax as deleted.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    final: frozenset[str]
    children: tuple[ChildTable, ...] = ()
    ledger: str = "sync_windows"
    stub: str | None = None
    created_at: str = CREATED_AT
    awaits: Mapping[str, str] = field(default_factory=dict, hash=False)
    price: tuple[str, str] | None = None

    def declared(self) -> tuple[Column, ...]:
        """All columns of the table: account, then `columns`."""
        return (ACCOUNT, *self.columns)

    def is_stub(self, record: Record) -> bool:
        """The record is a tombstone, which only marks a fax as deleted."""
        return self.stub is not None and self.stub in record and "status" not in record

    def shaped(self, record: Record) -> Record:
        """The record with the values of its columns under their names. A nested object keeps its undeclared keys.

        Where an object was expected and another value came, the value itself is that of the first column.
        """
        if not self._keys:
            return record
        shaped = dict(record)
        for outer, columns in self._keys.items():
            if outer not in shaped:
                continue
            value = shaped.pop(outer)
            if None in columns:
                shaped[columns[None]] = value
            elif isinstance(value, dict):
                shaped |= {columns[inner]: value[inner] for inner in columns.keys() & value.keys()}
                if rest := {inner: value[inner] for inner in value.keys() - columns.keys()}:
                    shaped[outer] = rest
            else:
                shaped[next(iter(columns.values()))] = value
        return shaped

    @cached_property
    def _keys(self) -> dict[str, dict[str | None, str]]:
        """By each key of a record that is not a column's name: the columns, by their keys in its object."""
        keys: dict[str, dict[str | None, str]] = {}
        for column in self.columns:
            if column.key:
                outer, _, inner = column.key.partition(".")
                keys.setdefault(outer, {})[inner or None] = column.name
        return keys

    @cached_property
    def id_type(self) -> DataType:
        """The data type of the column `id`."""
        return next(column.data_type for column in self.columns if column.name == "id")
