"""The table `fax.invoices`, which a user may fill."""

from pipelines.invoices.lines import COLUMNS, Cells
from pipelines.warehouse.read_only import Read
from sources.errors import WrongUsage

_HOW = "give a CSV file, or fill the table as docs/reconciling.md shows"


def read_cells(read: Read, schema: str) -> list[tuple[str, Cells]]:
    """The cells of each row of `fax.invoices` by column, after the place of the row.

    Raises:
        WrongUsage: there is no such table, it lacks a column, or it has no row.
    """
    names = "select column_name from information_schema.columns where table_schema = %s and table_name = 'invoices'"
    columns = {row["column_name"] for row in read(names, schema)}
    if not columns:
        raise WrongUsage(f"there is no table {schema}.invoices that this user may read: {_HOW}")
    if missing := [column for column in COLUMNS if column not in columns]:
        raise WrongUsage(f"{schema}.invoices lacks {', '.join(missing)}: {_HOW}")
    listed = ", ".join(f"cast({column} as text) as {column}" for column in COLUMNS)
    rows = read(f"select {listed} from fax.invoices order by {', '.join(COLUMNS)}")
    if not rows:
        raise WrongUsage(f"{schema}.invoices has no row: {_HOW}")
    return [(f"{schema}.invoices row {number}, ordered by all columns", row) for number, row in enumerate(rows, 1)]
