"""Months, each as the date of its first day."""

import argparse
import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo


def month(text: str) -> date:
    """A month given as an argument, such as 2026-10."""
    if re.fullmatch(r"(19|20)[0-9]{2}-(0[1-9]|1[0-2])", text):
        return date.fromisoformat(f"{text}-01")
    raise argparse.ArgumentTypeError(f"{text!r} is no month: try 2026-10")


def this_month(timezone: str) -> date:
    """The month that it is now in a time zone."""
    return datetime.now(ZoneInfo(timezone)).date().replace(day=1)


def month_after(month: date) -> date:
    """The next one."""
    return (month + timedelta(days=31)).replace(day=1)


def month_before(month: date) -> date:
    """The one before."""
    return (month - timedelta(days=1)).replace(day=1)


def days_of(month: date) -> list[date]:
    """Every day of it."""
    return [month + timedelta(days=passed) for passed in range((month_after(month) - month).days)]
