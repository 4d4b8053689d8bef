"""An existing PostgreSQL: everything that DuckDB has, and nothing of anybody else's disturbed."""

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import cycle
from urllib.parse import quote, unquote, urlsplit

import psycopg2
import pytest

import sources
from pipelines.warehouse import load, lock, read_only
from sources.errors import ConfigError
from tests.conftest import ROOT, ServeFake, Settings, Sync, SyncProcess, generated
from tests.support.faults.server_trial import WAITING
from tests.support.pages import blocks
from tests.support.pg_server import new_role
from tests.support.servers.postgres import Server
from tests.support.servers.wire import wire
from tests.support.tiers import first_quick
from tests.support.warehouse.file_and_database import Database
from tests.support.warehouse.oracle import assert_holds

every_provider = pytest.mark.parametrize("provider", sources.providers())


@pytest.mark.parametrize("provider", first_quick(sources.providers()))
def test_what_changes_at_the_provider_changes_in_the_warehouse(
    provider: str, serve_fake: ServeFake, sync: Sync, postgres: Server, database: str
) -> None:
    served = serve_fake(provider, generated(provider, 120, days=20))

    assert sync().exit_code == 0
    assert_holds(Database(postgres, database), provider, served.fake.truth())

    loads = postgres.query(database, f"select count(*) from fax_{provider}._dlt_loads")

    assert sync().accounts[provider]["changed"] == 0
    assert postgres.query(database, f"select count(*) from fax_{provider}._dlt_loads") == loads

    served.fake.add(
        *generated(provider, 15, days=1, seed=9, **({"first_id": 700000001} if provider == "phaxio" else {}))
    )
    for id in served.fake.open_ids():
        served.fake.settle_one(id)

    assert sync().exit_code == 0
    assert_holds(Database(postgres, database), provider, served.fake.truth())


@pytest.mark.slow
def test_changed_faxes_are_replaced_whatever_characters_their_ids_hold(
    serve_fake: ServeFake, sync: Sync, postgres: Server, database: str
) -> None:
    odd = ["it's", 'a "quoted" id', "back\\slash\\", "{a,b}", "null", " blank ", "tab\tand\nline", "\u00fc\u260e", "%s"]
    faxes = generated("signalwire", len(odd), days=1)
    served = serve_fake("signalwire", [fax | {"id": id} for fax, id in zip(faxes, odd, strict=True)])
    first = sync()
    for id in odd:
        served.fake.change(id, number_of_pages=77)
    second = sync()

    assert (first.exit_code, second.exit_code) == (0, 0), second.told
    assert second.accounts["signalwire"]["changed"] == len(odd)
    assert_holds(Database(postgres, database), "signalwire", served.fake.truth())


URL = "DESTINATION__WAREHOUSE__CREDENTIALS"


def parts_of(url: str) -> dict[str, str]:
    """The settings of the parts of a URL, each with a newline, as from a file of Kubernetes."""
    parts = urlsplit(url)
    values = {
        "username": parts.username,
        "password": unquote(parts.password or ""),
        "host": parts.netloc.rpartition("@")[2],
        "database": parts.path[1:],
    }
    return {f"{URL}__{name}".upper(): f"{value}\n" for name, value in values.items()}


@pytest.mark.parametrize(
    "written",
    first_quick(
        [
            lambda url: {URL: f"{url}\n"},
            lambda url: {URL: f" {url}?connect_timeout=9 \r\n"},
            lambda url: {URL: url.replace("://", "+psycopg2://")},
            parts_of,
        ],
    ),
    ids=["a newline", "blanks around", "SQLAlchemy's driver", "parts with newlines"],
)
def test_credentials_are_taken_as_other_programs_write_them(
    written: Callable[[str], dict[str, str]], serve_fake: ServeFake, sync: Sync, settings: Settings, database: str
) -> None:
    serve_fake("phaxio", generated("phaxio", 2, days=2))
    settings |= written(settings.pop(URL))
    synced = sync()

    assert (synced.exit_code, synced.accounts["phaxio"].get("new")) == (0, 2), synced.told


@pytest.mark.parametrize("name", ["fax db", "a%b", "Fax-\u00dc"])
def test_the_url_that_is_printed_leads_to_the_database(
    name: str, monkeypatch: pytest.MonkeyPatch, postgres: Server
) -> None:
    postgres.query("postgres", f'create database "{name}"')
    monkeypatch.setenv("DESTINATION__WAREHOUSE__DESTINATION_TYPE", "postgres")
    monkeypatch.setenv(URL, postgres.url(quote(name)))
    with closing(psycopg2.connect(str(read_only.place()))) as opened:
        assert opened.info.dbname == name


