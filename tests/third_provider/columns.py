"""Telefact's raw tables."""

from sources.records.schema import Column, Table

TRANSMISSIONS = Table(
    name="transmissions",
    meaning="Telefact's transmissions, one row each.",
    columns=(
        Column("id", "text", "Telefact's id of the transmission."),
        Column("made_at", "timestamp", "When it was created, UTC.", key="madeAt"),
        Column("way", "text", "`out` or `in`."),
        Column("status", "text", "`ok`, `bad` or `running`."),
        Column("sender", "text", "The sender, E.164.", is_personal=True),
        Column("receiver", "text", "The recipient, E.164.", is_personal=True),
        Column("sheets", "bigint", "Sheets sent."),
        Column("price_amount", "decimal", "Price; null until it is known.", key="price.amount"),
        Column("price_currency", "text", "Its currency, e.g. USD.", key="price.currencyCode"),
    ),
    final=frozenset({"ok", "bad"}),
    created_at="made_at",
    awaits={"ok": "price_amount"},
)
RECEIPTS = Table(
    name="receipts",
    meaning="Telefact's receipts, one row each.",
    columns=(
        Column("id", "text", "Telefact's id of the receipt."),
        Column("created_at", "timestamp", "When it was created, UTC."),
        Column("transmission", "text", "The transmission that it confirms."),
        Column("status", "text", "`sealed`."),
    ),
    final=frozenset({"sealed"}),
    ledger="receipt_windows",
)
