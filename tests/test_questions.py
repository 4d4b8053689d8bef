"""docs/questions.md: each query runs in both warehouses, and its answer is the one on the page."""

import pytest

from tests.conftest import MakeWarehouse
from tests.support.answers import ANSWERED, PAGE, answer, fill
from tests.support.pages import blocks
from tests.support.tiers import first_quick
from tests.support.warehouse.file_and_database import KINDS

SHOWN = ANSWERED.findall(PAGE.read_text())


def test_every_query_has_its_answer_on_the_page() -> None:
    assert [sql for sql, _ in SHOWN] == blocks("sql", PAGE)
    assert len(SHOWN) > 10


@pytest.mark.parametrize("kind", first_quick(KINDS))
def test_every_answer_is_that_of_the_demonstration(kind: str, warehouses: MakeWarehouse) -> None:
    place = warehouses(kind, ())
    fill(place)
    with place.opened() as connection:
        found = [(sql, answer(connection, sql)) for sql, _ in SHOWN]

    assert found == SHOWN, "uv run python tests/questions.py writes the answers again"