FORMS = {
    "parameters with blanks": (
        "postgresql://postgres:Zebra99@{quoted}/{name}?sslmode=prefer&sslrootcert=/a%20b/ca.pem&sslpassword=Zebra99"
    ),
    "a socket as a parameter": "postgresql://postgres@/{name}?host={socket}",
    "several hosts": "postgresql://postgres:Zebra99@/{name}?host={socket},{socket}&port=9,5432",
}


@pytest.mark.parametrize("form", FORMS)
def test_the_url_that_is_printed_connects_as_the_sync_does_without_a_password(
    form: str, monkeypatch: pytest.MonkeyPatch, postgres: Server, database: str
) -> None:
    url = FORMS[form].format(quoted=quote(postgres.socket, safe=""), socket=postgres.socket, name=database)
    monkeypatch.setenv("DESTINATION__WAREHOUSE__DESTINATION_TYPE", "postgres")
    monkeypatch.setenv(URL, url)
    with (
        load.opened("phaxio", "default", "fax") as opened,
        closing(psycopg2.connect(str(read_only.place()))) as by_hand,
    ):
        own, theirs = by_hand.info.dsn_parameters, opened.client.native_connection.info.dsn_parameters
        names = ("dbname", "user", "host", "port", "sslmode", "sslrootcert")

        assert [own.get(name) for name in names] == [theirs.get(name) for name in names]
        assert own.get("sslrootcert", "/a b/ca.pem") == "/a b/ca.pem"
    assert "Zebra99" not in str(read_only.place())


@pytest.mark.slow
def test_a_run_of_many_faxes_refreshes_the_statistics_and_one_of_few_does_not(
    serve_fake: ServeFake, sync: Sync, postgres: Server, database: str
) -> None:
    refreshed = "select relname from pg_stat_user_tables where last_analyze is not null order by 1"
    served = serve_fake("phaxio", generated("phaxio", 20, days=2))
    sync()
    few = postgres.query(database, refreshed)
    postgres.query(database, "alter table fax_phaxio.faxes set (autovacuum_enabled = off)")  # it resets the count
    served.fake.add(*generated("phaxio", 1_200, days=2, first_id=700_000_001))
    sync()

    assert (few, ("faxes",) in postgres.query(database, refreshed)) == ([], True)
    due = "select relname from pg_stat_user_tables where n_mod_since_analyze > 1000"
    assert Database(postgres, database).is_there()  # a session counts what it changed when it ends
    assert ("faxes",) in postgres.query(database, due), "PostgreSQL will analyze it in full"


@pytest.mark.parametrize("provider", ["phaxio", "signalwire"])
def test_a_run_sends_the_server_few_messages(
    provider: str, serve_fake: ServeFake, sync: Sync, settings: Settings, postgres: Server, database: str
) -> None:
    """The run waits for the answer to each, and a server may be far away."""
    served = serve_fake(provider, generated(provider, 20, days=2))
    sent = []
    for added in ([], generated(provider, 1, days=2, seed=7), []):
        served.fake.add(*added)
        with wire(postgres) as counting:
            settings[URL] = postgres.url_through(counting.port, database)
            assert sync().exit_code == 0
        sent.append(counting.messages)

    first, something_new, nothing_new = sent
    assert first <= 160
    assert something_new <= 65
    assert nothing_new <= 20


@pytest.fixture
def settings_of_process(monkeypatch: pytest.MonkeyPatch, postgres: Server, database: str) -> None:
    for name, value in postgres.settings(database).items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("settings_of_process")
def test_a_transaction_inside_another_one_is_refused() -> None:
    with load.opened("phaxio", "default", "fax") as opened:
        client = opened.client
        client.execute_sql("create table public.noted (id int)")
        with pytest.raises(psycopg2.ProgrammingError), client.begin_transaction():
            client.execute_sql("insert into public.noted values (1)")
            with client.begin_transaction():
                client.execute_sql("insert into public.noted values (2)")

        assert client.execute_sql("select id from public.noted") == []


@pytest.mark.usefixtures("settings_of_process")
def test_a_pooler_that_changes_sessions_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    with load.opened("phaxio", "default", "fax") as one, load.opened("signalwire", "default", "fax") as other:
        sessions, execute = cycle([one.client, other.client]), type(one.client).execute_sql
        monkeypatch.setattr(one.client, "execute_sql", lambda *query: execute(next(sessions), *query))

        with pytest.raises(ConfigError, match="does not keep the run's lock"), lock.database(one.client, "another"):
            pass


