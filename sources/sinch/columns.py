"""Sinch's raw tables, with every field of the fax object.

Source: https://developers.sinch.com/docs/fax/api-reference/fax/faxes/, read November 2026. `pricePerPage` is observed
in recorded responses, not documented.
"""

from sources.records.schema import ChildTable, Column, Table, names_and_values

FAXES = Table(
    name="faxes",
    meaning="Sinch's fax objects, one row per fax, sent or received; a fax to several numbers is one fax for each.",
    columns=(
        Column("id", "text", "Sinch's ULID of the fax; sorts by creation."),
        Column("direction", "text", "`OUTBOUND` or `INBOUND`."),
        Column("from", "text", "The sender, E.164; null if no caller id was given.", is_personal=True),
        Column("to", "text", "The recipient, E.164.", is_personal=True),
        Column("number_of_pages", "bigint", "Sheets of the fax; 0 while it is in progress.", key="numberOfPages"),
        Column(
            "pages_sent_successfully",
            "bigint",
            "Sheets that the other side has confirmed.",
            key="pagesSentSuccessfully",
        ),
        Column("status", "text", "`QUEUED`, `IN_PROGRESS` (open); `COMPLETED`, `FAILURE` (final)."),
        Column(
            "price_amount",
            "decimal",
            "Price of all sheets in `price_currency`; null until the final price is known.",
            key="price.amount",
        ),
        Column("price_currency", "text", "Currency of the price, ISO 4217, e.g. USD.", key="price.currencyCode"),
        Column("price_per_page", "text", "Price of a sheet, as printed; not documented.", key="pricePerPage"),
        Column("create_time", "timestamp", "When the fax was created, UTC.", key="createTime"),
        Column("completed_time", "timestamp", "When the fax became final, UTC; null before that.", key="completedTime"),
        Column(
            "error_type",
            "text",
            "Class of the error: DOCUMENT_CONVERSION_ERROR, CALL_ERROR, FAX_ERROR, FATAL_ERROR, GENERAL_ERROR, "
            "LINE_ERROR.",
            key="errorType",
        ),
        Column(
            "error_code",
            "bigint",
            "Sinch's number of the error; 133 has two meanings, so group by type and code.",
            key="errorCode",
        ),
        Column("error_message", "text", "The error in words.", key="errorMessage"),
        Column("retry_count", "bigint", "How often the call was tried again.", key="retryCount"),
        Column("max_retries", "bigint", "How often it may be tried again.", key="maxRetries"),
        Column("retry_delay_seconds", "bigint", "Seconds between two attempts.", key="retryDelaySeconds"),
        Column(
            "content_url",
            "json",
            "Where the document is: one URL, or a list; without user, password and query.",
            is_personal=True,
            key="contentUrl",
        ),
        Column("has_file", "bool", "Sinch keeps the document.", key="hasFile"),
        Column("resolution", "text", "`FINE` or `SUPERFINE`."),
        Column("image_conversion_method", "text", "`HALFTONE` or `MONOCHROME`.", key="imageConversionMethod"),
        Column("header_text", "text", "Text in the head of each sheet.", is_personal=True, key="headerText"),
        Column("header_time_zone", "text", "Time zone of the head, e.g. America/New_York.", key="headerTimeZone"),
        Column("header_page_numbers", "bool", "The head numbers the sheets.", key="headerPageNumbers"),
        Column("cover_page_id", "text", "Sinch's id of the cover sheet.", key="coverPageId"),
        Column("cover_page_data", "json", "What the cover sheet shows.", is_personal=True, key="coverPageData"),
        Column(
            "callback_url",
            "text",
            "Where Sinch reports the end; without user, password and query.",
            is_personal=True,
            key="callbackUrl",
        ),
        Column("callback_url_content_type", "text", "Content type of that report.", key="callbackUrlContentType"),
        Column(
            "cancel_timeout_minutes", "bigint", "Minutes until an unsent fax is cancelled.", key="cancelTimeoutMinutes"
        ),
        Column("project_id", "text", "Sinch's id of the project.", key="projectId"),
        Column("service_id", "text", "Sinch's id of the service: a group of numbers.", key="serviceId"),
    ),
    final=frozenset({"COMPLETED", "FAILURE"}),
    created_at="create_time",
    awaits={"COMPLETED": "price_amount"},
    price=("price_amount", "price_currency"),
    children=(
        ChildTable(
            name="fax_labels",
            meaning="The labels of faxes, one row per fax and name.",
            source="labels",
            parent_id="fax_id",
            columns=(
                Column("name", "text", "Name of the label, as the customer wrote it."),
                Column("value", "text", "Value of the label."),
            ),
            rows=names_and_values,
        ),
        ChildTable(
            name="fax_bar_codes",
            meaning="Barcodes that Sinch read on received faxes, one row per barcode.",
            source="barCodes",
            parent_id="fax_id",
            columns=(
                Column("type", "text", "`CODE_128` or `DATA_MATRIX`."),
                Column("page", "bigint", "Sheet that it stands on, from 1."),
                Column("value", "text", "What it encodes."),
            ),
        ),
    ),
)
