"""PostgreSQL checks what a merge relies on: each key once, and every table with a replica identity."""

import pytest

import sources
from tests.conftest import Served, ServeFake, Sync, generated
from tests.support.commands.check_command import Check
from tests.support.servers.postgres import Server
from tests.support.tiers import first_quick
from tests.support.warehouse.file_and_database import Database
from tests.support.warehouse.oracle import assert_holds

every_provider = pytest.mark.parametrize("provider", sources.providers())
KEYS = {
    "faxes": "account, id",
    "fax_recipients": "account, fax_id, position",
    "fax_tags": "account, fax_id, position",
    "fax_barcodes": "account, fax_id, position",
    "fax_logs": "account, id",
    "fax_log_charge_details": "account, fax_log_id, position",
}
UNIQUE = """
    select c.relname, i.relname, x.indisreplident from pg_index as x
    join pg_class as c on c.oid = x.indrelid join pg_class as i on i.oid = x.indexrelid
    where c.relnamespace = 'fax_phaxio'::regnamespace and x.indisunique
"""


def changed(served: Served) -> None:
    """Every open fax ends: the next run replaces them."""
    for id in served.fake.open_ids():
        served.fake.settle_one(id)


@pytest.mark.parametrize("provider", first_quick(sources.providers()))
def test_a_publication_of_all_tables_stops_no_load(
    provider: str, serve_fake: ServeFake, sync: Sync, postgres: Server, database: str
) -> None:
    postgres.query(database, "create publication cdc for all tables")
    served = serve_fake(provider, generated(provider, 40, days=2))

    assert sync().exit_code == 0
    changed(served)
    synced = sync()

    assert (synced.exit_code, synced.accounts[provider]["changed"] > 0) == (0, True), synced.told
    assert_holds(Database(postgres, database), provider, served.fake.truth())


@pytest.mark.slow
def test_a_publication_of_all_tables_stops_no_retention(
    serve_fake: ServeFake, sync: Sync, settings: dict[str, str], postgres: Server, database: str
) -> None:
    postgres.query(database, "create publication cdc for all tables")
    serve_fake("phaxio", generated("phaxio", 40, days=60))
    sync()
    settings["PRIVACY__KEEP_DAYS"] = "30"

    assert sync().exit_code == 0
    assert postgres.query(database, "select count(*) < 40 from fax.faxes") == [(True,)]


def secured(postgres: Server, database: str, role: str, table: str) -> None:
    """Forces row security on a table, with policies that let the role select and insert only."""
    postgres.query(database, f"alter table fax_phaxio.{table} enable row level security, force row level security")
    postgres.query(database, f"create policy reading on fax_phaxio.{table} for select to {role} using (true)")
    postgres.query(database, f"create policy writing on fax_phaxio.{table} for insert to {role} with check (true)")


@pytest.mark.slow
@pytest.mark.parametrize("table", first_quick(["fax_recipients", "faxes"]))
def test_row_security_that_forbids_deletes_doubles_nothing(
    table: str, serve_fake: ServeFake, sync: Sync, postgres: Server, database: str, role: str
) -> None:
    postgres.query(database, f"grant create, temporary on database {database} to {role}")
    served = serve_fake("phaxio", generated("phaxio", 40, days=2))
    assert sync().exit_code == 0
    before = postgres.query(database, "select id from fax_phaxio.faxes order by 1")
    secured(postgres, database, role, table)
    changed(served)
    synced = sync()

    assert (synced.exit_code, "Traceback" in synced.told) == (69, False), synced.told
    assert f"rows of fax_phaxio.{table} that a changed fax replaces were not deleted" in synced.told
    assert postgres.query(database, "select id from fax_phaxio.faxes order by 1") == before
    postgres.query(database, f"create policy deleting on fax_phaxio.{table} for delete to {role} using (true)")
    assert sync().exit_code == 0
    assert_holds(Database(postgres, database), "phaxio", served.fake.truth())


KEPT = {
    "row security": "",
    "a trigger": "create function kept() returns trigger language plpgsql as 'begin return null; end'; "
    "create trigger kept before delete on fax_phaxio.{table} for each row execute function kept()",
    "a rule": "create rule kept as on delete to fax_phaxio.{table} do instead nothing",
}


