"""Walks that end early: repeated pages, endless pagination, a limited history."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from sources.errors import ContractError
from sources.extract.page import HistoryLimit, Page
from sources.window import Window
from tests.sources.extract.test_walk import END, START, account, record, taken, walk


@pytest.mark.parametrize("total", [None, 2])
def test_a_repeated_page_ends_the_walk(total: int | None) -> None:
    def fetch(window: Window) -> Iterator[Page]:
        for _ in range(1000):
            yield Page([record(1), record(2)], total)

    with pytest.raises(ContractError):
        walk(fetch)


def test_endless_empty_pages_end_the_walk() -> None:
    pages = iter([Page([])] * 1000)
    with pytest.raises(ContractError):
        walk(lambda window: pages)

    assert len(list(pages)) > 800


def test_time_before_the_providers_history_is_a_gap_and_the_rest_is_read() -> None:
    limit = START + timedelta(days=4)
    times = [START + timedelta(days=days) for days in range(10)]
    honest = account(times, counted=-1)

    def fetch(window: Window) -> Iterator[Page]:
        if window.start < limit:
            raise HistoryLimit(limit)
        return honest(window)

    walks = walk(fetch, timedelta(days=2))

    assert taken(walks) == [4, 5, 6, 7, 8, 9]
    assert [Window(START, limit)] == [walked.window for walked in walks if walked.proof == "gap"]


def test_a_provider_that_refuses_the_limit_it_names_ends_the_walk() -> None:
    def fetch(window: Window) -> Iterator[Page]:
        raise HistoryLimit(START + timedelta(days=4))

    with pytest.raises(ContractError):
        walk(fetch)


def test_an_empty_span_makes_no_request() -> None:
    asked: list[Window] = []

    assert walk(account([START], asked=asked), walked_span=Window(END, END)) == []
    assert asked == []
