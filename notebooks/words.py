"""What the notebook calls the rows of a view."""

from typing import Any

Row = dict[str, Any]


def destination(row: Row) -> str:
    """A country and area code, as `+1 206`."""
    if not row["country_code"]:
        return "no phone number"
    return " ".join(filter(None, (f"+{row['country_code']}", row["area_code"])))


def tag(row: Row) -> str:
    """The value of a tag."""
    if not row["is_tagged"]:
        return "without this tag" if row["name"] else "no tag at all"
    return row["value"] or ("–" if row["value"] is None else "(empty)")


def error(row: Row) -> str:
    """An error, as `phaxio lineError 34: No answer`."""
    known = " ".join(filter(None, (row["provider"], row["error_type"], row["error_code"])))
    return f"{known}: {row['error_message'] or 'no reason given'}"
