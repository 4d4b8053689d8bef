"""Spans of creation time, and what other spans leave of them."""

from datetime import UTC, datetime, timedelta

import pytest

from sources.window import Window

DAY = datetime(2026, 11, 20, tzinfo=UTC)


def window(start: int, end: int) -> Window:
    return Window(DAY + timedelta(hours=start), DAY + timedelta(hours=end))


@pytest.mark.parametrize(
    ("others", "left"),
    [
        ([], [(4, 8)]),
        ([(4, 8)], []),
        ([(7, 9), (2, 5)], [(5, 7)]),
        ([(5, 7), (5, 6)], [(4, 5), (7, 8)]),
        ([(1, 2), (2, 4)], [(4, 8)]),
        ([(5, 6), (8, 9), (10, 11)], [(4, 5), (6, 8)]),
    ],
)
def test_what_others_leave_of_a_window(others: list[tuple[int, int]], left: list[tuple[int, int]]) -> None:
    assert window(4, 8).without(window(*other) for other in others) == [window(*part) for part in left]
