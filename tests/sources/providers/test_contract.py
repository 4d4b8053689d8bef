"""What every provider must keep, under every reading that its documentation leaves open."""

from base64 import b64encode
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import sources
from pipelines.config.declaration import secrets_of
from tests.conftest import Query, Served, ServeFake, Sync, generated
from tests.support.servers.postgres import Server
from tests.support.warehouse.file_and_database import Database
from tests.support.warehouse.oracle import assert_holds
from tests.support.warehouse.rows import content

TOGETHER: tuple[dict[str, str], ...] = (
    {"bounds": "exclusive", "read_bounds_as": "dates"},
    {"read_bounds_as": "dates", "order": "oldest_first", "page_cap": "200"},
    {"filter": "ignored", "order": "oldest_first", "page_cap": "200"},
    {"filter": "ignored unless a bare date", "read_bounds_as": "dates", "bounds": "exclusive"},
    {"filter": "ignored", "empty_page": "sometimes", "page_cap": "200"},
    {"compat_lists": "differ", "compat_dates": "rfc2822", "compat_price": "negative text", "compat_pages": "text"},
    {"compat_lists": "differ", "compat_links": "elsewhere", "links_keep_filter": "ignored", "page_cap": "200"},
    {"compat_links": "without /api/laml", "compat_price": "text", "order": "oldest_first", "empty_page": "sometimes"},
)
EVERY_LIST = {"compat": "read"}  # as the settings have it by default; other tests read the first list alone


def readings(runs_all: bool) -> Iterator[Any]:
    """Every reading, by itself unless it is in a combination; with `runs_all`, by itself as well."""
    for provider in sources.providers():
        switches = import_module(f"sources.{provider}.fake").SWITCHES
        every_list = {name: reading for name, reading in EVERY_LIST.items() if name in switches}
        together = [some for some in TOGETHER if some.keys() <= switches.keys()]
        covered = {pair for some in together for pair in some.items()}
        alone = [
            {name: reading}
            for name, listed in switches.items()
            for reading in listed[1:]
            if not name.startswith("compat") and (runs_all or (name, reading) not in covered)
        ]
        for chosen in [{}, *alone, *together]:
            told = ",".join(f"{name}={reading}" for name, reading in chosen.items()) or "default"
            marks = pytest.mark.slow if chosen else ()
            yield pytest.param(provider, every_list | chosen, id=f"{provider}-{told}", marks=marks)


