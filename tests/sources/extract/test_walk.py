"""Walking a span: every fax is read once, however the provider reads bounds, and every proof is true."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sources.records.row_buffer
from sources.errors import ContractError
from sources.extract.page import Page
from sources.extract.window_reader import WindowReader
from sources.extract.window_result import WindowResult
from sources.extract.window_sizing import BoundSemantics
from sources.extract.window_walker import Walker
from sources.fakes.time import US_CENTRAL, midnight, span
from sources.http.usage import Usage, counts_for
from sources.load.ledger import windows_table
from sources.phaxio.columns import FAXES
from sources.window import SECOND, Window, rfc3339

START = datetime(2024, 10, 28, tzinfo=UTC)
END = datetime(2024, 11, 8, 13, 30, tzinfo=UTC)
SPAN = Window(START, END)
INSTANT = Window(START, START + SECOND)  # too short to be read in pieces
Fetch = Callable[[Window], Iterator[Page]]
BOUNDS = ("inclusive", "exclusive")
ZONES = {"UTC": UTC, "US Central": US_CENTRAL}


def account(
    times: list[datetime],
    bounds: str = "inclusive",
    read_as: str = "instants",
    zone: str = "UTC",
    counted: int = 10_000,
    asked: list[Window] | None = None,
    served: int = 1_000_000,
) -> Fetch:
    """A provider with a fax at each of these times. It counts `counted` (-1: no total), lists `served`."""
    faxes = [(at, {"id": number, "created_at": at.isoformat(), "status": "success"}) for number, at in enumerate(times)]

    def fetch(window: Window) -> Iterator[Page]:
        if asked is not None:
            asked.append(window)
        after, before = (
            datetime.fromisoformat(rfc3339(bound)).astimezone(ZONES[zone]) for bound in (window.start, window.end)
        )
        first, end = span(after, before, bounds, read_as)
        found = [fax for at, fax in faxes if first <= at < end]
        pages = [found[at : at + 7] for at in range(0, min(len(found), served), 7)] or [[]]
        yield from (Page(page, None if counted < 0 else len(found), 0 <= counted < len(found)) for page in pages)

    return fetch


def walk(fetch: Fetch, widest: timedelta = timedelta(days=4000), walked_span: Window = SPAN) -> list[WindowResult]:
    return list(Walker(WindowReader(fetch, FAXES, "default"), widest).walk(walked_span))


def taken(walks: list[WindowResult]) -> list[int]:
    """The ids of all windows; an id occurs once for each window that took the fax."""
    return sorted(id for walked in walks for id in walked.faxes)


moments = st.datetimes(START.replace(tzinfo=None), END.replace(tzinfo=None) - SECOND).map(
    lambda at: at.replace(microsecond=0, tzinfo=UTC)
)
midnights = st.sampled_from(
    [midnight(START.astimezone(zone)) + timedelta(days=n) for zone in ZONES.values() for n in range(2, 10)]
)
times_of_creation = st.lists(
    st.one_of(moments, midnights, moments.map(lambda at: at + timedelta(milliseconds=999))), max_size=25
)


@given(
    times=times_of_creation,
    bounds=st.sampled_from(BOUNDS),
    read_as=st.sampled_from(("instants", "dates")),
    zone=st.sampled_from(sorted(ZONES)),
    counted=st.sampled_from((-1, 3, 20, 10_000)),
    widest=st.sampled_from((timedelta(hours=5), timedelta(days=3), timedelta(days=4000))),
)
@settings(deadline=None, max_examples=60)
def test_every_fax_is_taken_exactly_once_however_bounds_are_read(
    times: list[datetime], bounds: str, read_as: str, zone: str, counted: int, widest: timedelta
) -> None:
    walks = walk(account(times, bounds, read_as, zone, counted), widest)

    assert taken(walks) == list(range(len(times)))
    assert (walks[0].window.start, walks[-1].window.end) == (START, END)
    assert all(one.window.end == two.window.start for one, two in pairwise(walks))


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("read_as", ["instants", "dates"])
def test_faxes_at_the_bounds_are_taken(bounds: str, zone: str, read_as: str) -> None:
    seconds = timedelta(seconds=1)
    times = [START, START + seconds, END - seconds, *(START + timedelta(days=days) for days in range(1, 11))]
    walks = walk(account(times, bounds, read_as, zone), timedelta(days=1))

    assert taken(walks) == list(range(len(times)))


@pytest.mark.parametrize("dense_hours", [10, 240])
def test_windows_are_split_until_the_provider_counts_them(dense_hours: int) -> None:
    times = [START + timedelta(hours=3) + timedelta(hours=dense_hours) * (number / 600) for number in range(600)]
    walks = walk(account(times, counted=100, served=100))

    assert taken(walks) == list(range(600))
    assert {walked.proof for walked in walks} == {"counted"}


def test_more_faxes_in_one_second_than_are_counted_are_taken_and_unproven() -> None:
    dense = START + timedelta(days=1)
    times = [dense] * 30 + [START + timedelta(hours=hours) for hours in range(24 * 11)]
    walks = walk(account(times, counted=20))

    unproven = [walked for walked in walks if walked.proof == "unproven"]
    assert taken(walks) == list(range(len(times)))
    assert {walked.window.length for walked in unproven} == {SECOND}
    assert any(dense in walked.window for walked in unproven)


def test_a_second_beside_a_crowd_is_proven_although_nothing_is_known_of_bounds() -> None:
    second = Window(END - SECOND, END)
    crowd = [END - timedelta(minutes=minutes) for minutes in range(1, 100)]
    (walked,) = walk(account([*crowd, second.start], counted=50), walked_span=second)

    assert (walked.proof, walked.rows_taken) == ("counted", 1)


def test_a_provider_without_totals_is_walked_and_not_counted() -> None:
    walks = walk(account([START, START + timedelta(days=3)], counted=-1))

    assert {("walked", None)} == {(walked.proof, walked.total) for walked in walks}


def test_a_window_whose_total_changes_is_read_again() -> None:
    totals = iter([[5, 6], [6, 6]])

    def fetch(window: Window) -> Iterator[Page]:
        for number, total in enumerate(next(totals)):
            yield Page([record(number * 3 + at) for at in range(3)], total)

    (walked,) = walk(fetch)

    assert (walked.proof, walked.total, walked.rows_seen, list(totals)) == ("counted", 6, 6, [])


def record(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": number, "created_at": (START + timedelta(hours=number)).isoformat(), **fields}


def record_of_instant(number: int, **fields: Any) -> dict[str, Any]:
    return record(number, created_at=START.isoformat(), **fields)


def test_a_window_whose_total_never_matches_is_read_three_times_and_unproven() -> None:
    fetches: list[Window] = []

    def fetch(window: Window) -> Iterator[Page]:
        fetches.append(window)
        yield Page([record(1)], 2)

    (walked,) = walk(fetch)

    assert (walked.proof, walked.total, walked.rows_seen, len(fetches)) == ("unproven", 2, 1, 3)


def test_of_two_versions_of_one_fax_the_later_one_counts() -> None:
    def fetch(window: Window) -> Iterator[Page]:
        yield Page([record_of_instant(1, status="queued"), record_of_instant(2)])
        yield Page([record_of_instant(3), record_of_instant(1, status="success")])

    (walked,) = walk(fetch, walked_span=INSTANT)

    rows = walked.rows(FAXES, "default", {walked.faxes[1]})
    assert rows.tables["faxes"]["status"].to_pylist() == ["success"]


@pytest.mark.parametrize("connections", [1, 4])
def test_a_dense_window_splits_only_itself(connections: int) -> None:
    quiet = [START + timedelta(minutes=20 * number) for number in range(780)]
    dense = [START + timedelta(days=6, seconds=number) for number in range(3_000)]
    asked: list[Window] = []
    fetch = account(quiet + dense, counted=400, asked=asked)
    walks = list(Walker(WindowReader(fetch, FAXES, "default"), timedelta(days=2), lambda: connections).walk(SPAN))

    assert taken(walks) == list(range(3_780))
    assert len(asked) <= 3 * len(walks)


def test_a_cancelled_window_is_requested_once() -> None:
    asked: list[Window] = []
    WindowReader(account([START] * 30, asked=asked), FAXES, "default").read(SPAN, False, is_wanted=lambda: False)

    assert len(asked) == 1


@pytest.mark.parametrize("counted", [100, 400])
@pytest.mark.parametrize("read_as", ["instants", "dates"])
def test_an_empty_history_before_a_dense_day_is_not_cut_to_pieces(counted: int, read_as: str) -> None:
    times = [END - timedelta(hours=12, minutes=number) for number in range(counted + 20)]
    walks = walk(account(times, read_as=read_as, counted=counted), walked_span=Window(END - timedelta(days=4_000), END))

    assert taken(walks) == list(range(len(times)))
    assert sum(not walked.rows_taken for walked in walks) <= 20


def test_a_fax_that_changes_back_during_a_reading_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources.records.row_buffer, "MAX_UNCONVERTED", 2)
    called, other = {"tags": {"a": "1"}, "num_pages": 3}, {"tags": {}, "num_pages": "many"}
    readings = [
        record_of_instant(1, **called),
        record_of_instant(2),
        record_of_instant(3),
        record_of_instant(1, **other),
        record_of_instant(4),
        record_of_instant(5),
        record_of_instant(1, **called),
    ]

    pages = [Page([reading, record_of_instant(10 + at)]) for at, reading in enumerate(readings)]
    (walked,) = walk(lambda window: iter(pages), walked_span=INSTANT)

    rows = walked.rows(FAXES, "default", {*walked.faxes.values()})
    sheets = dict(zip(*(rows.tables["faxes"][name].to_pylist() for name in ("id", "num_pages")), strict=True))
    assert (len(sheets), rows.tables["faxes"].num_rows, sheets[1], rows.problems) == (12, 12, 3, [])
    assert rows.tables["fax_tags"]["fax_id"].to_pylist() == [1]


@pytest.mark.parametrize("counted", [100, 400])
def test_windows_halve_towards_a_dense_day_at_the_end_of_an_empty_history(counted: int) -> None:
    times = [END - timedelta(minutes=number) for number in range(1, 1_001)]
    asked: list[Window] = []
    walks = walk(account(times, counted=counted, asked=asked), walked_span=Window(END - timedelta(days=4_000), END))

    too_dense = [window for window in asked if sum(at in window for at in times) > counted]
    assert taken(walks) == list(range(len(times)))
    assert all(two.length < 0.6 * one.length for one, two in pairwise(too_dense) if one.length > timedelta(days=20))


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("counted", [100, 10_000])
def test_requests_are_counted_for_their_window(connections: int, counted: int) -> None:
    pages: list[Window] = []
    fetch = account([START + timedelta(minutes=20 * number) for number in range(780)], counted=counted)

    def counting(window: Window) -> Iterator[Page]:
        for page in fetch(window):
            _, tally = counts_for(Usage())
            tally.requests += 1
            pages.append(window)
            yield page

    walks = list(Walker(WindowReader(counting, FAXES, "default"), timedelta(days=2), lambda: connections).walk(SPAN))

    assert sum(walked.usage.requests for walked in walks) == len(pages)
    assert min(walked.usage.requests for walked in walks) >= 1
    if counted == 10_000:
        assert [walked.usage.requests for walked in walks] == [count for _, count in sorted(Counter(pages).items())]


def test_the_ledger_has_the_first_and_the_last_total_of_an_unproven_window() -> None:
    def fetch(window: Window) -> Iterator[Page]:
        yield Page([record(1)], 5)
        yield Page([record(2)], 6)
        yield Page([record(3)], 9)

    (walked,) = walk(fetch)
    row = windows_table("default", "run", [(walked, {})]).to_pylist()[0]

    assert (walked.proof, row["provider_total"], row["provider_total_last"]) == ("unproven", 5, 9)


@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.parametrize("is_random", [False, True])
def test_faxes_of_one_second_whose_order_changes_from_page_to_page_are_all_read(counted: bool, is_random: bool) -> None:
    faxes = [record(number, created_at=(START + timedelta(minutes=number // 3)).isoformat()) for number in range(100)]
    order = Random(1)

    def fetch(window: Window) -> Iterator[Page]:
        found = [fax for fax in faxes if window.start <= datetime.fromisoformat(fax["created_at"]) <= window.end]
        for page in range(max(1, -(-len(found) // 7))):
            ranks = order if is_random else Random(page)
            listed = sorted(found, key=lambda fax: (fax["created_at"], ranks.random()))
            yield Page(listed[page * 7 :][:7], len(found) if counted else None)

    walks = walk(fetch)

    assert taken(walks) == list(range(100))
    assert {walked.proof for walked in walks} == {"counted" if counted else "walked"}


def test_windows_after_an_unordered_one_have_about_a_page() -> None:
    times = [START + timedelta(minutes=20 * (number // 7)) for number in range(5000)]
    faxes = [record(number, created_at=at.isoformat()) for number, at in enumerate(times)]
    order, requests = Random(1), list[Window]()

    def fetch(window: Window) -> Iterator[Page]:
        found = [fax for fax in faxes if window.start <= datetime.fromisoformat(fax["created_at"]) <= window.end]
        for page in range(max(1, -(-len(found) // 100))):
            requests.append(window)
            listed = sorted(found, key=lambda fax: (fax["created_at"], order.random()))
            yield Page(listed[page * 100 :][:100])

    walks = walk(fetch)

    assert taken(walks) == list(range(5000))
    assert len(requests) < 2 * 5000 / 100


def test_a_page_with_only_earlier_records_has_the_window_read_again() -> None:
    walks = iter([[(0, 1), (2, 3), (3,)], [(9, 0), (1, 2), (3,)]])

    def fetch(window: Window) -> Iterator[Page]:
        for numbers in next(walks):
            yield Page([record_of_instant(number) for number in numbers])

    reader = WindowReader(fetch, FAXES, "default", semantics=BoundSemantics(compares_instants=True))
    walked = reader.read(INSTANT, takes_newer=False)

    assert (walked.proof, sorted(walked.faxes)) == ("walked", [0, 1, 2, 3, 9])


def test_a_page_that_repeats_in_each_reading_is_a_circle() -> None:
    readings: list[Window] = []

    def fetch(window: Window) -> Iterator[Page]:
        readings.append(window)
        for numbers in ((0, 1), (2, 3), (0, 1)):
            yield Page([record(number) for number in numbers])

    with pytest.raises(ContractError, match="circle"):
        walk(fetch)
    assert len(readings) == 3


@pytest.mark.parametrize("total", [None, 4])
def test_a_page_shifted_by_new_faxes_is_no_circle(total: int | None) -> None:
    readings = iter([[(0, 1), (0, 1), (2, 3)], [(8, 9), (0, 1), (2, 3)]])

    def fetch(window: Window) -> Iterator[Page]:
        pages = next(readings)
        for number, numbers in enumerate(pages):
            claimed = None if total is None else total + 2 * (pages[0] == (8, 9) or number > 0)
            yield Page([record(number) for number in numbers], claimed)

    (walked,) = walk(fetch)

    assert (walked.proof, sorted(walked.faxes)) == ("counted" if total else "walked", [0, 1, 2, 3, 8, 9])


def test_pages_with_the_same_records_in_other_orders_end_the_walk() -> None:
    served: list[int] = []

    def fetch(window: Window) -> Iterator[Page]:
        for numbers in permutations(range(6)):
            served.append(1)
            yield Page([record(number) for number in numbers])

    with pytest.raises(ContractError, match="nothing new"):
        walk(fetch)
    assert len(served) <= 120  # a hundred, and what splitting the window takes


def test_unsorted_pages_are_all_read_although_one_lies_outside() -> None:
    far = [record(-24 * days) for days in (300, 200, 250)]
    pages = [[record(50), record(20)], far, [record(10)]]

    (walked,) = walk(lambda window: iter([Page(page) for page in pages]))

    assert sorted(walked.faxes) == [10, 20, 50]


@pytest.mark.parametrize("newest_first", [False, True])
def test_sorted_pages_are_read_until_they_have_passed_the_window(newest_first: bool) -> None:
    hours = [-9_000, -8_000, -7_000, *range(10, 50), 7_000, 8_000, 9_000]
    if newest_first:
        hours.reverse()
    pages = [hours[3:43], hours[43:45], hours[45:]]
    read: list[list[int]] = []

    def fetch(window: Window) -> Iterator[Page]:
        for page in pages:
            read.append(page)
            yield Page([record(hour) for hour in page])

    (walked,) = walk(fetch)

    assert (sorted(walked.faxes), len(read)) == ([*range(10, 50)], 2)


def test_a_few_faxes_in_order_by_accident_end_no_list() -> None:
    pages = [[record(10)], [record(-9_000)], [record(-8_500), record(20)]]

    (walked,) = walk(lambda window: iter([Page(page) for page in pages]))

    assert sorted(walked.faxes) == [10, 20]
