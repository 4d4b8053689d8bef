"""How a raw table is declared: its columns with type, unit and meaning, its key, and the tables split off from it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

DataType = Literal["text", "bigint", "double", "bool", "timestamp", "decimal", "json"]
Record = dict[str, Any]

MONEY_PRECISION, MONEY_SCALE = 18, 6


@dataclass(frozen=True)
class Column:
    """One column: its name in the API and in the table, dlt's data type, and what it means, with its unit.

    `is_personal`: its value is a phone number or a name, which `[privacy]` may have replaced.
    """

    name: str
    data_type: DataType
    meaning: str
    is_personal: bool = False

    def hint(self) -> dict[str, Any]:
        """The column as dlt declares it."""
        return {"name": self.name, "description": self.meaning, **type_hint(self.data_type)}


ACCOUNT = Column("account", "text", "The configured account that the row came from; `default` when there is only one.")
CREATED_AT = "created_at"


def type_hint(data_type: DataType) -> dict[str, Any]:
    """A data type as dlt declares it: decimals are DECIMAL(18,6), so that money is exact."""
    if data_type == "decimal":
        return {"data_type": data_type, "precision": MONEY_PRECISION, "scale": MONEY_SCALE}
    return {"data_type": data_type}


def objects(value: Any) -> list[Record]:
    """The rows of a list of objects; none for null.

    Raises:
        ValueError: the value is anything else.
    """
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(element, dict) for element in value):
        raise ValueError("expected a list of objects")
    return value


def names_and_values(value: Any) -> list[Record]:
    """The rows of an object, one `{"name", "value"}` for each of its names; none for null.

    Raises:
        ValueError: the value is anything else.
    """
    if value is None:
        return []
    if not isinstance(value, dict):
        raise ValueError("expected an object")
    return [{"name": name, "value": text} for name, text in value.items()]


class Condition(NamedTuple):
    """A column of a record, as text, is one of `texts`; if `is_not`, it is there and is none of them."""

    column: str
    texts: tuple[str, ...]
    is_not: bool = False


@dataclass(frozen=True)
class ChildTable:
    """A table split off from one key of a record: `rows` turns the value of `source` into rows.

    Each row carries the record's key as `parent_id` and, from 0, its `position` in the value. A record that fulfils all
    conditions of `required_if` has one row at least; without conditions, no record needs one.
    """

    name: str
    meaning: str
    source: str
    parent_id: str
    columns: tuple[Column, ...]
    rows: Callable[[Any], list[Record]] = objects
    required_if: tuple[Condition, ...] = ()

    def declared(self, parent: "Table") -> tuple[Column, ...]:
        """All columns of the table: account, the fax's id, the position, and its own."""
        parent_id = Column(self.parent_id, parent.id_type, f"Id of the fax, in {parent.name}.")
        position = Column("position", "bigint", f"Place in the fax's {self.source}, from 0.")
        return (ACCOUNT, parent_id, position, *self.columns)


@dataclass(frozen=True)
class Table:
    """A provider's table of faxes, keyed by account and `id`, with the tables split off from it.

    A fax whose `status` is not one of `final` may still change, and is asked for by its id once it is too old to be
    read with its window.

    `stub`: a record with this key and no `unless` key only marks a fax as deleted and says nothing else about it.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    final: frozenset[str]
    children: tuple[ChildTable, ...] = ()
    stub: str | None = None
    stub_unless_key: str = "status"

    def declared(self) -> tuple[Column, ...]:
        """All columns of the table: account, and its own."""
        return (ACCOUNT, *self.columns)

    def is_stub(self, record: Record) -> bool:
        """The record only marks a fax as deleted."""
        return self.stub is not None and self.stub in record and self.stub_unless_key not in record

    @cached_property
    def id_type(self) -> DataType:
        """The data type of the column `id`."""
        return next(column.data_type for column in self.columns if column.name == "id")
