"""Writes the answers in the pages again: `uv run python tests/questions.py`, if a query or the demo changed."""

import sys
import tempfile
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from tests.support.answers import ANSWERED, PAGES, answer  # noqa: E402
from tests.support.warehouse.file_and_database import File  # noqa: E402

if __name__ == "__main__":
    for page, fill in PAGES.items():
        with tempfile.TemporaryDirectory() as directory:
            place = File(Path(directory) / "warehouse.duckdb")
            fill(place)
            with place.opened() as connection:
                page.write_text(
                    ANSWERED.sub(
                        lambda found: f"```sql\n{found['sql']}```\n```text\n{answer(connection, found['sql'])}```",
                        page.read_text(),
                    )
                )
