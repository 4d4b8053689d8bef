"""Every figure of the notebook in a real browser: it holds on a phone and on a desktop, whatever rows there are."""

from pathlib import Path

import pytest

from tests.support.browser import page, served
from tests.support.environment import child_environment

FIGURES = 8 * 3
PAGE = Path(__file__).with_name("chart_notebook.py")
HEIGHTS = "figures => figures.map(one => one.getBoundingClientRect().height)"
OUTSIDE = """parts => parts.filter(one => one.closest('.fax-rows') === null)
    .map(one => [one.getBoundingClientRect(), one.outerHTML])
    .filter(([box, _]) => box.width > 0 && (box.right > innerWidth || box.left < 0)).map(([_, text]) => text)"""

pytestmark = pytest.mark.slow


def test_every_figure_holds_on_a_phone_and_on_a_desktop() -> None:
    errors: list[str] = []
    with page() as shown, served(PAGE, child_environment()) as address:
        shown.on("pageerror", lambda error: errors.append(str(error)))
        shown.goto(address)
        figures = shown.locator("figure.fax")
        figures.nth(FIGURES - 1).wait_for(timeout=90_000)
        for width in (390, 800, 1200):
            shown.set_viewport_size({"width": width, "height": 900})
            heights = figures.evaluate_all(HEIGHTS)

            assert (len(heights), [height for height in heights if not 30 < height < 1000]) == (FIGURES, [])
            assert shown.locator(".fax, .fax *").evaluate_all(OUTSIDE) == []

    assert errors == []
