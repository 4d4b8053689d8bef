"""PostgreSQL's statistics of the tables, after a run that loaded many rows.

PostgreSQL updates them by itself a minute later. Until then its planner takes the tables for nearly empty, and a query
that is planned in this minute may take hours: it compares each row of one table with each row of another.
"""

import logging

from dlt.destinations.exceptions import DatabaseException

from pipelines.warehouse.load import Warehouse
from sources.load.run import Run

LOG = logging.getLogger("fax-sync")
_MANY = 1_000  # faxes; after fewer, the statistics are near enough


def refresh_statistics(warehouse: Warehouse, run: Run) -> None:
    """Updates the statistics of the account's tables if the run loaded many faxes. A table that is locked is left out."""
    if warehouse.session.kind != "postgres" or run.tally.new + run.tally.changed < _MANY:
        return
    client = warehouse.client
    tables = [each for table in run.source.tables for each in (table, *table.children)]
    for table in tables:
        if not run.tally.rows[table.name]:
            continue
        try:
            with client.begin_transaction():
                client.execute_sql("set local lock_timeout = '2s'")
                client.execute_sql(f"analyze {client.make_qualified_table_name(table.name)}")
        except DatabaseException:
            LOG.debug("the statistics of %s stay", table.name, exc_info=True)