@pytest.mark.slow
@pytest.mark.parametrize("table", first_quick(["fax_recipients", "faxes"]))
@pytest.mark.parametrize("by", ["_dlt_load_id", "account"])
@pytest.mark.parametrize("keeper", KEPT)
def test_a_partitioned_table_that_keeps_its_rows_doubles_nothing(
    keeper: str, by: str, table: str, serve_fake: ServeFake, sync: Sync, postgres: Server, database: str, role: str
) -> None:
    postgres.query(database, f"grant create, temporary on database {database} to {role}")
    served = serve_fake("phaxio", generated("phaxio", 40, days=2))
    assert sync().exit_code == 0
    postgres.query(database, partitioned(table, by, role))
    assert sync().exit_code == 0
    before = postgres.query(database, f"select * from fax_phaxio.{table} order by _dlt_id")
    if keeper == "row security":
        secured(postgres, database, role, table)
    postgres.query(database, KEPT[keeper].format(table=table) or "select 1")
    changed(served)
    synced = sync()

    assert (synced.exit_code, "Traceback" in synced.told) == (69, False), synced.told
    assert f"fax_phaxio.{table}" in synced.told
    assert keeper in synced.told
    assert postgres.query(database, f"select * from fax_phaxio.{table} order by _dlt_id") == before


@pytest.mark.slow
@pytest.mark.parametrize("by", ["_dlt_load_id", "account"])
def test_a_partitioned_table_is_given_its_key_or_told_to_have_none(
    by: str, serve_fake: ServeFake, sync: Sync, postgres: Server, database: str, role: str
) -> None:
    postgres.query(database, f"grant create, temporary on database {database} to {role}")
    served = serve_fake("phaxio", generated("phaxio", 40, days=2))
    sync()
    postgres.query(database, partitioned("faxes", by, role))
    changed(served)
    synced = sync()

    assert synced.exit_code == 0
    assert ("it is partitioned by a column outside of this key" in synced.told) is (by != "account")
    assert (("faxes", "faxes_key") in {(t, i) for t, i, _ in postgres.query(database, UNIQUE)}) is (by == "account")
    assert_holds(Database(postgres, database), "phaxio", served.fake.truth())


def partitioned(table: str, by: str, role: str) -> str:
    """Replaces a table by a partitioned one with the same rows."""
    return f"""
        set role {role};
        alter table fax_phaxio.{table} rename to old;
        create table fax_phaxio.{table} (like fax_phaxio.old including defaults) partition by hash ({by});
        create table fax_phaxio.part partition of fax_phaxio.{table} for values with (modulus 1, remainder 0);
        insert into fax_phaxio.{table} select * from fax_phaxio.old;
        drop table fax_phaxio.old cascade
    """


@pytest.mark.slow
def test_row_security_that_forbids_deletes_is_told_by_retention(
    serve_fake: ServeFake, sync: Sync, settings: dict[str, str], postgres: Server, database: str, role: str
) -> None:
    postgres.query(database, f"grant create, temporary on database {database} to {role}")
    serve_fake("phaxio", generated("phaxio", 40, days=60))
    sync()
    secured(postgres, database, role, "faxes")
    settings["PRIVACY__KEEP_DAYS"] = "30"
    synced = sync()

    assert (synced.exit_code, "too old to be kept were not deleted" in synced.told) == (69, True), synced.told
    assert postgres.query(database, "select count(*) from fax_phaxio.faxes") == [(40,)]


def as_made_before(postgres: Server, database: str) -> None:
    """The indexes as the version before made them, and no replica identity."""
    for table, index, is_identity in postgres.query(database, UNIQUE):
        if index == f"{table}_key":
            postgres.query(database, f"drop index fax_phaxio.{index}")
        if is_identity:
            postgres.query(database, f"alter table fax_phaxio.{table} replica identity default")
    postgres.query(database, "create index faxes_account_id on fax_phaxio.faxes (account, id)")


@pytest.mark.slow
def test_a_warehouse_of_the_version_before_is_given_its_keys(
    serve_fake: ServeFake, sync: Sync, postgres: Server, database: str
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 40, days=2))
    sync()
    made = sorted(postgres.query(database, UNIQUE))
    as_made_before(postgres, database)
    changed(served)

    assert sync().exit_code == 0
    assert sorted(postgres.query(database, UNIQUE)) == made
    assert {table for table, index, _ in made if index == f"{table}_key"} == KEYS.keys() & {t for t, *_ in made}
    assert postgres.query(database, "select 1 from pg_indexes where indexname = 'faxes_account_id'") == []
    assert_holds(Database(postgres, database), "phaxio", served.fake.truth())


