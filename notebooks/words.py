"""What the notebook calls the rows of a view."""

from typing import Any

Row = dict[str, Any]


def destination(row: Row) -> str:
    """A country and area code, as `+1 206`."""
    if not row["country_code"]:
        return "no phone number"
    return " ".join(filter(None, (f"+{row['country_code']}", row["area_code"])))


def tag(row: Row) -> str:
    """A tag, as `client: acme`."""
    if row["name"] is None:
        return "no tag at all"
    return f"{row['name']}: {row['value'] or ('–' if row['value'] is None else '(empty)')}"


def error(row: Row) -> str:
    """An error, as `phaxio lineError 34`."""
    return " ".join(filter(None, (row["provider"], row["error_type"], row["error_code"]))) + (
        "" if row["error_type"] or row["error_code"] else " (no reason given)"
    )
