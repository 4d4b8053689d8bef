"""Numbered pages: the end of a list, whatever the provider does beyond its last page."""

from collections.abc import Callable
from typing import Any

import pytest

from sources.errors import Refused
from sources.extract.numbered_pages import NumberedPage, numbered_pages
from sources.extract.page import Page

SIZE = 100


def refused(number: int) -> list[dict[str, Any]]:
    raise Refused("Phaxio refused the request (HTTP 422)", 422)


def last_again(number: int) -> list[dict[str, Any]]:
    return records(3)


def records(number: int) -> list[dict[str, Any]]:
    return [{"id": SIZE * number + each} for each in range(SIZE)]


def read(beyond: Callable[[int], Any], reported: dict[str, Any], end: int = 3) -> list[int]:
    """The lengths of the pages of a list with `end` full pages, and with `beyond` behind them."""

    def fetch(number: int) -> NumberedPage:
        sent = records(number) if number <= end else beyond(number)
        return NumberedPage(Page(sent, reported.get("total")), SIZE, reported.get("pages"))

    return [len(page.records) for page in numbered_pages(fetch, SIZE, 10_000, lambda: 4)]


@pytest.mark.parametrize("beyond", [refused, last_again, lambda number: []], ids=["refused", "the last again", "empty"])
@pytest.mark.parametrize("reported", [{"total": 3 * SIZE}, {"pages": 3}], ids=str)
def test_a_list_whose_last_page_is_full_ends_whatever_comes_behind(
    beyond: Callable[[int], Any], reported: dict[str, Any]
) -> None:
    assert sum(read(beyond, reported)) == 3 * SIZE


@pytest.mark.parametrize("reported", [{"total": 3 * SIZE + 1}, {"pages": 4}, {}], ids=str)
def test_a_refusal_before_the_count_is_reached_is_raised(reported: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        read(refused, reported)


def test_a_list_that_is_longer_than_its_count_is_read_to_its_end() -> None:
    assert sum(read(lambda number: [], {"total": 2 * SIZE}, end=5)) == 5 * SIZE


@pytest.mark.parametrize(
    ("pages", "is_beyond"),
    [([[]], False), ([records(1)[:30], []], False), ([records(1)[:30], records(2)[:30]], True), ([records(1)], True)],
    ids=["empty", "the only one", "smaller pages than requested", "full"],
)
def test_a_count_beyond_the_limit_on_the_last_page_has_no_window_split(
    pages: list[list[dict[str, Any]]], is_beyond: bool
) -> None:
    def fetch(number: int) -> NumberedPage:
        if number > len(pages):
            raise Refused("Sinch refused the request (HTTP 422)", 422)
        return NumberedPage(Page(pages[number - 1], 50_000, beyond_count=True), SIZE)

    found = numbered_pages(fetch, SIZE, 10_000, lambda: 1)
    first = next(found)

    assert (first.records, first.beyond_count) == (pages[0], is_beyond)
    assert is_beyond or [*found] == []
