"""What a provider answers: one page of records, that it keeps nothing so old, a count, or the account's balance."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sources.errors import ContractError, Refused, shape
from sources.records.schema import Record
from sources.window import Window

MAX_RECORDS = 10_000  # of one page: ten times what any provider is asked for


@dataclass(frozen=True)
class Page:
    """One response: its records, and how many the whole query has; None if the provider does not say.

    `beyond_count`: there are more than the provider counts or serves, so the window has to be split.
    """

    records: list[Record]
    total: int | None = None
    beyond_count: bool = False

    def treated(self, treat: Callable[[Record], Record]) -> "Page":
        """The page with each of its records as it may be kept."""
        return replace(self, records=[treat(record) for record in self.records])


@dataclass(frozen=True)
class MonthCount:
    """How many faxes a provider counts in the current month.

    `spans` are what it may mean by that month, the likeliest first; `deliveries` names the child table whose rows it
    may count in place of a fax that has any.
    """

    faxes: int
    spans: tuple[Window, ...]
    deliveries: str | None = None


class Balance(NamedTuple):
    """An account's balance in US dollars, negative if money is owed, and when it was read, by the provider's clock."""

    usd: Decimal
    read_at: datetime


class ChainBroken(Exception):
    """A link to the next page was refused, perhaps because its token is too old: the window is to be walked again."""


class HistoryLimit(Exception):
    """The provider keeps nothing created before `limit` (UTC)."""

    def __init__(self, limit: datetime) -> None:
        super().__init__(limit)
        self.limit = limit


def record_of(provider: str, get: Callable[[], Any], name: str = "a fax") -> Record | None:
    """The record that `get` asks for; None if the provider answers 404: it no longer has it.

    Raises:
        ContractError: the answer is no object.
    """
    try:
        record = get()
    except Refused as refused:
        if refused.status == 404:
            return None
        raise
    if not isinstance(record, dict):
        raise ContractError(f"{provider}: expected {name}, got {shape(record)}")
    return record


def records_of(provider: str, data: Any, key: str = "data") -> list[Record]:
    """The records of a page, which stand under `key`.

    Raises:
        ContractError: it is no list of objects, or of far more than were asked for.
    """
    if not isinstance(data, list):
        raise ContractError(f'{provider}: expected "{key}" to be a list of faxes, got {shape(data)}')
    if len(data) > MAX_RECORDS:
        raise ContractError(f"{provider}: expected {MAX_RECORDS} faxes in a page at the very most, got {len(data)}")
    if odd := [element for element in data if not isinstance(element, dict)]:
        raise ContractError(f'{provider}: expected "{key}" to be a list of faxes, got one that holds {shape(odd[0])}')
    return data
