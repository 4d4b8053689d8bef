"""Phaxio's raw tables, with every field of the fax object.

Source: https://www.phaxio.com/docs/api/v2/intro/objects and https://www.phaxio.com/docs/api/v2/faxes/list_faxes,
read November 2026. `caller_name` and `barcodes` are observed in recorded v2.1 responses, not documented.
"""

from sources.records.schema import ChildTable, Column, Condition, Table, names_and_values

_ERROR_COLUMNS = (
    Column("error_id", "bigint", "Phaxio's number of the error, e.g. 34; null if none."),
    Column(
        "error_type",
        "text",
        "Class of the error: documentConversionError, lineError, faxError, fatalError, generalError.",
    ),
    Column("error_message", "text", "The error in words; one cause may have several wordings, so group by id or type."),
)

FAXES = Table(
    name="faxes",
    meaning="Phaxio's fax objects, one row per fax, sent or received.",
    columns=(
        Column(
            "id", "bigint", "Phaxio's number of the fax; rises with creation. A fax that is re-sent gets a new one."
        ),
        Column("direction", "text", "`sent` or `received`."),
        Column("num_pages", "bigint", "Sheets of the fax; 0 while it is queued."),
        Column("status", "text", "queued, pendingbatch, inprogress (open); success, failure, partialsuccess (final)."),
        Column("is_test", "bool", "Made with test credentials: never transmitted, and no cost."),
        Column("created_at", "timestamp", "When the fax was created, UTC; whole seconds."),
        Column(
            "caller_id",
            "text",
            "The number that recipients of a sent fax see, E.164; null for received faxes.",
            is_personal=True,
        ),
        Column("from_number", "text", "The sender of a received fax, E.164; null for sent faxes.", is_personal=True),
        Column("completed_at", "timestamp", "When the fax became final, UTC; null before that."),
        Column(
            "caller_name",
            "text",
            "The sender's name of a received fax, if the account has this switched on.",
            is_personal=True,
        ),
        Column(
            "cost",
            "decimal",
            "Price of the fax for all recipients, US cents; changes until, and shortly after, it is final.",
        ),
        Column("tags", "json", "The customer's own names and values, an object of texts; at most ten."),
        Column(
            "to_number",
            "text",
            "The account's number that received the fax, E.164; null for sent faxes.",
            is_personal=True,
        ),
        *_ERROR_COLUMNS,
    ),
    final=frozenset({"success", "failure", "partialsuccess"}),
    children=(
        ChildTable(
            name="fax_recipients",
            meaning="The recipients of sent faxes, one row per delivery.",
            source="recipients",
            parent_id="fax_id",
            columns=(
                Column(
                    "phone_number",
                    "text",
                    "Where the fax was sent, E.164. One fax may have a number twice.",
                    is_personal=True,
                ),
                Column(
                    "status",
                    "text",
                    "As for faxes, or ringing, callactive, willretry (open); null right after creation.",
                ),
                Column("retry_count", "bigint", "Number of retries of the call."),
                Column("completed_at", "timestamp", "When the delivery became final, UTC; null before that."),
                Column("bitrate", "bigint", "Speed of the transmission, bit/s."),
                Column("resolution", "bigint", "Horizontal resolution, pixels per metre, e.g. 8040."),
                *_ERROR_COLUMNS,
            ),
            required_if=(Condition("direction", ("sent",)), Condition("status", ("success", "partialsuccess"))),
        ),
        ChildTable(
            name="fax_tags",
            meaning="The tags of faxes, one row per fax and tag name.",
            source="tags",
            parent_id="fax_id",
            columns=(
                Column("name", "text", "Name of the tag, as the customer wrote it."),
                Column("value", "text", "Value of the tag."),
            ),
            rows=names_and_values,
            required_if=(Condition("tags", ("{}", "null"), is_not=True),),
        ),
        ChildTable(
            name="fax_barcodes",
            meaning="Barcodes that Phaxio read on received faxes, one row per barcode.",
            source="barcodes",
            parent_id="fax_id",
            columns=(
                Column("type", "text", "Symbology of the barcode."),
                Column("page", "bigint", "Sheet that has the barcode, from 1."),
                Column("value", "text", "What it encodes."),
                Column("identifier", "text", "Phaxio's identifier of a PhaxCode."),
                Column("metadata", "text", "What the customer attached to a PhaxCode."),
            ),
        ),
    ),
)
