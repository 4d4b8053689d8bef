"""Telefact's raw table."""

from sources.records.schema import Column, Table

TRANSMISSIONS = Table(
    name="transmissions",
    meaning="Telefact's transmissions, one row each.",
    columns=(
        Column("id", "text", "Telefact's id of the transmission."),
        Column("created_at", "timestamp", "When it was created, UTC."),
        Column("way", "text", "`out` or `in`."),
        Column("state", "text", "`ok`, `bad` or `running`."),
        Column("sender", "text", "The sender, E.164.", is_personal=True),
        Column("receiver", "text", "The recipient, E.164.", is_personal=True),
        Column("sheets", "bigint", "Sheets sent."),
        Column("price", "decimal", "Price, US dollars."),
    ),
    final=frozenset({"ok", "bad"}),
)