@pytest.fixture
def analyst(postgres: Server) -> Iterator[str]:
    """The name of a role that may do nothing but connect to what is open to all."""
    with new_role(postgres, "analyst") as name:
        yield name


@pytest.mark.slow
@pytest.mark.parametrize("way", [0, 1], ids=["may create schemas", "schemas made beforehand"])
def test_the_grants_of_the_page_suffice(
    way: int, serve_fake: ServeFake, sync: Sync, postgres: Server, database: str, role: str, analyst: str
) -> None:
    *ways, reading = blocks("sql", ROOT / "docs" / "postgres.md")[:3]
    names = {"company": database, "fax_sync": role, "analyst": analyst}
    served = serve_fake("phaxio", generated("phaxio", 20, days=5))
    refused = sync()

    assert (refused.exit_code, "permission denied" in refused.told, "GRANT" in refused.told) == (69, True, True)
    assert f'grant create on database {database} to "{role}"' in refused.told.replace("\\", "")

    postgres.query(database, re.sub(r"\b(company|fax_sync|analyst)\b", lambda found: names[found[0]], ways[way]))

    assert sync().exit_code == 0
    assert_holds(Database(postgres, database), "phaxio", served.fake.truth())

    postgres.query(database, re.sub(r"\b(company|fax_sync|analyst)\b", lambda found: names[found[0]], reading))
    postgres.query(database, f"grant connect on database {database} to {analyst}")
    with closing(postgres.connect(database, analyst)) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from fax.faxes")

        assert cursor.fetchall() == [(20,)]


@pytest.mark.slow
def test_views_that_others_have_built_on_ours_are_never_dropped(
    serve_fake: ServeFake, sync: Sync, postgres: Server, database: str
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 10, days=5))
    sync()
    postgres.query(database, "create view public.theirs as select id, cost_usd from fax.faxes")
    postgres.query(database, "drop view fax.monthly_costs")
    postgres.query(database, "create view fax.monthly_costs as select 1 as another_shape")
    postgres.query(database, "create view public.also_theirs as select * from fax.monthly_costs")
    told = sync()

    assert told.exit_code == 0
    assert "because of what reads them: drop public.also_theirs, public.theirs, and run" in told.told
    assert postgres.query(database, "select count(*) from public.theirs") == [(10,)]
    assert postgres.query(database, "select * from public.also_theirs") == [(1,)]

    postgres.query(database, "drop view public.also_theirs")
    postgres.query(database, "drop view public.theirs")

    assert "depend" not in sync().told
    assert postgres.query(database, "select count(*) from fax.monthly_costs where provider = 'phaxio'") != [(0,)]
    assert_holds(Database(postgres, database), "phaxio", served.fake.truth())


@pytest.mark.slow
def test_views_that_are_dropped_and_made_again_keep_their_privileges(
    serve_fake: ServeFake, sync: Sync, postgres: Server, database: str, analyst: str
) -> None:
    listed = (
        "select relname, grantee::regrole::text, privilege_type, is_grantable from pg_class, aclexplode(relacl)"
        " where relnamespace = 'fax'::regnamespace and relkind = 'v' and grantee <> relowner order by 1, 2, 3"
    )
    of_columns = (
        "select attrelid::regclass::text, attname, attacl::text from pg_attribute"
        " join pg_class on pg_class.oid = attrelid where relnamespace = 'fax'::regnamespace and attacl is not null"
    )
    serve_fake("phaxio", generated("phaxio", 10, days=5))
    postgres.query(database, "alter default privileges grant select on tables to public")
    sync()
    postgres.query(database, f"grant select on fax.daily_costs to {analyst} with grant option")
    postgres.query(database, "revoke select on fax.balances from public")
    postgres.query(database, f"grant select (day, cost_usd) on fax.daily_costs to {analyst}")
    postgres.query(database, f"grant select (month) on fax.monthly_costs to {analyst}")
    before = postgres.query(database, listed)
    (of_other_view,) = (row for row in postgres.query(database, of_columns) if row[1] == "day")
    postgres.query(database, "alter view fax.monthly_costs rename column month to another")
    postgres.query(database, "delete from fax._made_views where view_name = 'monthly_costs'")

    assert sync().exit_code == 0
    assert postgres.query(database, "select count(month) > 0 from fax.monthly_costs") == [(True,)]
    assert postgres.query(database, listed) == before
    kept = postgres.query(database, of_columns)
    assert of_other_view in kept
    assert sorted(column for _, column, _ in kept) == ["cost_usd", "day"]  # its month was another's by then


