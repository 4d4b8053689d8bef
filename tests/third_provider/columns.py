"""Telefact's raw table."""

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