@pytest.mark.slow
def test_keys_that_are_there_twice_are_told_and_mended_by_a_refresh(
    serve_fake: ServeFake, sync: Sync, postgres: Server, database: str
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 40, days=2))
    sync()
    as_made_before(postgres, database)
    columns = "account, id, created_at, status, _dlt_load_id"
    double = f"select {columns}, _dlt_id || 'x' from fax_phaxio.faxes where status = 'success' limit 1"
    postgres.query(database, f"insert into fax_phaxio.faxes ({columns}, _dlt_id) {double}")
    changed(served)
    synced = sync()

    assert (synced.exit_code, synced.accounts["phaxio"]["changed"] > 0) == (0, True), synced.told
    assert "fax_phaxio.faxes has no unique index over account, id" in synced.told
    assert "--full-refresh" in synced.told
    assert sync("--full-refresh").exit_code == 0
    assert sync("--full-refresh").exit_code == 0
    assert_holds(Database(postgres, database), "phaxio", served.fake.truth())
    assert "faxes_key" in {index for _, index, _ in postgres.query(database, UNIQUE)}


@pytest.mark.slow
def test_a_replica_identity_that_a_user_has_set_stays(
    serve_fake: ServeFake, sync: Sync, postgres: Server, database: str
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 40, days=2))
    sync()
    postgres.query(database, "alter table fax_phaxio.faxes replica identity full")
    changed(served)

    assert sync().exit_code == 0
    assert postgres.query(database, "select relreplident from pg_class where oid = 'fax_phaxio.faxes'::regclass") == [
        ("f",)
    ]


@pytest.mark.slow
def test_a_table_that_readers_hold_is_given_its_key_by_a_later_load(
    serve_fake: ServeFake, sync: Sync, postgres: Server, database: str
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 40, days=2))
    sync()
    as_made_before(postgres, database)
    changed(served)
    reader = postgres.connect(database)
    with reader.cursor() as cursor:
        cursor.execute("begin; select count(*) from fax_phaxio.faxes")

        assert sync().exit_code == 0
    reader.close()
    served.fake.add(*generated("phaxio", 5, days=1, seed=3, first_id=800000001))

    assert sync().exit_code == 0
    assert ("faxes", "faxes_key", True) in postgres.query(database, UNIQUE)
    assert_holds(Database(postgres, database), "phaxio", served.fake.truth())


TRIGGER = (
    "create function public.own() returns trigger language plpgsql as 'begin {}; end'; "
    "create trigger own before insert on fax_phaxio.faxes for each row execute function public.own()"
)
REFUSED = {
    "a column of theirs": (
        "alter table fax_phaxio.faxes add column note text not null default ''; "
        "alter table fax_phaxio.faxes alter column note drop default",
        "column note of fax_phaxio.faxes is NOT NULL",
        "alter table fax_phaxio.faxes drop column note",
    ),
    "a reference to ours": (
        "create table public.mine as select account, id from fax_phaxio.faxes; "
        "alter table public.mine add constraint of_fax foreign key (account, id) "
        "references fax_phaxio.faxes (account, id)",
        "the foreign key of_fax of public.mine refers to a row that a changed fax replaces",
        "alter table public.mine drop constraint of_fax, "
        "add foreign key (account, id) references fax_phaxio.faxes (account, id) deferrable initially deferred",
    ),
    "a reference that restricts": (
        "create table public.mine as select account, id from fax_phaxio.faxes; "
        "alter table public.mine add constraint of_fax foreign key (account, id) "
        "references fax_phaxio.faxes (account, id) on delete restrict deferrable initially deferred",
        "the foreign key of_fax of public.mine refers to a row that a changed fax replaces",
        "alter table public.mine drop constraint of_fax",
    ),
    "a check of theirs": (
        "alter table fax_phaxio.faxes add constraint none_ends check (status = 'x') not valid",
        "the constraint none_ends of fax_phaxio.faxes refuses a row",
        "alter table fax_phaxio.faxes drop constraint none_ends",
    ),
    "a unique index of theirs": (
        "create unique index theirs on fax_phaxio.faxes (account) where _dlt_load_id > '{last}'",
        "the constraint theirs of fax_phaxio.faxes refuses a row",
        "drop index fax_phaxio.theirs",
    ),
    "a trigger that raises": (
        TRIGGER.format("raise exception ''call +12065550199''"),
        "the function own of a trigger refused it with P0001",
        "drop trigger own on fax_phaxio.faxes",
    ),
    "a trigger that leaves rows out": (
        TRIGGER.format("return null"),
        "a trigger of fax_phaxio.faxes leaves out rows",
        "drop trigger own on fax_phaxio.faxes",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_a_constraint_of_a_users_own_is_named(
    name: str, serve_fake: ServeFake, sync: Sync, postgres: Server, database: str
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 40, days=2))
    sync()
    before = postgres.query(database, "select * from fax_phaxio.faxes order by id")
    made, words, mended = REFUSED[name]
    ((last,),) = postgres.query(database, "select max(_dlt_load_id) from fax_phaxio.faxes")
    postgres.query(database, made.format(last=last))
    changed(served)
    served.fake.add(*generated("phaxio", 5, days=1, seed=3, first_id=800000001))
    synced = sync()

    assert (synced.exit_code, words in synced.told, "Traceback" in synced.told) == (69, True, False), synced.told
    assert "+1206" not in synced.told
    assert len(postgres.query(database, "select id from fax_phaxio.faxes")) == len(before)
    postgres.query(database, mended)

    assert sync().exit_code == 0
    assert_holds(Database(postgres, database), "phaxio", served.fake.truth())


COUNTED = {
    "a check": "alter table fax_phaxio.faxes add constraint no check (nextval('public.tries') < 0) not valid",
    "a trigger before insert": TRIGGER.format("perform nextval(''public.tries''); raise exception ''no''"),
    "a trigger before delete": TRIGGER.replace("before insert", "before delete").format(
        "perform nextval(''public.tries''); raise exception ''no''"
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTED)
def test_a_row_that_is_refused_is_not_sent_again(
    name: str, serve_fake: ServeFake, sync: Sync, postgres: Server, database: str
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 40, days=2))
    sync()
    postgres.query(database, f"create sequence public.tries; {COUNTED[name]}")
    changed(served)

    assert sync().exit_code == 69
    assert postgres.query(database, "select last_value from public.tries") == [(1,)]


@pytest.mark.slow
def test_a_trigger_may_put_rows_into_a_table_that_inherits(
    serve_fake: ServeFake, sync: Sync, postgres: Server, database: str
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 40, days=2))
    sync()
    postgres.query(database, "create table fax_phaxio.newer () inherits (fax_phaxio.faxes)")
    postgres.query(database, TRIGGER.format("insert into fax_phaxio.newer select new.*; return null"))
    changed(served)

    assert sync().exit_code == 0
    assert_holds(Database(postgres, database), "phaxio", served.fake.truth())