@pytest.mark.slow
@pytest.mark.parametrize("columns", ["the same", "others"])
def test_views_that_are_made_again_keep_their_security_options(
    columns: str, serve_fake: ServeFake, sync: Sync, postgres: Server, database: str
) -> None:
    options = (
        "select relname, reloptions from pg_class where relnamespace = 'fax'::regnamespace and reloptions is not null"
    )
    serve_fake("phaxio", generated("phaxio", 10, days=5))
    sync()
    postgres.query(database, "alter view fax.daily_costs set (security_barrier = true, security_invoker = true)")
    before = postgres.query(database, options)
    if columns == "others":
        postgres.query(database, "alter view fax.monthly_costs rename column month to another")
    postgres.query(database, "delete from fax._made_views")

    assert sync().exit_code == 0
    assert postgres.query(database, options) == before != []


REPLACED = {
    "partitioned": """
        alter table fax_phaxio.faxes rename to faxes_old;
        create table fax_phaxio.faxes (like fax_phaxio.faxes_old including defaults) partition by range (created_at);
        create table fax_phaxio.faxes_default partition of fax_phaxio.faxes default;
        insert into fax_phaxio.faxes select * from fax_phaxio.faxes_old
    """,
    "moved": "create schema archive; alter table fax_phaxio.fax_recipients set schema archive",
    "ledgers": """
        alter table fax_phaxio.sync_windows rename to windows_old;
        alter table fax_phaxio.sync_runs rename to runs_old
    """,
}
LEDGERS = "select max(finished_at), (select max(finished_at) from {0}.sync_runs) from {0}.sync_windows"
MADE = "select oid, xmin::text from pg_rewrite where ev_class::regclass::text like 'fax.%' order by 1"


@pytest.mark.slow
@pytest.mark.parametrize("name", first_quick([*REPLACED]))
def test_the_views_read_the_tables_that_have_the_names_now(
    name: str, serve_fake: ServeFake, sync: Sync, postgres: Server, database: str
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 30, days=5))
    sync()
    postgres.query(database, REPLACED[name])
    served.fake.add(*generated("phaxio", 5, days=1, seed=3, first_id=800000001))

    assert sync("--full-refresh").exit_code == 0
    assert_holds(Database(postgres, database), "phaxio", served.fake.truth())
    assert postgres.query(database, LEDGERS.format("fax")) == postgres.query(database, LEDGERS.format("fax_phaxio"))

    made = postgres.query(database, MADE)
    served.fake.add(*generated("phaxio", 5, days=1, seed=4, first_id=810000001))
    sync()

    assert postgres.query(database, MADE) == made


@pytest.mark.slow
def test_what_users_have_added_survives(serve_fake: ServeFake, sync: Sync, postgres: Server, database: str) -> None:
    served = serve_fake("phaxio", generated("phaxio", 10, days=5))
    postgres.query(database, "create schema fax_phaxio")
    postgres.query(database, "create table fax_phaxio.theirs as select 1 as kept")
    sync()
    postgres.query(database, "alter table fax_phaxio.faxes add column note text")
    postgres.query(database, "create index their_index on fax_phaxio.faxes (status)")
    served.fake.add(*generated("phaxio", 5, days=1, seed=3, first_id=800000001))

    assert sync().exit_code == 0
    assert postgres.query(database, "select kept from fax_phaxio.theirs") == [(1,)]
    assert postgres.query(database, "select count(*) from pg_indexes where indexname = 'their_index'") == [(1,)]
    assert_holds(Database(postgres, database), "phaxio", served.fake.truth())


@pytest.mark.slow
def test_a_column_of_a_users_domain_that_is_never_null_gets_its_default(
    serve_fake: ServeFake, sync: Sync, postgres: Server, database: str
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 10, days=5))
    sync()
    postgres.query(database, "create domain positive as int not null default 1 check (value > 0)")
    postgres.query(database, "alter table fax_phaxio.faxes add column theirs positive default 7")
    served.fake.add(*generated("phaxio", 5, days=1, seed=3, first_id=800000001))

    assert sync().exit_code == 0
    assert postgres.query(database, "select distinct theirs from fax_phaxio.faxes") == [(7,)]
    assert_holds(Database(postgres, database), "phaxio", served.fake.truth())


def test_a_table_of_somebody_elses_with_our_name_is_left_alone(
    serve_fake: ServeFake, sync: Sync, postgres: Server, database: str
) -> None:
    serve_fake("phaxio", generated("phaxio", 10, days=5))
    postgres.query(database, "create schema fax_phaxio")
    postgres.query(database, "create table fax_phaxio.faxes as select 'theirs' as id")
    told = sync()

    assert told.exit_code == 69
    assert postgres.query(database, "select * from fax_phaxio.faxes") == [("theirs",)]


