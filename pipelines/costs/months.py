"""Months, each given as the date of its first day."""

import argparse
import re
from datetime import date, datetime, timedelta

from pipelines.config.settings import time_zone


def month(text: str) -> date:
    """The month in an argument such as 2026-10.

    Raises:
        ArgumentTypeError: the argument is not a month.
    """
    if re.fullmatch(r"(19|20)[0-9]{2}-(0[1-9]|1[0-2])", text):
        return date.fromisoformat(f"{text}-01")
    raise argparse.ArgumentTypeError(f"{text!r} is not a month: write 2026-10")


def this_month(timezone: str) -> date:
    """The current month in a time zone."""
    return datetime.now(time_zone(timezone)).date().replace(day=1)


def month_after(month: date) -> date:
    """The next month."""
    return (month + timedelta(days=31)).replace(day=1)


def month_before(month: date) -> date:
    """The previous month."""
    return (month - timedelta(days=1)).replace(day=1)


def days_of(month: date) -> list[date]:
    """Every day of the month, in order."""
    return [month + timedelta(days=days) for days in range((month_after(month) - month).days)]