@pytest.mark.slow
@pytest.mark.parametrize("beside", ["row security", "partitions"])
def test_a_trigger_that_leaves_rows_out_is_told_also_beside(
    beside: str, serve_fake: ServeFake, sync: Sync, postgres: Server, database: str, role: str
) -> None:
    postgres.query(database, f"grant create, temporary on database {database} to {role}")
    served = serve_fake("phaxio", generated("phaxio", 40, days=2))
    assert sync().exit_code == 0
    if beside == "partitions":
        postgres.query(database, partitioned("faxes", "account", role))
    else:
        secured(postgres, database, role, "faxes")
        postgres.query(database, f"create policy deleting on fax_phaxio.faxes for delete to {role} using (true)")
    before = postgres.query(database, "select id, num_pages from fax_phaxio.faxes order by 1")
    postgres.query(database, TRIGGER.format("return null"))
    changed(served)
    synced = sync()

    assert (synced.exit_code, "a trigger of fax_phaxio.faxes leaves out rows" in synced.told) == (69, True), synced.told
    assert postgres.query(database, "select id, num_pages from fax_phaxio.faxes order by 1") == before


@pytest.mark.slow
@pytest.mark.parametrize("action", ["cascade", "set null", "set default", "no action"])
def test_a_foreign_key_that_changes_rows_of_a_users_own_is_told(
    action: str, serve_fake: ServeFake, sync: Sync, check: Check, postgres: Server, database: str
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 40, days=2))
    sync()
    postgres.query(
        database,
        "create table public.mine as select account, id from fax_phaxio.faxes; "
        "alter table public.mine add constraint of_fax foreign key (account, id) "
        f"references fax_phaxio.faxes (account, id) on delete {action} deferrable initially deferred",
    )
    told = check()[1]["phaxio"]["findings"]
    changed(served)
    synced = sync()
    words = "the foreign key of_fax of public.mine deletes or changes rows there when a fax changes"

    assert synced.exit_code == 0
    assert (words in synced.told, any(words in finding for finding in told)) == (action != "no action",) * 2


@pytest.mark.slow
def test_row_security_that_forbids_inserts_is_told(
    serve_fake: ServeFake, sync: Sync, postgres: Server, database: str, role: str
) -> None:
    postgres.query(database, f"grant create, temporary on database {database} to {role}")
    served = serve_fake("phaxio", generated("phaxio", 40, days=2))
    sync()
    postgres.query(database, "alter table fax_phaxio.faxes enable row level security, force row level security")
    postgres.query(database, f"create policy reading on fax_phaxio.faxes for select to {role} using (true)")
    postgres.query(database, f"create policy deleting on fax_phaxio.faxes for delete to {role} using (true)")
    changed(served)
    synced = sync()

    assert (synced.exit_code, "policies" in synced.told, "faxes" in synced.told) == (69, True, True), synced.told
    assert postgres.query(database, "select count(*) from fax_phaxio.faxes") == [(40,)]