def test_a_second_run_asks_the_provider_nothing(
    serve_fake: ServeFake, sync: Sync, postgres: Server, database: str
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 10, days=5))
    holder = postgres.connect(database)
    with holder.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(hashtextextended('fax_phaxio/fax_phaxio_default', 0))")
    refused = sync()
    holder.close()

    assert refused.exit_code == 75
    assert "another run" in refused.told
    assert served.server.requests == []
    assert sync().exit_code == 0


@pytest.mark.slow
def test_two_accounts_synced_at_once_lose_nothing(
    serve_fake: ServeFake, settings: Settings, sync_process: SyncProcess, postgres: Server, database: str
) -> None:
    east = serve_fake("phaxio", generated("phaxio", 150, days=20, seed=1))
    west = serve_fake("phaxio", generated("phaxio", 150, days=20, seed=2), api_key="west-key", api_secret="west-secret")
    for name, served in (("east", east), ("west", west)):
        for key, value in served.fake.settings(served.server.url).items():
            settings[f"SOURCES__PHAXIO__ACCOUNTS__{name}__{key}".upper()] = value
    for key in ("API_KEY", "API_SECRET", "BASE_URL"):
        settings.pop(f"SOURCES__PHAXIO__{key}")
    codes: list[int] = []
    runs = [
        threading.Thread(target=lambda name=name: codes.append(sync_process("--account", name).returncode))
        for name in ("east", "west")
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()

    assert codes == [0, 0]
    sql = "select account, id, cost_usd from fax.faxes order by account, id"
    expected = [(a, fax["id"], fax["cost_usd"]) for a, s in (("east", east), ("west", west)) for fax in s.fake.truth()]
    assert postgres.query(database, sql) == sorted(expected)


@pytest.mark.slow
def test_a_load_does_not_wait_for_one_of_another_provider(
    serve_fake: ServeFake, sync: Sync, sync_process: SyncProcess, settings: Settings, postgres: Server, database: str
) -> None:
    one, other = sources.providers()[:2]
    settings["PGOPTIONS"] = "-c lock_timeout=5min"
    for provider in (one, other):
        serve_fake(provider, generated(provider, 20, days=5))
    assert sync("--provider", other).exit_code == 0
    with closing(postgres.connect(database)) as holder, holder.cursor() as cursor, ThreadPoolExecutor() as pool:
        cursor.execute(f"begin; lock table fax_{other}.sync_windows in share row exclusive mode")
        waiting = pool.submit(sync_process, "--provider", other, "--full-refresh")
        while not postgres.query(database, WAITING) and not waiting.done():
            pass
        first = sync("--provider", one)
        is_waiting = not waiting.done()
        cursor.execute("rollback")

        assert (first.exit_code, is_waiting, waiting.result().returncode) == (0, True, 0), first.told


STAGED = "create schema fax_phaxio_default_staging; " + "; ".join(
    f"create table fax_phaxio_default_staging.{table} (like fax_phaxio.{table})" for table in ("faxes", "_dlt_version")
)
KEPT = {
    "nothing else": "",
    "a table of theirs": "create table fax_phaxio_default_staging.theirs (note text)",
    "a view on it": "create view public.theirs as select id from fax_phaxio_default_staging.faxes",
}


@pytest.mark.slow
@pytest.mark.parametrize("more", first_quick([*KEPT]))
def test_the_staging_schema_of_an_earlier_version_is_dropped_if_it_is_ours_alone(
    more: str, serve_fake: ServeFake, sync: Sync, postgres: Server, database: str
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 10, days=5))
    sync()
    postgres.query(database, f"{STAGED}; {KEPT[more]}")
    served.fake.add(*generated("phaxio", 5, days=1, seed=3, first_id=800000001))
    left = "select count(*) from pg_tables where schemaname = 'fax_phaxio_default_staging' and tablename <> 'theirs'"

    assert sync().exit_code == 0
    assert postgres.query(database, left) == [(2 if KEPT[more] else 0,)]
    assert_holds(Database(postgres, database), "phaxio", served.fake.truth())


@pytest.mark.parametrize(("own", "expected"), [("", "30s"), ("?options=-c%20lock_timeout%3D7s", "7s")])
def test_no_connection_waits_for_a_lock_without_an_end(
    own: str, expected: str, settings: Settings, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings["DESTINATION__WAREHOUSE__CREDENTIALS"] += own
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with load.opened("phaxio", "default", "fax") as opened, opened.pipeline.sql_client() as another:
        told = [client.execute_sql("show lock_timeout") for client in (opened.client, another)]

    assert told == [[(expected,)]] * 2
