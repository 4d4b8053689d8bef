"""A warehouse after a year of five-minute runs, made with SQL in seconds from one real sync of Phaxio."""

from tests.support.warehouse.file_and_database import Warehouse
from tests.support.warehouse.rows import rows

RUNS_A_DAY = 288
FAXES_A_DAY = 1000
FIRST_ID = 1_000_000_000
_TICK, _FAX = 3000, 864  # tenths of a second between two runs, and between two faxes
_WINDOW = 3 * RUNS_A_DAY * _TICK + _TICK  # the look-back, and what has come since the run before
_OF_FAXES = ("faxes", "fax_recipients")
_RUNS = """
    select
        number
        , ended_at - ({runs} - number) * interval '5 minutes' as read_at
        , cast(cast(extract(epoch from ended_at) as bigint) - ({runs} - number) * 300 - 60 as text) || '.5' as load_id
    from (select max(to_at) - interval '{ago} days' as ended_at from fax_phaxio.sync_windows) as latest
    cross join (select generate_series as number from generate_series(0, {runs})) as numbers
"""
_FAXES = f"""
    select fax, cast(floor(fax * {_FAX} / {_TICK}.0) as bigint) + 1 as loaded_by
    from (
        select generate_series as fax
        from generate_series(0, cast(ceil({{runs}} * {_TICK} / {_FAX}.0) as bigint) - 1)
    ) as numbers
"""
_TAKEN = f"""
    cast(ceil(number * {_TICK} / {_FAX}.0) - greatest(0, ceil((number * {_TICK} - {_WINDOW}) / {_FAX}.0)) as bigint)
"""
_ROWS = {
    "faxes": {
        "account": "'default'",
        "id": f"{FIRST_ID} + fax",
        "direction": "'sent'",
        "status": "'success'",
        "num_pages": "1",
        "cost": "7",
        "created_at": f"read_at + (fax * {_FAX} - number * {_TICK}) * interval '0.1 seconds'",
        "_dlt_load_id": "load_id",
        "_dlt_id": "'aged-fax-' || fax",
    },
    "fax_recipients": {
        "account": "'default'",
        "fax_id": f"{FIRST_ID} + fax",
        "position": "0",
        "status": "'success'",
        "_dlt_load_id": "load_id",
        "_dlt_id": "'aged-fax-' || fax || '.0'",
        "_dlt_parent_id": "'aged-fax-' || fax",
    },
    "_dlt_loads": {"load_id": "load_id", "schema_name": "'phaxio'", "status": "0", "inserted_at": "read_at"},
    "_dlt_pipeline_state": {
        "version": "number",
        "engine_version": "4",
        "pipeline_name": "'fax_phaxio_default'",
        "state": "'aged'",
        "created_at": "read_at",
        "_dlt_load_id": "load_id",
        "_dlt_id": "'aged-' || number",
    },
    "sync_runs": {
        "account": "'default'",
        "run_id": "'aged-' || number",
        "started_at": "read_at",
        "finished_at": "read_at",
        "exit_code": "0",
        "rows_new": "3",
    },
    "sync_windows": {  # last, as the others are dated by the window of the real sync
        "account": "'default'",
        "from_at": f"""case
            when number = 0 then timestamp with time zone '2010-01-01 00:00:00+00'
            else read_at - {_WINDOW} * interval '0.1 seconds'
        end""",
        "to_at": "read_at",
        "provider_total": _TAKEN,
        "rows_seen": _TAKEN,
        "rows_taken": _TAKEN,
        "rows_new": "3",
        "proof": "'counted'",
        "run_id": "'aged-' || number",
        "finished_at": "read_at",
        "_dlt_load_id": "load_id",
        "_dlt_id": "'aged-' || number",
    },
}


def age(warehouse: Warehouse, days: int = 365, ago: int = 0) -> None:
    """Adds the loads and ledger rows of `days` days of runs; each run found new faxes, and read the look-back again.

    The last run ended where the real sync ended, or so many days `ago`; a window that begins
    in 2010 stands for the backfill before the first.
    """
    assert rows(warehouse, "select count(*) from fax_phaxio.sync_windows") == [(1,)]
    statements = [
        f"""
        insert into fax_phaxio.{table} ({", ".join(columns)})
        with runs as ({_RUNS}), faxes as ({_FAXES})
        select {", ".join(columns.values())}
        from runs {"inner join faxes on faxes.loaded_by = runs.number" if table in _OF_FAXES else ""}
        """
        for table, columns in _ROWS.items()
    ]
    statements.append("delete from fax_phaxio.sync_windows where _dlt_id not like 'aged-%'")
    statements.append("analyze")  # as PostgreSQL does by itself within minutes
    warehouse.write("; ".join(statements).replace("{runs}", str(days * RUNS_A_DAY)).replace("{ago}", str(ago)))
