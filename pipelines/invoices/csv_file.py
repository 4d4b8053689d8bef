"""Invoice lines in a CSV file: UTF-8, perhaps with a byte order mark; commas, semicolons or tabs between cells."""

import csv
import re
from collections.abc import Iterator
from io import StringIO
from itertools import takewhile
from pathlib import Path

import sources
from pipelines.config.accounts import DEFAULT
from pipelines.invoices.lines import COLUMNS, KINDS, USD, Cells, refuse
from sources.errors import WrongUsage

_ABOVE_HEADER = re.compile(r'"?sep=."?\s*|[\s,;]*', re.IGNORECASE)  # Excel's line about the delimiter; an empty row
_TEMPLATE = "the columns are those that reconcile.py --template prints"


def template() -> str:
    """A file to fill in: the header, and a line of each kind."""
    account = f"{sources.providers()[0]},{DEFAULT}"
    return "\n".join((",".join(COLUMNS), *(f"{account},2026-10-01,2026-10-31,{USD},0.00,{kind}" for kind in KINDS)))


def read_cells(file: Path) -> list[tuple[str, Cells]]:
    """The cells of each line by column, after the place of the line.

    Raises:
        WrongUsage: the file cannot be read, is no CSV file, or lacks a column.
    """
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise WrongUsage(f"{file} is not in UTF-8: save it as CSV UTF-8") from None
    except OSError as error:
        raise WrongUsage(f"{file} cannot be read: {error.strerror}: name a CSV file of invoice lines") from None
    try:
        return list(_lines(file, text))
    except csv.Error as error:
        raise WrongUsage(f"{file} is not a CSV file: {error}: {_TEMPLATE}") from None


def _lines(file: Path, text: str) -> Iterator[tuple[str, Cells]]:
    lines = StringIO(text).readlines()
    above = sum(1 for _ in takewhile(_ABOVE_HEADER.fullmatch, lines))
    first_line = "".join(lines[above : above + 1])
    delimiter = max(",;\t", key=first_line.count)
    reader = csv.reader(lines[above:], delimiter=delimiter, strict=True, skipinitialspace=True)
    header = [name.strip().lower() for name in next(reader, [])]
    if missing := [name for name in COLUMNS if name not in header]:
        raise WrongUsage(f"{file} line {above + 1}: it lacks the columns {', '.join(missing)}: {_TEMPLATE}")
    if twice := [name for name in COLUMNS if header.count(name) > 1]:
        raise WrongUsage(f"{file} line {above + 1}: the column {twice[0]} is there twice: remove one")
    problems, found = [], []
    for cells in reader:
        place = f"{file} line {above + reader.line_num}"
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) == len(header):
            found.append((place, dict(zip(header, cells, strict=True))))
        else:
            problems.append(
                f"{place}: there are {len(cells)} cells for {len(header)} columns: "
                f"quote a cell that contains {delimiter!r}, and write amounts as 1234.56"
            )
    refuse(problems)
    if not found:
        raise WrongUsage(f"{file} has no invoice line below its header: {_TEMPLATE}")
    yield from found