every_provider = pytest.mark.parametrize("provider", sources.providers())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The readings take turns between the warehouses, the default one apart; `--every-case` runs all in both."""
    if "switches" in metafunc.fixturenames:
        turn, runs_all = int("postgres" in metafunc.fixturenames), metafunc.config.option.every_case
        cases = [
            case for place, case in enumerate(readings(runs_all)) if runs_all or not case.marks or place % 2 == turn
        ]
        metafunc.parametrize(("provider", "switches"), cases)


def truth(served: Served, gone: dict[str, Any]) -> list[dict[str, Any]]:
    """What the warehouse must hold: a fax that a provider forgets without a word stays as it was known last."""
    told = {fax["id"]: fax for fax in served.fake.truth()}
    return list({**gone, **told}.values())


def live_through_a_day(served: Served) -> dict[str, Any]:
    """Faxes arrive, end, change and are deleted; gives the last known truth of those deleted."""
    fake = served.fake
    final = {fax["id"] for fax in fake.truth() if fax["is_final"]}
    *_, changed, one, other = (id for id in fake.records if str(id) in final)
    fake.change(changed, status="failed" if isinstance(changed, str) else "failure", error_message="No answer")
    gone = {fax["id"]: fax for fax in fake.truth() if fax["id"] in (str(one), str(other))}
    fake.delete(one)
    fake.delete(other)
    fake.add(*generated(served.provider, 25, days=0.5, seed=7, **next_ids(served)))
    for id in fake.open_ids()[::2]:
        fake.settle_one(id)
    return gone


def next_ids(served: Served) -> dict[str, Any]:
    highest = max(served.fake.records, default=0)
    return {"first_id": highest + 1000} if isinstance(highest, int) else {}


@pytest.mark.each_case
def test_each_sync_holds_the_truth_and_a_quiet_one_writes_nothing(
    provider: str, switches: dict[str, str], serve_fake: ServeFake, sync: Sync, warehouse: Path
) -> None:
    served = serve_fake(provider, generated(provider, 240), **switches)

    assert sync().exit_code == 0
    assert_holds(warehouse, provider, served.fake.truth())

    before, size = content(warehouse, provider), warehouse.stat().st_size
    quiet = sync()

    assert (quiet.exit_code, quiet.accounts[provider]["new"], quiet.accounts[provider]["changed"]) == (0, 0, 0)
    assert before == content(warehouse, provider)
    assert size == warehouse.stat().st_size

    gone = live_through_a_day(served)
    synced = sync()

    assert synced.exit_code == 0
    assert_holds(warehouse, provider, truth(served, gone))
    assert synced.accounts[provider]["new"] == 25


@pytest.mark.slow
@pytest.mark.each_case
def test_each_sync_into_postgres_holds_the_truth_and_a_quiet_one_loads_nothing(
    provider: str, switches: dict[str, str], serve_fake: ServeFake, sync: Sync, postgres: Server, database: str
) -> None:
    served = serve_fake(provider, generated(provider, 240), **switches)

    assert sync().exit_code == 0
    assert_holds(Database(postgres, database), provider, served.fake.truth())

    loads = f"select * from fax_{provider}._dlt_loads"
    before = postgres.query(database, loads)
    quiet = sync()

    assert (quiet.exit_code, quiet.accounts[provider]["new"], quiet.accounts[provider]["changed"]) == (0, 0, 0)
    assert postgres.query(database, loads) == before

    gone = live_through_a_day(served)
    synced = sync()

    assert (synced.exit_code, synced.accounts[provider]["new"]) == (0, 25)
    assert_holds(Database(postgres, database), provider, truth(served, gone))


@pytest.mark.slow
@every_provider
def test_an_empty_account_has_views_and_its_first_fax_still_arrives(
    provider: str, serve_fake: ServeFake, sync: Sync, query: Query, warehouse: Path
) -> None:
    served = serve_fake(provider)

    assert sync().exit_code == 0
    assert [
        query(f"select count(*) from fax.{view}")[0]
        for view in ("faxes", "fax_recipients", "fax_tags", "monthly_costs")
    ] == [(0,)] * 4

    served.fake.add(*generated(provider, 30, days=2))

    assert sync().exit_code == 0
    assert_holds(warehouse, provider, served.fake.truth())


@every_provider
def test_the_first_request_carries_both_bounds_a_full_page_and_basic_auth(
    provider: str, serve_fake: ServeFake, sync: Sync, settings: dict[str, str]
) -> None:
    served = serve_fake(provider, generated(provider, 3))
    sync()

    first = served.server.requests[0]
    size = next(
        value for name, value in first.query.items() if name.lower().replace("_", "") in ("perpage", "pagesize")
    )
    assert (size, sum(value.endswith("Z") for value in first.query.values())) == ("1000", 2)
    keys = secrets_of(sources.provider(provider).Settings)[-2:]
    secrets = [settings[f"SOURCES__{provider}__{key}".upper()] for key in keys]
    assert {f"Basic {b64encode(':'.join(secrets).encode()).decode()}"} == {
        request.headers["Authorization"] for request in served.server.requests
    }
    sent = " ".join(f"{request.path}{request.query}" for request in served.server.requests)
    assert not [secret for secret in secrets if secret in sent]


@every_provider
@pytest.mark.slow
def test_two_years_of_faxes_are_held_exactly_and_so_are_their_later_changes(
    provider: str, serve_fake: ServeFake, sync: Sync, warehouse: Path
) -> None:
    served = serve_fake(provider, generated(provider, 20_000, days=730))

    assert sync().exit_code == 0
    assert_holds(warehouse, provider, served.fake.truth())

    again = sync().accounts[provider]

    assert (again["new"], again["changed"]) == (0, 0)

    served.fake.add(*generated(provider, 500, days=1, seed=9, **next_ids(served)))
    sync()
    for id in list(served.fake.records)[-200:]:
        served.fake.change(id, error_message="changed afterwards")
    changed = sync()

    assert (
        changed.exit_code,
        changed.accounts[provider]["new"],
        changed.accounts[provider]["changed"],
    ) == (0, 0, 200)
    assert_holds(warehouse, provider, served.fake.truth())
