"""The tier of a test case: if a case takes a second, some cases run in the quick tier, the others in the slow one.

Of the slow cases of a test, a run of all tests has one; `--every-case`, or a run of named files, has all.
"""

from collections.abc import Iterable
from typing import Any
from zlib import crc32

import pytest

SLOW = pytest.mark.slow


def first_quick(cases: Iterable[Any], quick: int = 1) -> list[Any]:
    """The cases of a parametrised test: the first ones are quick, the others slow."""
    return quick_ones(list(cases), list(cases)[:quick])


def in_turns(cases: Iterable[Any], others: Iterable[Any]) -> list[tuple[Any, Any]]:
    """Pairs each case with one of the others in turn, if all combinations would show no more."""
    taking_turns = [*others]
    return [(taking_turns[turn % len(taking_turns)], case) for turn, case in enumerate(cases)]


def quick_ones(cases: Iterable[Any], quick: Iterable[Any]) -> list[Any]:
    """The cases of a parametrised test: `quick` are quick, the others slow. The elements of a tuple are arguments."""
    wanted = list(quick)
    return [
        case if case in wanted else pytest.param(*case if isinstance(case, tuple) else (case,), marks=SLOW)
        for case in cases
    ]


def other_cases(items: Iterable[pytest.Item]) -> set[pytest.Item]:
    """The cases of slow tests that a run of all tests leaves out: all but one of each test.

    Which one is a matter of the test's name, so that each provider, warehouse and fault has its turn in some tests. All
    cases of a test run that is marked `each_case`: there each is a fact of its own. If the case needs what the machine
    lacks, such as Java, no other takes its place.
    """
    tests: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("each_case"):
            tests.setdefault(item.nodeid.partition("[")[0], []).append(item)
    return {
        case
        for test, cases in tests.items()
        for place, case in enumerate(cases)
        if place != crc32(test.encode()) % len(cases)
    }
