"""A record's values stand under the names of their columns, also those of a nested object, and none is lost."""

from typing import Any

import pytest

from sources.records.schema import Column, Table

TABLE = Table(
    "faxes",
    "Faxes.",
    (
        Column("id", "text", "Id."),
        Column("create_time", "timestamp", "Creation.", key="createTime"),
        Column("price_amount", "decimal", "Price.", key="price.amount"),
        Column("price_currency", "text", "Its currency.", key="price.currencyCode"),
    ),
    frozenset({"ok"}),
    created_at="create_time",
)


@pytest.mark.parametrize(
    ("record", "shaped"),
    [
        ({"id": "1", "createTime": "now", "new": 1}, {"id": "1", "create_time": "now", "new": 1}),
        (
            {"price": {"amount": "0.07", "currencyCode": "USD"}},
            {"price_amount": "0.07", "price_currency": "USD"},
        ),
        ({"price": {"amount": 0.07, "tax": 1}}, {"price_amount": 0.07, "price": {"tax": 1}}),
        ({"price": {}}, {}),
        ({"price": None}, {"price_amount": None}),
        ({"price": "N/A"}, {"price_amount": "N/A"}),
        ({"create_time": "theirs"}, {"create_time": "theirs"}),
    ],
)
def test_values_stand_under_the_names_of_their_columns(record: dict[str, Any], shaped: dict[str, Any]) -> None:
    before = dict(record)

    assert (TABLE.shaped(record), record) == (shaped, before)


def test_a_table_without_keys_leaves_records_as_they_are() -> None:
    record = {"id": "1", "createTime": "now"}
    plain = Table("faxes", "Faxes.", (Column("id", "text", "Id."),), frozenset())

    assert plain.shaped(record) is record
