"""Reads a list of numbered pages to its end, whatever the provider reports as its length and its page size."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain, count
from typing import Any, NamedTuple

from sources.errors import Refused
from sources.extract.background_call import in_parallel
from sources.extract.page import Page
from sources.records.coerce import coerce


class NumberedPage(NamedTuple):
    """A page, and what its response reports: the size of a full page, and the number of pages."""

    page: Page
    size: int | None = None
    pages: int | None = None


def numbered_pages(
    fetch: Callable[[int], NumberedPage], page_size: int, max_records: int, connections: Callable[[], int]
) -> Iterator[Page]:
    """The pages, from number 1 on, each requested with `page_size` records.

    A provider may send smaller pages than requested, and report another size than it sends, or none. So the last page
    is the first empty one, or the first that is not full once the provider's count of faxes, or else of pages, is
    reached.

    No page goes beyond fax number `max_records`. If there is no count, the last page before that is `beyond_count`.
    The pages of a counted list are fetched in parallel.

    A full last page is followed by a request for one more. A provider may refuse it, or send the last page again.

    A provider's count may ignore the bounds of the query. So a count beyond `max_records` on the last page of a list is
    not `beyond_count`: the list ends there, and a shorter window would have the same count.
    """
    seen = longest = 0
    is_reached = False  # the provider's count
    before: NumberedPage | None = None
    fetched = _fetched(fetch, max_records, connections)
    for number in count(1):
        try:
            numbered = next(fetched)
        except Refused:
            if is_reached:
                return
            raise
        if is_reached and numbered == before:
            return
        before, (page, size, pages) = numbered, numbered
        length = len(page.records)
        seen, longest = seen + length, max(longest, length)
        at_limit = (number + 1) * longest > max_records
        is_full = length >= (size if size and size > 0 else page_size)
        if page.beyond_count and page.total is not None and not is_full and _is_last(fetch, number, length):
            yield replace(page, beyond_count=False)
            return
        yield replace(page, beyond_count=page.beyond_count or (page.total is None and at_limit and length == longest))
        is_reached = (bool(pages) if page.total is None else seen >= page.total) and number >= (pages or 0)
        if not length or at_limit or (is_reached and not is_full):
            return


def whole_number(value: Any) -> int | None:
    """The whole number that a provider reports, also as text; None if the value is something else."""
    try:
        number: int | None = coerce(value, "bigint")
    except ValueError:
        return None
    return number


def _is_last(fetch: Callable[[int], NumberedPage], number: int, length: int) -> bool:
    """No page with records follows the page of this number, which has `length` records."""
    try:
        return not length or not fetch(number + 1).page.records
    except Refused:
        return True


def _fetched(
    fetch: Callable[[int], NumberedPage], max_records: int, connections: Callable[[], int]
) -> Iterator[NumberedPage]:
    """The pages without end. Those within the first page's count are fetched in parallel."""
    first = fetch(1)
    size, total = len(first.page.records), first.page.total
    last = max(1, min(total // size + 1, max_records // size)) if size and total and not first.page.beyond_count else 1
    counted = in_parallel((partial(fetch, number) for number in range(2, last + 1)), connections())
    return chain([first], counted, map(fetch, count(last + 1)))
