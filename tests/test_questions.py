"""The pages with queries: each query runs in both warehouses, and its answer is the one on the page."""

from pathlib import Path

import pytest

from tests.conftest import MakeWarehouse
from tests.support.answers import ANSWERED, PAGES, answer
from tests.support.pages import blocks
from tests.support.tiers import first_quick
from tests.support.warehouse.file_and_database import KINDS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_query_has_its_answer_on_the_page(page: Path) -> None:
    shown = ANSWERED.findall(page.read_text())

    assert [sql for sql, _ in shown] == blocks("sql", page) != []


@pytest.mark.slow
@pytest.mark.parametrize("page", first_quick(PAGES), ids=lambda page: page.stem)
@pytest.mark.parametrize("kind", first_quick(KINDS))
def test_every_answer_is_the_one_on_the_page(page: Path, kind: str, warehouses: MakeWarehouse) -> None:
    shown = ANSWERED.findall(page.read_text())
    place = warehouses(kind, ())
    PAGES[page](place)
    with place.opened() as connection:
        found = [(sql, answer(connection, sql)) for sql, _ in shown]

    assert found == shown, "uv run python tests/questions.py writes the answers again"
