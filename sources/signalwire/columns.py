"""SignalWire's raw tables, with every field of the fax log and of the Compatibility API's fax.

Sources: https://signalwire.com/docs/apis/rest/fax-logs/list-fax-logs and
https://signalwire.com/docs/compatibility-api/rest/faxes/list-all-faxes, read November 2026. `updated_at` was in an
older version of the first page; `discarded_at` is documented for deleted voice and video logs and assumed for faxes.
"""

from sources.records.schema import ChildTable, Column, Table

FAX_LOGS = Table(
    name="fax_logs",
    meaning="SignalWire's fax logs, one row per log: one leg of a call that carried a fax.",
    columns=(
        Column("id", "text", "SignalWire's UUID of the log; that of the fax is the last part of `url`."),
        Column("from", "text", "The sender, E.164, or the raw caller id if it is no such number.", is_personal=True),
        Column("to", "text", "The recipient, E.164, or a SIP address.", is_personal=True),
        Column("status", "text", "Status of the call, not of the fax: `completed` may be a fax that failed."),
        Column("direction", "text", "`inbound`, `outbound-api` or `outbound-dial`."),
        Column("source", "text", "The API that handled the fax; only `laml` is documented."),
        Column("type", "text", "Kind of log; only `laml_call` is documented."),
        Column("url", "text", "The fax in the Compatibility API; its last part is the fax's SID."),
        Column("remote_station", "text", "A fax server hosted by the customer.", is_personal=True),
        Column("charge", "decimal", "Amount charged, US dollars; may be 0 until it has been calculated."),
        Column("number_of_pages", "bigint", "Sheets of the fax; null if none was transmitted."),
        Column("quality", "text", "`standard`, `fine` or `superfine`."),
        Column("created_at", "timestamp", "When the log was created, UTC; whole seconds or milliseconds."),
        Column("updated_at", "timestamp", "When the log last changed, UTC; no longer documented."),
        Column("error_code", "text", "SignalWire's number of the error, e.g. 34004; null if none."),
        Column("error_message", "text", "The error in words."),
        Column("discarded_at", "timestamp", "When the log was deleted at SignalWire, UTC; null if it was not."),
    ),
    final=frozenset({"completed", "busy", "failed", "no-answer", "canceled", "delivered", "received"}),
    children=(
        ChildTable(
            name="fax_log_charge_details",
            meaning="What a log's charge is made of, one row per line; the lines need not sum to the charge.",
            source="charge_details",
            parent_id="fax_log_id",
            columns=(
                Column("description", "text", "What is charged, e.g. Outbound Fax Minutes."),
                Column("charge", "decimal", "Amount of the line, US dollars."),
            ),
        ),
    ),
    stub="discarded_at",
)
COMPAT_FAXES = Table(
    name="compat_faxes",
    meaning="SignalWire's faxes in the Compatibility API, one row per fax, with its outcome. Deleted ones stay.",
    columns=(
        Column("id", "text", "SignalWire's SID of the fax, a UUID; it ends `url` of its logs.", key="sid"),
        Column("account_sid", "text", "SignalWire's id of the project."),
        Column("api_version", "text", "Version of the API that handled the fax."),
        Column("date_created", "timestamp", "When the fax was created, UTC."),
        Column("date_updated", "timestamp", "When the fax last changed, UTC."),
        Column("direction", "text", "`inbound` or `outbound`."),
        Column("from", "text", "The sender, E.164, or a SIP address.", is_personal=True),
        Column("to", "text", "The recipient, E.164, or a SIP address.", is_personal=True),
        Column("status", "text", "Status of the fax, e.g. `delivered`, `received` or `no-answer`."),
        Column("quality", "text", "`standard`, `fine` or `superfine`."),
        Column("num_pages", "bigint", "Sheets of the fax; null early, 0 if the call failed."),
        Column(
            "price", "decimal", "Price, in `price_unit`, with the sign it came with; null if not priced, or not yet."
        ),
        Column("price_unit", "text", "Currency of `price`, e.g. USD."),
        Column("duration", "bigint", "Length of the call, seconds; 0 until it is over."),
        Column("media_url", "text", "Where the document is; null without one."),
        Column("media_sid", "text", "SignalWire's id of the document."),
        Column("links", "json", "Where what belongs to the fax is."),
        Column("uri", "text", "The fax in the Compatibility API, as a path."),
        Column("url", "text", "The fax in the Compatibility API."),
        Column("error_code", "text", "SignalWire's number of the error; null if none."),
        Column("error_message", "text", "The error in words."),
    ),
    final=frozenset({"delivered", "received", "no-answer", "busy", "failed", "canceled"}),
    ledger="compat_fax_windows",
    created_at="date_created",
    price=("price", "price_unit"),
)
