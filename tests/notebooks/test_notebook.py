"""The notebook: it runs without a page, and as a page its figures are the warehouse's and follow its pickers."""

import csv
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import sources
from pipelines.costs.money import dollars
from tests.conftest import ROOT, Query, ServeFake, Settings, Sync, generated
from tests.support.browser import page, served
from tests.support.commands.made_files import sync_once
from tests.support.environment import child_environment

NOTEBOOK = ROOT / "notebooks" / "fax_costs.py"
OF_FAX = "strftime(created_at, '%Y-%m')"
FIGURES = 9

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both providers over a hundred days, some faxes open."""
    file = tmp_path_factory.mktemp("made") / "warehouse.duckdb"
    sync_once(
        file,
        {
            name: generated(name, 200, days=100, open_from=datetime.now(UTC) - timedelta(days=1))
            for name in sources.providers()
        },
    )
    return file


@pytest.fixture
def env(made: Path, warehouse: Path, settings: Settings) -> Settings:
    shutil.copy(made, warehouse)
    return child_environment(settings)


@pytest.fixture
def cost(env: Settings, query: Query) -> "Cost":
    return Cost(query)


class Cost:
    """What a month has cost, as the page writes it; of one provider, if given. The latest months with faxes."""

    def __init__(self, query: Query) -> None:
        self.query = query
        sql = f"select distinct {OF_FAX} from fax.faxes where not is_test order by 1 desc limit 2"
        self.latest, self.before = (month for (month,) in query(sql))

    def __call__(self, month: str, provider: str = "") -> str:
        sql = f"select sum(cost_usd) from fax.faxes where not is_test and {OF_FAX} = ?"
        [(amount,)] = self.query(f"{sql} and (? in ('', provider))", month, provider)
        assert isinstance(amount, Decimal)
        return dollars(amount)


def test_it_runs_without_a_page(env: Settings) -> None:
    done = subprocess.run([sys.executable, str(NOTEBOOK)], env=env, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_it_runs_on_postgres(serve_fake: ServeFake, sync: Sync, settings: Settings, database: str) -> None:
    for provider in sources.providers():
        serve_fake(provider, generated(provider, 60, days=60))
    assert sync().exit_code == 0
    env = child_environment(settings)
    done = subprocess.run([sys.executable, str(NOTEBOOK)], env=env, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_it_runs_in_a_month_without_a_cost(serve_fake: ServeFake, sync: Sync, settings: Settings) -> None:
    serve_fake("phaxio", [{**fax, "direction": "sent", "cost": None} for fax in generated("phaxio", 5, days=1)])
    assert sync().exit_code == 0
    env = child_environment(settings)
    done = subprocess.run([sys.executable, str(NOTEBOOK)], env=env, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_its_total_is_that_of_the_warehouse(env: Settings, cost: Cost) -> None:
    tell = "from notebooks.fax_costs import app; print(*(getattr(one, 'text', '') for one in app.run()[0]))"
    done = subprocess.run([sys.executable, "-c", tell], env=env, cwd=ROOT, capture_output=True, text=True, check=True)

    assert f">{cost(cost.latest)}<" in done.stdout


def test_without_a_warehouse_it_shows_the_demonstration_or_how_to_make_it(tmp_path: Path, made: Path) -> None:
    for folder in ("sources", "pipelines", "notebooks", ".dlt"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "secrets.toml"))
    tell = "from notebooks.fax_costs import app; print(*(getattr(one, 'text', '') for one in app.run()[0]))"

    def told() -> str:
        command = [sys.executable, "-c", tell]
        env = child_environment(project=tmp_path)
        return subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    assert "sync.py --demo" in told()

    shutil.copy(made, tmp_path / "demo.duckdb")

    assert "Made-up faxes" in told()


def test_the_page_shows_its_charts_and_follows_the_pickers(env: Settings, cost: Cost) -> None:
    with page() as shown, served(NOTEBOOK, env) as address:
        asked: list[str] = []
        errors: list[str] = []
        shown.on("request", lambda request: asked.append(request.url))
        shown.on("pageerror", lambda error: errors.append(str(error)))
        shown.goto(address)
        shown.get_by_text(cost(cost.latest), exact=True).first.wait_for(timeout=90_000)
        figures = shown.locator("figure.fax")
        figures.nth(FIGURES - 1).wait_for(timeout=90_000)

        assert figures.count() == FIGURES
        assert shown.get_by_text("Your warehouse").count() == 1

        shown.get_by_label("Month").select_option(cost.before)
        shown.get_by_text(cost(cost.before), exact=True).first.wait_for(timeout=90_000)

        assert shown.get_by_text(cost(cost.latest), exact=True).count() == 0

        shown.get_by_label("Account").select_option("phaxio")
        shown.get_by_text(cost(cost.before, "phaxio"), exact=True).first.wait_for(timeout=90_000)

    assert errors == []
    assert {
        url for url in asked if not re.match(rf"(data|blob):|{address}|{address.replace('http', 'ws')}", url)
    } == set()


def test_a_tag_is_chosen_and_its_rows_are_saved_as_csv(env: Settings, query: Query, cost: Cost) -> None:
    [(name,)] = query(
        "select min(name) from fax.cost_by_tag where is_tagged and strftime(month, '%Y-%m') = ?",
        cost.latest,
    )
    sql = "select cost_usd from fax.cost_by_tag where name = ? and strftime(month, '%Y-%m') = ?"
    with page() as shown, served(NOTEBOOK, env) as address:
        shown.goto(address)
        shown.get_by_label("Tag").select_option(name, timeout=90_000)
        figure = shown.locator("figure.fax").filter(has_text=f"By the tag {name}, US$")
        figure.wait_for(timeout=90_000)
        details = figure.locator("xpath=following-sibling::div[1]//details")
        details.locator("summary").click()
        with shown.expect_download() as saved:
            details.get_by_role("link").click()
        with Path(saved.value.path()).open(encoding="utf-8", newline="") as opened:
            found = sorted(Decimal(row["cost_usd"]) for row in csv.DictReader(opened))
        file = saved.value.suggested_filename

    assert file == f"fax-tags-{cost.latest}.csv"
    assert sum(found) == sum(amount for (amount,) in query(sql, name, cost.latest))


@pytest.mark.parametrize("provider", sources.providers())
def test_the_page_fits_its_window_and_is_dark_where_the_browser_is(
    provider: str, warehouse: Path, settings: Settings
) -> None:
    sync_once(warehouse, {provider: generated(provider, 60, days=60)})
    widest = "parts => Math.max(...parts.map(one => one.getBoundingClientRect().right))"
    ink = "figure => getComputedStyle(figure).color.match(/[0-9]+/g).map(Number)"
    with page() as shown, served(NOTEBOOK, child_environment(settings)) as address:
        for scheme, width in (("light", 390), ("dark", 800)):
            shown.emulate_media(color_scheme=scheme)
            shown.set_viewport_size({"width": width, "height": 900})
            shown.goto(address)
            figures = shown.locator("figure.fax")
            figures.nth(FIGURES - 1).wait_for(timeout=90_000)

            assert figures.count() == FIGURES
            assert shown.locator("figure.fax, figure.fax *").evaluate_all(widest) <= width
            assert shown.evaluate("document.documentElement.scrollWidth") <= width
            assert (min(figures.first.evaluate(ink)) > 128) == (scheme == "dark")
