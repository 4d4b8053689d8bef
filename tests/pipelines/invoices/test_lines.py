"""What is wrong with the lines of an invoice is told with the file, the line and what to write."""

from pathlib import Path

import pytest

from pipelines.invoices import csv_file
from pipelines.invoices.lines import COLUMNS, parse_lines
from sources.errors import WrongUsage

HEADER = ",".join(COLUMNS)
PHAXIO = "phaxio,default,2026-10-01,2026-10-31"
KNOWN = [("phaxio", "default"), ("signalwire", "default")]
BAD = {
    "thousands": (f'{PHAXIO},USD,"1,234.56",faxes', "line 2: amount '1,234.56' is not an amount: write 1234.56"),
    "thousands, not quoted": (f"{PHAXIO},USD,1,234.56,faxes", "line 2: there are 8 cells for 7 columns: quote"),
    "a comma before the cents": (f'{PHAXIO},USD,"12,50",faxes', "line 2: amount '12,50' is not an amount"),
    "no number": (f"{PHAXIO},USD,nan,faxes", "line 2: amount 'nan' is not an amount"),
    "other digits": (f"{PHAXIO},USD,١.00,faxes", "line 2: amount '\\u0661.00' is not an amount"),
    "a long cell": (f"{PHAXIO},USD,{'9' * 99},faxes", "line 2: amount '9999999999999999999999999999999999999999...'"),
    "an unknown provider": ("fiax,default,2026-10-01,2026-10-31,USD,1,faxes", "line 2: 'fiax/default' is no account"),
    "an unknown account": ("phaxio,x,2026-10-01,2026-10-31,USD,1,faxes", "it holds phaxio/default, signalwire/default"),
    "another form of day": (
        "phaxio,default,10/01/2026,2026-10-31,USD,1,faxes",
        "period_from '10/01/2026' is not a day",
    ),
    "no such day": ("phaxio,default,2026-10-01,2026-10-32,USD,1,faxes", "period_to '2026-10-32' is not a day"),
    "the end before the start": ("phaxio,default,2026-10-31,2026-10-01,USD,1,faxes", "ends on 2026-10-01, before it"),
    "the last day there is": (
        "phaxio,default,2026-10-31,9999-12-31,USD,1,faxes",
        "period_to '9999-12-31' is not a day",
    ),
    "a sign as currency": (f"{PHAXIO},$,1,faxes", "currency '$' is not a currency: write USD"),
    "an unknown kind": (f"{PHAXIO},USD,1,minutes", "kind 'minutes' is not a kind: write one of faxes, numbers"),
    "an overlap": (
        f"{PHAXIO},USD,1,faxes\nphaxio,default,2026-10-15,2026-11-14,USD,1,faxes",
        "line 3: the period 2026-10-15 to 2026-11-14 of phaxio overlaps 2026-10-01 to 2026-10-31 of",
    ),
    "an overlap far apart": (
        "phaxio,default,2026-01-01,2026-12-31,USD,1,faxes\nphaxio,default,2026-02-01,2026-02-28,USD,1,faxes\n"
        f"{PHAXIO},USD,1,faxes",
        "line 4: the period 2026-10-01 to 2026-10-31 of phaxio overlaps 2026-01-01 to 2026-12-31",
    ),
    "an open quote": (f'{PHAXIO},USD,"1,faxes', "is not a CSV file"),
    "no line": ("", "has no invoice line below its header"),
}


@pytest.mark.parametrize(("lines", "expected"), BAD.values(), ids=BAD)
def test_a_bad_line_is_told_with_its_place(lines: str, expected: str, tmp_path: Path) -> None:
    assert expected in refusal(tmp_path, f"{HEADER}\n{lines}\n".encode())


BAD_FILES = {
    "a missing column": (HEADER.replace(",kind", "").encode(), "line 1: it lacks the columns kind"),
    "a column twice": (f"{HEADER},kind\n".encode(), "line 1: the column kind is there twice"),
    "nothing": (b"", "line 1: it lacks the columns provider, account"),
    "UTF-16": (HEADER.encode("utf-16"), "is not in UTF-8: save it as CSV UTF-8"),
    "nothing but empty rows": (b"sep=;\n;;;\n", "line 3: it lacks the columns provider, account"),
    "a cell too long": (f"{HEADER}\n{'x' * 200_000}\n".encode(), "is not a CSV file"),
}


@pytest.mark.parametrize(("content", "expected"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_told(content: bytes, expected: str, tmp_path: Path) -> None:
    assert expected in refusal(tmp_path, content)


def refusal(folder: Path, content: bytes) -> str:
    """Why a file with this content is refused; one line that names the file."""
    file = folder / "invoices.csv"
    file.write_bytes(content)
    with pytest.raises(WrongUsage) as refused:
        parse_lines(csv_file.read_cells(file), KNOWN)

    assert str(file) in str(refused.value)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("above", "delimiter"),
    [("sep=;\n", ";"), ('"sep=,"\r\n', ","), ("SEP=\t\n", "\t"), ("\n \n", ","), (";;;;;;\r\n\r\n", ";")],
)
def test_what_excel_writes_above_the_header_is_passed_over(above: str, delimiter: str, tmp_path: Path) -> None:
    lines = f"{HEADER}\n{PHAXIO},USD,1.00,faxes\n{PHAXIO},USD,2.00,tax\n".replace(",", delimiter)
    file = tmp_path / "invoices.csv"
    file.write_bytes((above + lines).encode("utf-8-sig"))
    first = above.count("\n") + 2

    read = parse_lines(csv_file.read_cells(file), KNOWN)
    assert [(line.place, str(line.amount)) for line in read] == [
        (f"{file} line {first}", "1.00"),
        (f"{file} line {first + 1}", "2.00"),
    ]
