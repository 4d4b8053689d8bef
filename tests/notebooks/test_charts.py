"""Every chart of the notebook in a real browser: its size stays that of a page, whatever rows there are."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import page, served
from tests.support.environment import child_environment

CASES = 8
OF_EACH = 6  # charts
PAGE = Path(__file__).with_name("chart_notebook.py")
SIZES = "canvases => canvases.map(one => [one.getBoundingClientRect().width, one.getBoundingClientRect().height])"

pytestmark = pytest.mark.slow


def charts(shown: Any) -> list[tuple[float, float]]:
    """Width and height of each, once all are drawn."""
    drawn = shown.locator("canvas.marks, svg.marks")
    drawn.nth(CASES * OF_EACH - 1).wait_for(timeout=90_000)
    shown.evaluate("() => document.fonts.ready")
    return [(width, height) for width, height in drawn.evaluate_all(SIZES)]


def test_no_chart_is_larger_than_a_page_or_smaller_than_its_title() -> None:
    errors: list[str] = []
    with page() as shown, served(PAGE, child_environment()) as address:
        shown.on("pageerror", lambda error: errors.append(str(error)))
        shown.goto(address)
        sizes = charts(shown)

    assert (len(sizes), errors) == (CASES * OF_EACH, [])
    assert [size for size in sizes if not (100 < size[0] < 1300 and 30 < size[1] < 2500)] == []
