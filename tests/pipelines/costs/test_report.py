"""The report: its figures are the warehouse's to the cent, on one screen, whatever else is going on."""

import csv
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dlt.destinations.exceptions import DatabaseException

import sources
import sources.phaxio.fake
from pipelines.costs.money import change, dollars
from pipelines.warehouse import read_only
from sources.errors import FaxSyncError
from tests.conftest import ROOT, Query, ServeFake, Settings, Sync, generated
from tests.support.commands.made_files import sync_once
from tests.support.commands.report_command import Reporting, total
from tests.support.environment import child_environment
from tests.support.servers.postgres import Server
from tests.support.warehouse.file_and_database import File

READ_TO = datetime.now(UTC) - timedelta(hours=1)  # by each sync, so that no test depends on when midnight is
THIS, LAST = f"{READ_TO:%Y-%m}", f"{READ_TO.replace(day=1) - timedelta(days=1):%Y-%m}"
UNTIL = ("--until", f"{READ_TO:%Y-%m-%dT%H:%M:%S}")
REPORT = ROOT / "pipelines" / "report.py"
HOSTILE = {"[bold red]\x1b[2J": "[/]\u202e=cmd", "client": "acme\r\n"}
COUNTED = ("open_faxes", "unpriced_faxes", "pages", "cost_usd")
OF_MONTH = "not is_test and strftime(created_at, '%Y-%m') = ?"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every provider over a hundred days, some faxes open; one customer means ill by his tags."""
    file = tmp_path_factory.mktemp("made") / "warehouse.duckdb"
    since = READ_TO - timedelta(days=1)
    records = {name: generated(name, 250, days=100, open_from=since) for name in sources.providers()}
    for fax in records["phaxio"][::2]:
        fax["tags"] = HOSTILE
    for fax in records["sinch"][::10]:
        fax["price"] = fax["price"] and fax["price"] | {"currencyCode": "EUR"}
    sync_once(file, records, *UNTIL)
    return file


@pytest.fixture
def filled(made: Path, warehouse: Path) -> None:
    shutil.copy(made, warehouse)


@pytest.mark.slow
@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("month", [THIS, LAST], ids=["this month", "last month"])
def test_every_figure_is_the_sum_over_the_faxes(month: str, report: Reporting, query: Query) -> None:
    found = report.figures("--month", month)
    [(faxes, still, unpriced, pages, cost)] = query(
        "select count(*), count(*) filter (not is_final),"
        " count(*) filter (outcome = 'delivered' and is_final and cost_usd is null),"
        " coalesce(sum(num_pages), 0), coalesce(sum(cost_usd), 0)"
        f" from fax.faxes where {OF_MONTH}",
        month,
    )
    [(deliveries, delivered, failed, cost_of_failed)] = query(
        "select count(*), count(*) filter (outcome = 'delivered'), count(*) filter (outcome = 'failed'),"
        " coalesce(sum(cost_usd) filter (outcome = 'failed'), 0)"
        f" from fax.fax_recipients where {OF_MONTH}",
        month,
    )

    assert (found["faxes"], found["open_faxes"], found["pages"]) == (faxes, still, pages)
    assert found["unpriced_faxes"] == unpriced
    assert (found["deliveries"], found["delivered"], found["failed"]) == (deliveries, delivered, failed)
    assert [total([found]), *(total(found[part]) for part in ("accounts", "days", "breakdown"))] == [cost] * 4
    assert (sum(row["failures"] for row in found["failures"]), total(found["failures"])) == (failed, cost_of_failed)
    assert month == THIS or min(cost, failed, cost_of_failed, unpriced) > 0


@pytest.mark.slow
@pytest.mark.usefixtures("filled")
def test_this_month_is_held_against_the_same_days_of_the_last_one(report: Reporting, query: Query) -> None:
    found, whole = report.figures("--month", THIS), report.figures("--month", LAST)
    spent = f"select coalesce(sum(cost_usd), 0) from fax.faxes where {OF_MONTH}"
    [(before,)] = query(f"{spent} and extract(day from created_at) <= ?", LAST, READ_TO.day)
    [(forecast,)] = query("select sum(forecast_usd) from fax.month_to_date")

    assert (found["month"], found["is_open"], whole["is_open"]) == (THIS, True, False)
    assert (Decimal(found["before_usd"]), found["before_total_usd"]) == (before, whole["cost_usd"])
    assert Decimal(found["forecast_usd"]) == forecast
    assert whole["forecast_usd"] == whole["cost_usd"]


@pytest.mark.usefixtures("filled")
def test_without_a_month_it_shows_the_current_one(report: Reporting) -> None:
    before, shown, after = datetime.now(UTC), report.figures()["month"], datetime.now(UTC)

    assert shown in {f"{before:%Y-%m}", f"{after:%Y-%m}"}


@pytest.mark.slow
@pytest.mark.usefixtures("filled")
def test_an_account_that_was_not_read_to_the_end_of_the_month_leaves_it_open(
    report: Reporting, query: Query, warehouse: Path
) -> None:
    middle = (READ_TO.replace(day=1) - timedelta(days=1)).replace(day=12, hour=12)
    File(warehouse).write("update fax_phaxio.sync_windows set to_at = least(to_at, ?)", middle)
    found = report.figures("--month", LAST)
    phaxio, *others = sorted(found["accounts"], key=lambda one: str(one["provider"]))
    [(forecast, before)] = query(
        "select forecast_usd, last_month_cost_usd from fax.month_to_date where provider = 'phaxio'"
    )

    assert found["is_open"]
    assert (phaxio["is_over"], phaxio["through_day"]) == (False, f"{middle:%Y-%m-%d}")
    assert (phaxio["forecast_usd"], phaxio["before_usd"]) == (str(forecast), str(before))
    assert [(one["is_over"], one["forecast_usd"]) for one in others] == [(True, one["cost_usd"]) for one in others]
    assert Decimal(found["forecast_usd"]) == forecast + total(others)
    assert f"{forecast + total(others):,.2f} at this pace" in report("--month", LAST)[1]
    assert "phaxio has not been read in this month yet" in report("--month", THIS)[1]


@pytest.mark.usefixtures("filled")
def test_by_tag_a_fax_counts_under_each_of_its_tags_or_as_untagged(report: Reporting, query: Query) -> None:
    found = report.figures("--month", LAST, "--by", "tag")["breakdown"]
    of_tags = "fax.faxes as f left join fax.fax_tags as t on t.provider = f.provider and t.fax_id = f.id"
    expected = query(
        "select f.provider, t.name, t.value, count(*), coalesce(sum(cost_usd), 0)"
        f" from {of_tags} where {OF_MONTH} group by all",
        LAST,
    )

    assert sorted(expected, key=repr) == sorted(
        ((row["provider"], row["name"], row["value"], row["faxes"], Decimal(row["cost_usd"])) for row in found),
        key=repr,
    )


@pytest.mark.slow
@pytest.mark.usefixtures("filled")
def test_one_tag_one_number_or_one_account_shows_its_costs_only(report: Reporting, query: Query) -> None:
    counted = f"select count(*), sum(cost_usd) from fax.fax_recipients where {OF_MONTH}"
    of_value = "id in (select fax_id from fax.fax_tags where name = 'client' and value like 'acme%')"
    [(number,)] = query(
        "select other_number from fax.cost_by_number where month = ? order by cost_usd desc limit 1", f"{LAST}-01"
    )
    whole = report.figures("--month", LAST)
    by_number = report.figures("--month", LAST, "--number", number)["breakdown"]
    by_name = report.figures("--month", LAST, "--tag", "client")["breakdown"]
    by_value = report.figures("--month", LAST, "--tag", "client=acme\r\n")["breakdown"]
    of_account = report.figures("--month", LAST, "--account", "phaxio")
    names = [row["name"] for row in report.figures("--month", LAST, "--by", "tag")["breakdown"]]

    assert [(sum(row["deliveries"] for row in by_number), total(by_number))] == query(
        f"{counted} and ? in (phone_number, own_number)", LAST, number
    )
    assert total(by_name) == Decimal(whole["cost_usd"])
    assert [(sum(row["faxes"] for row in by_value), total(by_value))] == query(
        f"select count(*), sum(cost_usd) from fax.faxes where {OF_MONTH} and {of_value}", LAST
    )
    assert [(of_account["faxes"], total([of_account]))] == query(
        f"select count(*), sum(cost_usd) from fax.faxes where {OF_MONTH} and provider = 'phaxio'", LAST
    )
    assert {row["provider"] for part in ("accounts", "breakdown", "failures") for row in of_account[part]} == {"phaxio"}
    assert total(of_account["days"]) == total([of_account])
    assert [name for name, before in zip(names[1:], names, strict=False) if name != before] == list(
        dict.fromkeys(names)
    )[1:]
    assert "client=acme" in report("--month", LAST, "--tag", "client=acme\r\n")[1]


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("number", ["2065550100", "+10000000000"])
def test_a_number_without_its_country_code_is_told_to_lack_it(number: str, report: Reporting) -> None:
    shown = report("--month", LAST, "--number", number)[1]

    assert ("a number begins with + and the country code" in " ".join(shown.split())) == (number[0] != "+")


@pytest.mark.usefixtures("filled")
def test_the_forecast_says_that_it_and_its_range_are_two_ways(report: Reporting) -> None:
    assert " at this pace" in report("--month", THIS)[1]


def test_faxes_without_the_tag_are_told_from_those_whose_value_is_empty(
    report: Reporting, serve_fake: ServeFake, sync: Sync, tmp_path: Path
) -> None:
    tags: tuple[dict[str, str], ...] = ({"job": "7"}, {"job": ""}, {"": "x"}, {})
    of_month = {"created_at": READ_TO.isoformat(timespec="seconds"), "is_test": False}
    faxes = generated("phaxio", len(tags))
    serve_fake("phaxio", [fax | of_month | {"tags": own} for fax, own in zip(faxes, tags, strict=True)])
    sync()
    file = tmp_path / "tags.csv"
    found = report.figures("--month", THIS, "--tag", "job")["breakdown"]
    report("--month", THIS, "--by", "tag", "--csv", str(file))
    shown = report("--month", THIS, "--tag", "job")[1] + report("--month", THIS, "--by", "tag")[1]

    assert {row["value"]: (row["is_tagged"], row["faxes"]) for row in found} == {
        "7": (True, 1),
        "": (True, 1),
        None: (False, 2),
    }
    assert file.read_text("utf-8").splitlines()[0].startswith("month,provider,account,name,is_tagged,value,faxes,")
    assert re.search(r"job +\(empty\) ", shown)
    assert re.search(r"job +without this tag ", shown)
    assert re.search(r"\(empty\) +x ", shown)
    assert re.search(r"no tag at all +– ", shown)


@pytest.mark.usefixtures("filled")
def test_csv_holds_the_rows_exactly_for_nobody_else_to_read(report: Reporting, query: Query, tmp_path: Path) -> None:
    file = tmp_path / "costs" / "fax.csv"
    file.parent.mkdir()
    file.write_text("of the run before")
    file.chmod(0o644)
    exit_code, out, _ = report("--month", LAST, "--by", "account", "--csv", str(file))
    with file.open(encoding="utf-8", newline="") as opened:
        lines = list(csv.reader(opened))

    assert (exit_code, out) == (0, "")
    assert lines[0] == ["month", "provider", "account", "direction", "faxes", *COUNTED]
    assert lines[1:] == [
        ["" if value is None else str(value) for value in row]
        for row in query(
            "select * from fax.monthly_costs where strftime(month, '%Y-%m') = ? order by cost_usd desc, 1, 2, 3, 4",
            LAST,
        )
    ]
    assert (stat.S_IMODE(file.stat().st_mode), [*file.parent.iterdir()]) == (0o600, [file])


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("script") is None, reason="there is no script(1) to give a terminal")
@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(("columns", "by"), [(80, "number"), (80, "tag"), (200, "account")])
def test_it_fits_one_screen_of_a_terminal(columns: int, by: str, settings: Settings) -> None:
    report = shlex.join([sys.executable, str(REPORT), "--by", by, "--month", LAST])
    command = f"stty cols {columns} rows 50; {report}"
    env = child_environment(settings, TERM="xterm", PATH=os.environ["PATH"])
    shown = subprocess.run(["script", "-qec", command, "/dev/null"], env=env, capture_output=True, check=True)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown.stdout.decode()).splitlines()

    assert b"\x1b[" in shown.stdout
    assert max(map(len, lines)) <= min(columns, 100)
    assert len(lines) <= 45


@pytest.mark.slow
@pytest.mark.usefixtures("filled")
def test_without_a_place_to_print_to_it_ends_well(settings: Settings) -> None:
    command = f"{shlex.join([sys.executable, str(REPORT), '--month', LAST])} >&-"
    ended = subprocess.run(["sh", "-c", command], env=child_environment(settings), capture_output=True, check=False)

    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.usefixtures("filled")
def test_without_a_terminal_it_is_plain(report: Reporting) -> None:
    _, out, _ = report("--month", LAST)

    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 100


@pytest.mark.usefixtures("filled")
def test_what_customers_write_is_shown_and_not_obeyed(report: Reporting) -> None:
    of_phaxio = [report("--by", "tag", "--account", "phaxio", "--month", month) for month in (THIS, LAST)]
    for _, out, _ in of_phaxio:
        assert "\x1b" not in out
        assert "\r" not in out
        assert "\u202e" not in out
    assert any("[bold red]\N{REPLACEMENT CHARACTER}[2J" in shown[1] for shown in of_phaxio)


@pytest.mark.usefixtures("filled")
def test_what_reads_a_file_cannot_write(settings: Settings, monkeypatch: pytest.MonkeyPatch, warehouse: Path) -> None:
    before = warehouse.read_bytes()
    refuse_to_write(settings, monkeypatch)

    assert warehouse.read_bytes() == before


@pytest.mark.slow
@pytest.mark.usefixtures("database")
def test_what_reads_postgres_cannot_write(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_to_write(settings, monkeypatch)


def refuse_to_write(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(FaxSyncError) as refused, read_only.opened() as read:
        read("create table written_by_a_report (made integer)")

    assert isinstance(refused.value.__cause__, DatabaseException)
    assert "read-only" in str(refused.value.__cause__)


@pytest.mark.slow
def test_postgres_tells_the_same(
    report: Reporting, serve_fake: ServeFake, sync: Sync, settings: Settings, postgres: Server
) -> None:
    for provider in sources.providers():
        serve_fake(provider, generated(provider, 100, days=50))
    months = [(month, by) for month in (THIS, LAST) for by in ("number", "tag", "account")]
    told = []
    for destination in ({}, postgres.settings(postgres.create())):
        settings |= destination
        assert sync(*UNTIL).exit_code == 0
        told.append([comparable(report.figures("--month", month, "--by", by)) for month, by in months])

    assert told[0] == told[1]


def comparable(figures: dict[str, Any]) -> dict[str, Any]:
    """The figures, with their rows in an order that no collation decides."""
    return figures | {name: sorted(map(repr, figures[name])) for name in ("breakdown", "failures")}


OLDER = ("drop view fax.balances", "create or replace view fax.balances as select 1 as day")


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("older", OLDER, ids=["no view", "no column"])
def test_views_of_an_older_version_are_told_from_a_damaged_file(older: str, report: Reporting, warehouse: Path) -> None:
    File(warehouse).write(older)
    exit_code, _, told = report()

    assert (exit_code, "the views in fax are missing, or older than this report: run " in told) == (69, True), told


@pytest.mark.slow
def test_a_file_that_is_locked_is_waited_for_and_then_left(
    serve_fake: ServeFake, sync: Sync, settings: Settings, warehouse: Path
) -> None:
    serve_fake("phaxio", generated("phaxio", 3))
    sync()
    command = [sys.executable, str(REPORT), "--json"]
    with duckdb.connect(str(warehouse)):
        given_up = subprocess.run(
            command,
            env=child_environment(settings, SYNC__BUSY_SECONDS="0.2"),
            capture_output=True,
            text=True,
            check=False,
        )

    assert (given_up.returncode, given_up.stdout) == (75, "")
    assert "waiting up to 0.2 seconds" in given_up.stderr
    assert "open in another program" in given_up.stderr
    assert "Traceback" not in given_up.stderr

    holder = duckdb.connect(str(warehouse))
    environment = child_environment(settings, SYNC__BUSY_SECONDS="60")
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as waiting:
        assert waiting.stderr is not None
        is_waiting = any("waiting up to 60 seconds" in line for line in waiting.stderr)
        holder.close()
        out, _ = waiting.communicate()

    assert (is_waiting, waiting.returncode) == (True, 0)
    assert json.loads(out)["currency"] == "USD"


def test_a_warehouse_that_is_not_there_is_not_made(report: Reporting, warehouse: Path) -> None:
    exit_code, out, told = report()

    assert (exit_code, out, f"there is no {warehouse} yet" in told) == (69, "", True)
    assert not warehouse.exists()


def test_a_file_that_is_no_database_is_left_as_it_is(report: Reporting, warehouse: Path) -> None:
    warehouse.write_bytes(b"fax" * 5000)
    exit_code, out, told = report()

    assert (exit_code, out, "DuckDB file" in told) == (69, "", True)
    assert warehouse.read_bytes() == b"fax" * 5000


def test_a_warehouse_without_views_tells_how_they_come(report: Reporting, warehouse: Path) -> None:
    duckdb.connect(str(warehouse)).close()
    exit_code, out, told = report()

    assert (exit_code, out, "views in fax are missing" in told) == (69, "", True)


def test_a_warehouse_of_files_has_no_report(report: Reporting, settings: Settings, tmp_path: Path) -> None:
    settings["DESTINATION__WAREHOUSE__DESTINATION_TYPE"] = "filesystem"
    settings["DESTINATION__WAREHOUSE__BUCKET_URL"] = (tmp_path / "lake").as_uri()
    exit_code, out, told = report()

    assert (exit_code, out, "no views" in told) == (78, "", True)


@pytest.mark.parametrize("month", ["2026-13", "october", "2026-1", "9999-12"])
def test_what_is_no_month_is_refused(month: str, report: Reporting) -> None:
    exit_code, out, told = report("--month", month)

    assert (exit_code, out, "2026-10" in told) == (64, "", True)


@pytest.mark.slow
def test_an_empty_warehouse_and_an_empty_month_are_told_in_words(
    report: Reporting, serve_fake: ServeFake, sync: Sync, query: Query
) -> None:
    served = serve_fake("phaxio")
    sync()

    assert "no faxes in the warehouse yet" in report()[1]

    served.fake.add(*generated("phaxio", 5, days=1))
    sync()

    [(earliest, latest)] = query("select min(month), max(month) from fax.monthly_costs")

    assert f"the warehouse has some from {earliest:%Y-%m} to {latest:%Y-%m}" in report("--month", "2001-01")[1]


@pytest.mark.slow
def test_how_long_delivery_took_is_told_of_each_account_by_name(
    report: Reporting, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    end = READ_TO.replace(day=1) - timedelta(days=1)
    records = sources.phaxio.fake.generate(30, start=end - timedelta(days=2), end=end)
    serve_fake("phaxio", records, api_key="the key of the east")
    for key in ("API_KEY", "API_SECRET", "BASE_URL"):
        settings[f"SOURCES__PHAXIO__ACCOUNTS__EAST__{key}"] = settings[f"SOURCES__PHAXIO__{key}"]
    serve_fake("phaxio", records)
    assert sync().exit_code == 0
    told = report("--month", LAST)[1]

    assert re.findall(r"^(\S+): delivery took ", told, re.MULTILINE) == ["phaxio", "phaxio/east"]


def test_csv_replaces_no_link_and_no_pipe(report: Reporting, serve_fake: ServeFake, sync: Sync, tmp_path: Path) -> None:
    serve_fake("phaxio", generated("phaxio", 3))
    sync()
    target, link, pipe = (tmp_path / name for name in ("target.csv", "link.csv", "pipe"))
    link.symlink_to(target)
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(reader, "rb") as opened:
        codes = [report("--csv", str(place))[0] for place in (pipe, link)]
        read = opened.read()

    assert (codes, pipe.is_fifo(), link.is_symlink()) == ([0, 0], True, True)
    assert read == target.read_bytes() != b""


def test_an_account_that_is_not_in_the_warehouse_is_wrong_usage(
    report: Reporting, serve_fake: ServeFake, sync: Sync
) -> None:
    serve_fake("phaxio", [])
    sync()

    assert [report("--account", name)[0] for name in ("phaxio", "phaxio/default", "phaxio/east")] == [0, 0, 64]
    assert "no faxes of phaxio" in report("--account", "phaxio")[1]


@pytest.mark.slow
def test_a_csv_that_cannot_be_written_leaves_nothing(
    report: Reporting, serve_fake: ServeFake, sync: Sync, tmp_path: Path
) -> None:
    serve_fake("phaxio", generated("phaxio", 3))
    sync()
    (tmp_path / "a folder").mkdir()

    assert report("--csv", str(tmp_path / "nowhere" / "fax.csv"))[0] == 74
    assert report("--csv", str(tmp_path / "a folder"))[0] == 74
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("amount", "text"),
    [("1234.565", "$1,234.56"), ("1234.575", "$1,234.58"), ("-0.004", "$0.00"), ("-2.5", "-$2.50"), ("0", "$0.00")],
)
def test_money_is_rounded_half_to_even(amount: str, text: str) -> None:
    assert dollars(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [("3", "2", "+$1.00 (+50%)"), ("1", "2", "-$1.00 (-50%)"), ("2", "2", "$0.00 (0%)"), ("2", "0", "+$2.00")],
)
def test_a_change_tells_its_sign_and_share(now: str, before: str, text: str) -> None:
    assert change(Decimal(now), Decimal(before)) == text
