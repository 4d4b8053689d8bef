"""Which tier a case runs in: of a law that takes a second a case, some cases are quick, and all the others are slow."""

from collections.abc import Iterable
from typing import Any

import pytest

SLOW = pytest.mark.slow


def first_quick(cases: Iterable[Any], quick: int = 1) -> list[Any]:
    """The cases of a parametrised test: so many of the first are quick, the others slow."""
    return quick_ones(list(cases), list(cases)[:quick])


def in_turns(cases: Iterable[Any], others: Iterable[Any]) -> list[tuple[Any, Any]]:
    """Each case with one of the others, which take turns: where every case with each of them would show no more."""
    taking_turns = [*others]
    return [(taking_turns[turn % len(taking_turns)], case) for turn, case in enumerate(cases)]


def quick_ones(cases: Iterable[Any], quick: Iterable[Any]) -> list[Any]:
    """The cases of a parametrised test: these are quick, the others slow. A tuple gives an argument each."""
    wanted = list(quick)
    return [
        case if case in wanted else pytest.param(*case if isinstance(case, tuple) else (case,), marks=SLOW)
        for case in cases
    ]
