"""Takes the pictures of docs/report.md anew, from demo.duckdb: `uv run python tests/pictures.py`."""

import os
import sys
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from rich.console import Console  # noqa: E402
from rich.terminal_theme import TerminalTheme  # noqa: E402

from pipelines import demo  # noqa: E402
from pipelines.config import bootstrap  # noqa: E402
from pipelines.costs.figures import month_figures  # noqa: E402
from pipelines.costs.months import this_month  # noqa: E402
from pipelines.costs.screen import screen  # noqa: E402
from pipelines.costs.selection import Selection  # noqa: E402
from pipelines.warehouse import read_only  # noqa: E402
from tests.support.browser import page, served  # noqa: E402

LIGHT = TerminalTheme(
    (255, 255, 255),
    (31, 41, 51),
    [
        (31, 41, 51),
        (190, 40, 30),
        (0, 120, 80),
        (160, 110, 0),
        (0, 114, 178),
        (150, 70, 130),
        (0, 114, 178),
        (97, 110, 124),
    ],
)
FONT = "'DejaVu Sans Mono', monospace"


def main() -> None:
    """Writes the pictures."""
    pictures = ROOT / "notebooks"
    with page() as shown:
        shown.set_default_timeout(120_000)  # a busy machine takes a minute for the page
        shown.set_viewport_size({"width": 1000, "height": 760})
        shown.set_content(report_html())
        shown.locator("pre").screenshot(path=pictures / "report.png")
        with served(pictures / "fax_costs.py", dict(os.environ)) as address:
            for name, width, scheme in (("fax_costs", 1200, "light"), ("fax_costs_phone", 390, "dark")):
                shown.emulate_media(color_scheme=scheme)
                shown.set_viewport_size({"width": width, "height": 1930})
                shown.goto(address)
                shown.locator("figure.fax").nth(8).wait_for()
                shown.wait_for_timeout(2000)
                shown.screenshot(path=pictures / f"{name}.png")


def report_html() -> str:
    """The report's screen, 100 columns wide, as a terminal with a light ground shows it."""
    with demo.warehouse(bootstrap.DEMO_DATABASE), read_only.opened() as read:
        figures = month_figures(read, this_month("UTC"), Selection())
    console = Console(record=True, width=100, force_terminal=True, highlight=False, file=StringIO())
    console.print(screen(figures, "UTC"))
    style = "padding:14px 24px 20px;margin:0;line-height:1.17;font-size:15px;display:inline-block"
    form = f'<pre style="{style};font-family:{FONT}">{{code}}</pre>'
    return console.export_html(theme=LIGHT, inline_styles=True, code_format=form)


if __name__ == "__main__":
    main()
