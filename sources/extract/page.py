"""The responses of a provider: a page of records, a count of the month, a balance, or the limit of its history."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sources.errors import ContractError, Refused, shape
from sources.records.schema import Record
from sources.window import Window

MAX_RECORDS = 10_000  # of one page; ten times the largest page that is requested
MIN_UNCOUNTED = 10_000  # records that a window has at least, if it has too many for the provider to count


@dataclass(frozen=True)
class Page:
    """One page: its records, and the `total` of the whole query; None if the provider gives no total.

    `beyond_count`: the query has more records than the provider counts or lists, or perhaps more than links lead to, so
    the window has to be split.
    """

    records: list[Record]
    total: int | None = None
    beyond_count: bool = False

    def mapped(self, function: Callable[[Record], Record]) -> "Page":
        """The page with `function` applied to each record."""
        return replace(self, records=[function(record) for record in self.records])


@dataclass(frozen=True)
class MonthCount:
    """The provider's own count of the faxes of the current month.

    `spans` are the possible meanings of that month, the likeliest first. `deliveries` names a child table: the provider
    may count its rows instead of the fax they belong to.
    """

    faxes: int
    spans: tuple[Window, ...]
    deliveries: str | None = None


class Balance(NamedTuple):
    """An account's balance in US dollars, negative if money is owed, and when it was read, by the provider's clock."""

    usd: Decimal
    read_at: datetime


class NextPageRefused(Exception):
    """The provider refused the link to the next page, perhaps because its token expired: read the window again."""


class HistoryLimit(Exception):
    """The provider keeps nothing created before `limit` (UTC)."""

    def __init__(self, limit: datetime) -> None:
        super().__init__(limit)
        self.limit = limit


def fetch_record(provider: str, get: Callable[[], Any], name: str = "a fax") -> Record | None:
    """The record that `get` requests; None if the provider answers 404, because it no longer has the record.

    Raises:
        ContractError: the response is no JSON object.
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


def parse_records(provider: str, data: Any, key: str = "data") -> list[Record]:
    """The records of a page, given as the value of `key`.

    Raises:
        ContractError: the value is no list of objects, or holds more than 10,000.
    """
    if not isinstance(data, list):
        raise ContractError(f'{provider}: expected "{key}" to be a list of faxes, got {shape(data)}')
    if len(data) > MAX_RECORDS:
        raise ContractError(f"{provider}: expected {MAX_RECORDS} faxes in a page at the very most, got {len(data)}")
    if odd := [element for element in data if not isinstance(element, dict)]:
        raise ContractError(f'{provider}: expected "{key}" to be a list of faxes, got one that holds {shape(odd[0])}')
    return data
