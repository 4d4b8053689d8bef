"""Writes the answers in docs/questions.md again: `uv run python tests/questions.py`, if a query or the demo changed."""

import sys
import tempfile
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from tests.support.answers import ANSWERED, PAGE, answer, fill  # noqa: E402
from tests.support.warehouse.file_and_database import File  # noqa: E402

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        place = File(Path(directory) / "warehouse.duckdb")
        fill(place)
        with place.opened() as connection:
            PAGE.write_text(
                ANSWERED.sub(
                    lambda found: f"```sql\n{found['sql']}```\n```text\n{answer(connection, found['sql'])}```",
                    PAGE.read_text(),
                )
            )
