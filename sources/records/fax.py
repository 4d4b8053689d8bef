"""The columns of the unified views, which are the same for each provider.

The `faxes.sql`, `fax_recipients.sql` and `fax_tags.sql` of a provider select them in this order, without `provider`.
"""

from sources.records.schema import ACCOUNT, Column

PROVIDER = Column("provider", "text", "Provider of the fax: the name of its folder under sources/.")
_FAX_ID = Column("fax_id", "text", "Id of the fax, in fax.faxes.")
_OUTCOME = "delivered, failed, partial (some recipients), open (not final yet) or unknown (the provider does not say)."

FAXES = (
    PROVIDER,
    ACCOUNT,
    Column("id", "text", "The provider's id of the fax; unique within provider and account."),
    Column("created_at", "timestamp", "When the fax was created, UTC."),
    Column(
        "completed_at", "timestamp", "When it became final, UTC; null before that, or if the provider gives no time."
    ),
    Column("direction", "text", "sent or received; null if the provider does not say."),
    Column("provider_direction", "text", "Direction in the provider's own word."),
    Column("outcome", "text", f"How the fax ended: {_OUTCOME}"),
    Column("provider_status", "text", "Status in the provider's own word."),
    Column("from_number", "text", "The sender, E.164 where possible; for a sent fax the caller id."),
    Column("to_number", "text", "The recipient, E.164 where possible; null where fax.fax_recipients lists several."),
    Column("num_pages", "bigint", "Sheets of the fax."),
    Column("cost_usd", "decimal", "Cost of the fax, US dollars."),
    Column(
        "is_test",
        "bool",
        "Made with test credentials, and left out by the cost views; null if unknown: such a fax is counted.",
    ),
    Column("is_final", "bool", "The fax is not expected to change any more."),
    Column("is_deleted", "bool", "Deleted at the provider; the other columns keep their last known values."),
    Column("error_type", "text", "Class of the error in the provider's word; null if none."),
    Column("error_code", "text", "The provider's number of the error; null if none."),
    Column("error_message", "text", "The error in the provider's words; null if none."),
    Column("duration_seconds", "bigint", "Length of the call, seconds; null if the provider does not give it."),
    Column(
        "listed_in",
        "text",
        "The one of the provider's lists that has the fax, by its raw table, or both; null if there is one list only.",
    ),
    Column(
        "price_currency",
        "text",
        "Currency of the price, by ISO 4217: XXX if the provider names none; null without a price. Only USD is a cost.",
    ),
)
FAX_RECIPIENTS = (
    PROVIDER,
    ACCOUNT,
    _FAX_ID,
    Column("position", "bigint", "Place among the fax's recipients, from 0."),
    Column(
        "phone_number",
        "text",
        "The other party: the recipient of a sent fax, the sender of a received one; null if none.",
    ),
    Column(
        "own_number", "text", "The account's number: the caller id of a sent fax, the called number of a received one."
    ),
    Column("direction", "text", "Direction of the fax."),
    Column("created_at", "timestamp", "When the fax was created, UTC."),
    Column("completed_at", "timestamp", "When the delivery became final, UTC."),
    Column("outcome", "text", f"How the delivery ended: {_OUTCOME}"),
    Column("provider_status", "text", "Status in the provider's own word."),
    Column("retry_count", "bigint", "Number of retries of the call; null if the provider does not give it."),
    Column("num_pages", "bigint", "Sheets of the fax."),
    Column(
        "cost_usd", "decimal", "Its part of the fax's cost, US dollars; the parts of a fax sum to its cost exactly."
    ),
    Column(
        "is_test",
        "bool",
        "Made with test credentials, and left out by the cost views; null if unknown: such a fax is counted.",
    ),
    Column("is_final", "bool", "The fax is not expected to change any more."),
    Column("is_deleted", "bool", "The fax was deleted at the provider."),
    Column("bitrate", "bigint", "Speed of the transmission, bit/s; null if the provider does not give it."),
    Column("error_type", "text", "Class of the error in the provider's word; null if none."),
    Column("error_code", "text", "The provider's number of the error; null if none."),
    Column("error_message", "text", "The error in the provider's words; null if none."),
)
FAX_TAGS = (
    PROVIDER,
    ACCOUNT,
    _FAX_ID,
    Column("name", "text", "Name of the tag, as the customer wrote it."),
    Column("value", "text", "Value of the tag."),
)
