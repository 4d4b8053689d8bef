"""The classes of a difference: they add up, whatever the invoice leaves out."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.costs.money import ZERO
from pipelines.invoices.faxes import Faxes, Part
from pipelines.invoices.lines import FAXES, USD, Line
from pipelines.invoices.reconciliation import AGREES, DIFFERS, Reconciliation, reconcile
from pipelines.invoices.screen import notes
from sources.window import Window

OCTOBER = Window(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
PARTS = ("plain", "earlier", "open", "unpriced", "foreign", "later", "deleted", "test")
SIGNS = {
    "open": -1,
    "unpriced": 1,
    "foreign": 1,
    "later": -1,
    "deleted": -1,
    "test": 1,
}  # of the class with these faxes only
cents = st.integers(0, 500).map(lambda amount: Decimal(amount).scaleb(-2))


def part(cost: Decimal | str) -> Part:
    return Part(int(bool(Decimal(cost))), Decimal(cost))


def faxes(**costs: Decimal | str) -> Faxes:
    return Faxes(**{name: part(costs.get(name, "0")) for name in PARTS})


def reconciled(held: Faxes, amount: Decimal) -> Reconciliation:
    line = Line("line 2", "any", "default", date(2026, 10, 1), date(2026, 10, 31), USD, amount, FAXES)
    return reconcile([line], OCTOBER, held, ())


@given(st.fixed_dictionaries(dict.fromkeys(PARTS, cents)), st.sets(st.sampled_from([*SIGNS])))
def test_any_choice_of_classes_is_explained(costs: dict[str, Decimal], chosen: set[str]) -> None:
    held = faxes(**costs)
    amount = held.by_creation_usd + sum(SIGNS[name] * costs[name] for name in chosen)
    found = reconciled(held, amount + (costs["earlier"] if "later" in chosen else 0))

    assert (found.verdict, found.unexplained_usd) == (AGREES, ZERO)


@given(st.fixed_dictionaries(dict.fromkeys(PARTS, cents)), cents)
def test_the_classes_and_what_is_unexplained_are_the_difference(costs: dict[str, Decimal], amount: Decimal) -> None:
    found = reconciled(faxes(**costs), amount)

    assert sum(each.explains_usd for each in found.classes) + found.unexplained_usd == found.difference_usd
    assert (found.verdict == DIFFERS) == bool(found.unexplained_usd)
    assert {each.explains_usd for each in found.classes} <= {0, *(each.possible_usd for each in found.classes)}


def test_the_fewest_classes_are_taken() -> None:
    found = reconciled(faxes(plain="1.00", test="0.30", unpriced="0.10", earlier="0.20"), Decimal("1.30"))

    assert {each.name for each in found.classes if each.explains_usd} == {"test"}
    assert found.others == ()


def test_other_classes_that_explain_as_much_are_named() -> None:
    found = reconciled(faxes(plain="1.00", open="0.20", deleted="0.20"), Decimal("1.20"))

    assert notes(found) == ["these classes explain as much: deleted faxes, left out"]


@pytest.mark.parametrize(("amount", "verdict"), [("0.06", AGREES), ("0.05", DIFFERS), ("0.07", DIFFERS)])
def test_only_half_a_cent_is_rounding(amount: str, verdict: str) -> None:
    assert reconciled(faxes(plain="0.0605"), Decimal(amount)).verdict == verdict
