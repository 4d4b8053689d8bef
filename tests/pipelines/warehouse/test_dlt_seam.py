"""What this project assumes of dlt beyond its documentation, one assumption a test, against the dlt that is installed.

A newer dlt that breaks one of them fails the test of that name; the code that relies on it is in
`pipelines/warehouse/dlt_internals/`, or for settings in `pipelines/config/`.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import dlt
import duckdb
import psycopg2
import pyarrow as pa
import pytest
from dlt.common import validation
from dlt.common.configuration import configspec, inject_section, resolve_configuration
from dlt.common.configuration.specs import BaseConfiguration, known_sections
from dlt.common.configuration.specs.base_configuration import extract_inner_hint
from dlt.common.configuration.specs.config_section_context import ConfigSectionContext
from dlt.common.configuration.utils import deserialize_value, get_resolved_traces
from dlt.common.exceptions import DictValidationException, TerminalException
from dlt.common.schema import typing as schema_types
from dlt.destinations.exceptions import DatabaseException
from dlt.extract import DltResource, DltSource
from dlt.extract.extract import Extract

from pipelines.outcome.error_mapping import causes
from pipelines.warehouse import load
from pipelines.warehouse.connection import connected, kind
from pipelines.warehouse.dlt_internals.destinations import duckdb_file, fence_loads, forbid_writing
from pipelines.warehouse.dlt_internals.dlt_tables import deletions
from pipelines.warehouse.dlt_internals.load_packages import has_rows, nest_tables, unnest_tables
from pipelines.warehouse.dlt_internals.lookup_cache import lookups_cached
from pipelines.warehouse.dlt_internals.stored_state import position_in, stored_schema
from sources.load.plan import Position
from sources.load.resources import NESTED_IN, READ_AT, pages_name
from sources.phaxio.columns import FAXES
from sources.records.schema import CREATED_AT
from tests.conftest import Settings
from tests.support.servers.postgres import Server
from tests.support.warehouse.file_and_database import Warehouse
from tests.support.warehouse.rows import rows

pytestmark = pytest.mark.slow
Opened = Callable[[], AbstractContextManager[load.Warehouse]]
DAY = datetime(2026, 11, 20, tzinfo=UTC)
TABLES = ("faxes", "fax_recipients")
_KEYS = {
    "_dlt_id": {"data_type": "text", "nullable": False, "unique": True, "row_key": True},
    "_dlt_parent_id": {"data_type": "text", "nullable": False, "parent_key": True},
}


@configspec
class Limits(BaseConfiguration):
    """Settings of no section, so that their variables are named as they are."""

    least: int = 1
    most: int = 9


@pytest.fixture
def configured(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Opens the warehouse that is configured as a run does: each time with a working directory of its own."""

    def opened() -> AbstractContextManager[load.Warehouse]:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        return load.opened("phaxio", "default", "fax")

    return opened


@pytest.fixture
def opened(place: Warehouse, configured: Opened) -> Opened:
    """Opens a warehouse of either kind."""
    return configured


@pytest.fixture
def on_postgres(database: str, configured: Opened) -> Opened:
    """Opens a database of PostgreSQL."""
    return configured


def fax(id: int, *recipients: str, status: str | None = "success", version: str = "a") -> dict[str, Any]:
    """A fax with its recipients; its key changes with the version."""
    return {"id": id, "status": status, "key": f"{id}.{version}", "recipients": recipients}


def batch(*faxes: dict[str, Any]) -> dict[str, pa.Table]:
    """The Arrow tables of faxes and their recipients; no table that has no row."""
    parents = [
        {"account": "default", "id": fax["id"], "status": fax["status"], "created_at": DAY, "_dlt_id": fax["key"]}
        for fax in faxes
    ]
    children = [
        {
            "account": "default",
            "fax_id": fax["id"],
            "position": position,
            "number": number,
            "_dlt_parent_id": fax["key"],
            "_dlt_id": f"{fax['key']}.{position}",
        }
        for fax in faxes
        for position, number in enumerate(fax["recipients"])
    ]
    tables = {"faxes": parents, "fax_recipients": children}
    return {name: pa.Table.from_pylist(rows) for name, rows in tables.items() if rows}


def source(*faxes: dict[str, Any]) -> DltSource:
    """A source of one page, or of none if there is no fax; it has no cursor."""
    return source_of(dlt.resource([batch(*faxes)] if faxes else [], name=pages_name(FAXES), selected=False))


def pages_with_cursor(seen: list[Any], *faxes: dict[str, Any], until: datetime | None = None) -> DltResource:
    """One page that owns the cursor as a provider's pages do: `seen` is given its value, and `until` moves it."""

    @dlt.resource(name=pages_name(FAXES), selected=False)
    def pages(
        created_at: dlt.sources.incremental[datetime] = dlt.sources.incremental(CREATED_AT),  # noqa: B008
    ) -> Iterator[Any]:
        created_at.advance(None)  # type: ignore[arg-type]  # documented, but typed otherwise
        seen.append(created_at.last_value)
        yield batch(*faxes)
        if until:
            created_at.advance(until)
            dlt.current.resource_state()[READ_AT] = until

    return pages


def source_of(pages: DltResource) -> DltSource:
    """A source as a provider's is made: pages, and two tables picked from them."""

    def pick(name: str) -> Any:
        def picked(tables: dict[str, pa.Table]) -> Iterator[Any]:
            if name in tables:
                yield tables[name]

        parent = {"_dlt_parent_id": _KEYS["_dlt_parent_id"]} if name != "faxes" else {}
        columns: Any = {"_dlt_id": _KEYS["_dlt_id"], **parent}
        key = ["account", "id"] if name == "faxes" else ()
        table = dlt.transformer(
            picked, data_from=pages, name=name, write_disposition="merge", columns=columns, primary_key=key
        )
        if name != "faxes":
            table.apply_hints(additional_table_hints={NESTED_IN: "faxes"})
        return table

    return dlt.source(lambda: [pages, *map(pick, TABLES)], name="phaxio")()


def held(place: Warehouse, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
    return rows(place, f"select {columns} from fax_phaxio.{table} order by 1")


def test_the_destination_is_of_the_type_that_is_configured(opened: Opened, place: Warehouse) -> None:
    with opened() as warehouse:
        told = kind(warehouse.pipeline)

    assert told == place.kind


def test_an_extract_has_job_metrics_only_if_something_was_yielded(opened: Opened) -> None:
    with opened() as warehouse:
        warehouse.load(source(fax(1)))  # the first load holds dlt's own state in any case
        nothing = has_rows(warehouse.pipeline.extract(source()))
        something = has_rows(warehouse.pipeline.extract(source(fax(2))))

    assert (nothing, something) == (False, True)


def test_a_package_can_be_changed_by_its_id_between_normalize_and_load(opened: Opened, place: Warehouse) -> None:
    with opened() as warehouse:
        pipeline = warehouse.pipeline
        unnest_tables(pipeline)
        pipeline.extract(source(fax(1, "+12065550100")))
        pipeline.normalize()
        (package,) = pipeline.list_normalized_load_packages()
        nest_tables(pipeline, [package])
        storage = pipeline._get_load_storage().normalized_packages
        tables = storage.load_schema(package).tables
        pipeline.load(raise_on_failed_jobs=True)

    assert tables["fax_recipients"].get("parent") == "faxes"
    assert held(place, "_dlt_loads", "load_id, status") == [(package, 0)]


def test_children_in_a_nested_arrow_table_are_replaced_with_their_parent_even_by_none(
    opened: Opened, place: Warehouse
) -> None:
    with opened() as warehouse:
        warehouse.load(source(fax(1, "+12065550100", "+12065550101"), fax(2, "+12065550102"), fax(3)))
        warehouse.load(source(fax(1, version="b"), fax(3, "+12065550103", version="b")))

    assert held(place, "faxes", "_dlt_id") == [("1.b",), ("2.a",), ("3.b",)]
    assert held(place, "fax_recipients", "number") == [("+12065550102",), ("+12065550103",)]


def test_a_package_changed_for_its_load_leaves_the_stored_schema_as_it_is(opened: Opened, place: Warehouse) -> None:
    with opened() as warehouse:
        warehouse.load(source(fax(1, "+12065550100")))
    with opened() as warehouse:
        warehouse.load(source(fax(2)))  # without a row in the nested table
        warehouse.load(source(fax(3, "+12065550101")))

    assert held(place, "_dlt_version", "count(*)") == [(1,)]


def test_a_table_hint_of_our_own_is_restored_from_the_warehouse(opened: Opened) -> None:
    with opened() as warehouse:
        warehouse.load(source(fax(1, "+12065550100")))
    with opened() as warehouse:
        table: dict[str, Any] = dict(warehouse.pipeline.default_schema.tables["fax_recipients"])

    assert table.get(NESTED_IN) == "faxes"


def test_an_arrow_table_keeps_its_row_keys_and_is_given_the_load_id(opened: Opened, place: Warehouse) -> None:
    with opened() as warehouse:
        warehouse.load(source(fax(1, "+12065550100")))

    ((load_id,),) = held(place, "_dlt_loads", "load_id")
    assert held(place, "faxes", "_dlt_id, _dlt_load_id") == [("1.a", load_id)]
    assert held(place, "fax_recipients", "_dlt_id, _dlt_parent_id, _dlt_load_id") == [("1.a.0", "1.a", load_id)]


def test_a_name_normalized_by_the_schema_is_the_name_of_the_column(opened: Opened, place: Warehouse) -> None:
    names = ["Group By", "camelCase", "a b!", "x__y", "order", "1st"]
    with opened() as warehouse:
        naming = dlt.Schema("phaxio").naming
        normalized = [naming.normalize_identifier(name) for name in names]
        table = pa.table({"account": ["default"], "id": [1], "_dlt_id": ["1"], **{name: ["x"] for name in normalized}})
        made = dlt.resource([table], name="faxes", write_disposition="merge", primary_key=["account", "id"])
        warehouse.load(dlt.source(lambda: [made], name="phaxio")())
    listed = rows(place, "select column_name from information_schema.columns where table_schema = 'fax_phaxio'")

    assert {*normalized} <= {name for (name,) in listed}


def test_rows_pass_the_cursor_unfiltered_and_it_moves_only_as_told(opened: Opened, place: Warehouse) -> None:
    seen: list[Any] = []
    for number, until in enumerate((DAY + timedelta(days=9), None, None), 1):
        with opened() as warehouse:
            warehouse.load(
                source_of(pages_with_cursor(seen, fax(number), until=until))
            )  # its time lies before the cursor

    assert held(place, "faxes", "id") == [(1,), (2,), (3,)]
    assert seen == [None, DAY + timedelta(days=9), DAY + timedelta(days=9)]


def test_a_load_id_is_the_seconds_since_1970_as_text(opened: Opened, place: Warehouse) -> None:
    began = time.time()
    with opened() as warehouse:
        warehouse.load(source(fax(1)))
    ((load_id,),) = held(place, "_dlt_loads", "load_id")

    assert began - 1 <= float(load_id) <= time.time()
    assert f"{began - 9:.1f}" < load_id < f"{time.time() + 9:.1f}"


@pytest.mark.slow
def test_the_state_of_the_newest_committed_load_is_restored_and_older_rows_are_not_missed(
    opened: Opened, place: Warehouse
) -> None:
    seen: list[Any] = []
    for number in range(1, 4):
        with opened() as warehouse:
            warehouse.load(source_of(pages_with_cursor([], fax(number), until=DAY + timedelta(days=number))))
    with opened() as warehouse:
        pipeline = warehouse.pipeline
        for sql, parameters in deletions("fax_phaxio", pipeline.pipeline_name, datetime.now(UTC), TABLES[:1]):
            warehouse.client.execute_sql(sql, *parameters)
        left = warehouse.client.execute_sql("select count(*) from fax_phaxio._dlt_pipeline_state")
        warehouse.load(source_of(pages_with_cursor(seen, fax(4), until=DAY + timedelta(days=7))))
    place.write("delete from fax_phaxio._dlt_loads where load_id = (select max(load_id) from fax_phaxio._dlt_loads)")
    with opened() as warehouse:
        warehouse.load(source_of(pages_with_cursor(seen, fax(5))))

    assert left == [(1,)]
    assert seen == [DAY + timedelta(days=3), DAY + timedelta(days=3)]


def test_a_stored_state_tells_the_cursor_and_what_stands_beside_it(opened: Opened) -> None:
    until = DAY + timedelta(days=2)
    with opened() as warehouse:
        before = warehouse.position_of(FAXES)
        warehouse.load(source_of(pages_with_cursor([], fax(1), until=until)))
    with opened() as warehouse:
        stored, restored = warehouse.position_of(FAXES), position_in(warehouse.pipeline.state, "phaxio", FAXES)

    assert (before, stored, restored) == (Position(), Position(until, until), Position(until, until))


def test_a_stored_schema_is_told_as_the_pipeline_restores_it(opened: Opened) -> None:
    with opened() as warehouse:
        before = stored_schema(warehouse.session.job_client, "phaxio")
        warehouse.load(source(fax(1, "+12065550100")))
    with opened() as warehouse:
        stored = stored_schema(warehouse.session.job_client, "phaxio")
        restored = warehouse.pipeline.default_schema

    assert before is None
    assert stored is not None
    assert {*TABLES} <= {*stored.tables}
    assert stored.tables == restored.tables


def test_what_was_dropped_is_made_again_by_a_forced_update_of_the_schema(opened: Opened, place: Warehouse) -> None:
    with opened() as warehouse:
        warehouse.load(source(fax(1, "+12065550100")))
    place.write("drop table fax_phaxio.fax_recipients")
    place.write("alter table fax_phaxio.faxes drop column status")
    with opened() as warehouse:
        with warehouse.pipeline.destination_client() as client:
            client.update_stored_schema(force=True)
        warehouse.load(source(fax(2, "+12065550101")))

    assert held(place, "fax_recipients", "number") == [("+12065550101",)]
    assert held(place, "faxes", "id, status") == [(1, None), (2, "success")]


def test_a_load_is_staged_in_no_schema(opened: Opened, place: Warehouse) -> None:
    with opened() as warehouse:
        warehouse.load(source(fax(1, "+12065550100")))

    assert rows(place, "select 1 from information_schema.schemata where schema_name like '%staging'") == []


def test_the_error_of_the_driver_is_among_the_causes(opened: Opened) -> None:
    with opened() as warehouse, pytest.raises(DatabaseException) as refused:
        warehouse.client.execute_sql("select nothing from nowhere")

    assert any(isinstance(cause, duckdb.Error | psycopg2.Error) for cause in causes(refused.value))


def test_the_error_of_the_driver_in_a_load_is_among_the_causes(opened: Opened, place: Warehouse) -> None:
    with opened() as warehouse:
        warehouse.load(source(fax(1)))
    place.write("create table fax_phaxio.strange as select cast('x' as text) as id")
    place.write("drop table fax_phaxio.faxes")
    place.write("alter table fax_phaxio.strange rename to faxes")
    with opened() as warehouse, pytest.raises(Exception, match=r".") as failed:
        warehouse.load(source(fax(2)))

    assert any(isinstance(cause, duckdb.Error | psycopg2.Error) for cause in causes(failed.value))


def test_a_connection_of_its_own_shares_the_limits_of_an_open_duckdb_file(warehouse: Path, configured: Opened) -> None:
    with configured() as made, connected(made.pipeline) as other:
        limits = other.execute_sql("select current_setting('threads'), current_setting('memory_limit')")

    assert (warehouse.exists(), limits) == (True, [(1, "38.1 MiB")])


def test_credentials_given_to_the_destination_open_a_duckdb_file_that_cannot_be_written(
    warehouse: Path, configured: Opened
) -> None:
    with configured() as made:
        made.load(source(fax(1)))
    with configured() as made:
        pipeline = made.pipeline
        made.client.close_connection()
        file = duckdb_file(pipeline.destination_client())
        forbid_writing(pipeline, warehouse)
        with connected(pipeline) as client:
            read = client.execute_sql("select id from fax_phaxio.faxes")
            with pytest.raises(DatabaseException, match="read-only"):
                client.execute_sql("delete from fax_phaxio.faxes")

    assert (file, read) == (warehouse, [(1,)])


FENCED = """
    create function fenced() returns trigger language plpgsql as $$ begin
        if current_setting('fax.fenced', true) is distinct from 'yes' then
            raise 'not fenced: % of %', tg_op, tg_relid::regclass;
        end if;
        return null;
    end $$
"""


def test_every_write_of_a_load_is_in_a_transaction_that_began_with_the_fence(
    on_postgres: Opened, postgres: Server, database: str
) -> None:
    with on_postgres() as warehouse:
        warehouse.load(source(fax(1, "+12065550100")))
        listed = "select table_schema, table_name from information_schema.tables where table_schema like 'fax_phaxio%'"
        tables = [f"{schema}.{table}" for schema, table in postgres.query(database, listed)]
        postgres.query(database, FENCED)
        for table in tables:
            operations = "insert or update or delete or truncate"
            trigger = f"create trigger fenced before {operations} on {table} execute function public.fenced()"
            postgres.query(database, trigger)
        fence_loads(warehouse.pipeline, _mark)
        warehouse.load(source(fax(1, version="b"), fax(2, "+12065550101")))

    assert {*map("fax_phaxio.{}".format, TABLES), "fax_phaxio._dlt_loads"} <= {*tables}
    assert postgres.query(database, "select id from fax_phaxio.faxes order by 1") == [(1,), (2,)]


def _mark(client: Any) -> None:
    client.execute_sql("select set_config('fax.fenced', 'yes', true)")


class Refused(TerminalException):
    """What ends a job of a load."""


def _refuse_in_jobs(refusals: list[str]) -> Callable[[Any], None]:
    """A fence that lets through what the main thread writes, but no job."""

    def fence(client: Any) -> None:
        del client
        if threading.current_thread() is not threading.main_thread():
            refusals.append(threading.current_thread().name)
            raise Refused

    return fence


def test_a_job_that_a_terminal_exception_has_ended_is_not_tried_again(on_postgres: Opened) -> None:
    refusals: list[str] = []
    with on_postgres() as warehouse:
        warehouse.load(source(fax(1)))
        fence_loads(warehouse.pipeline, _refuse_in_jobs(refusals))
        with pytest.raises(Exception, match=r".") as failed:
            warehouse.load(source(fax(2)))

    assert any(isinstance(cause, Refused) for cause in causes(failed.value))
    assert len(refusals) == 1


def test_tables_have_their_keys_before_a_job_writes_to_them(
    on_postgres: Opened, postgres: Server, database: str
) -> None:
    with on_postgres() as warehouse:
        fence_loads(warehouse.pipeline, _refuse_in_jobs([]))
        with suppress(Exception):
            warehouse.load(source(fax(1, "+12065550100")))
    sql = "select indexname from pg_indexes where schemaname = 'fax_phaxio' and indexname like '%_key'"

    assert {("faxes_key",), ("fax_recipients_key",)} <= {*postgres.query(database, sql)}
    assert postgres.query(database, "select count(*) from fax_phaxio.faxes") == [(0,)]


def test_a_load_comes_as_parquet_files_that_a_merge_job_finds_until_it_has_ended(
    on_postgres: Opened, postgres: Server, database: str
) -> None:
    with on_postgres() as warehouse:
        warehouse.load(source(fax(1, "+12065550100"), fax(2)))
        package = warehouse.pipeline.get_load_package_info(warehouse.pipeline.list_completed_load_packages()[-1])
        formats = {
            (job.job_file_info.table_name, job.job_file_info.file_format) for job in package.jobs["completed_jobs"]
        }
    found = postgres.query(
        database,
        "select id, number from fax_phaxio.faxes left join fax_phaxio.fax_recipients"
        " on _dlt_parent_id = faxes._dlt_id order by 1",
    )

    assert found == [(1, "+12065550100"), (2, None)]
    assert formats >= {("faxes", "parquet"), ("fax_recipients", "parquet"), ("faxes", "sql")}


def test_a_merge_deletes_and_inserts_and_updates_no_row(on_postgres: Opened, postgres: Server, database: str) -> None:
    refuse = "create function refuse() returns trigger language plpgsql as $$ begin raise 'updated'; end $$"
    with on_postgres() as warehouse:
        warehouse.load(source(fax(1, "+12065550100")))
        postgres.query(database, refuse)
        for table in TABLES:
            trigger = f"create trigger refuse before update on fax_phaxio.{table} execute function public.refuse()"
            postgres.query(database, trigger)
        warehouse.load(source(fax(1, "+12065550101", version="b")))

    assert postgres.query(database, "select number from fax_phaxio.fax_recipients") == [("+12065550101",)]


def test_a_text_that_is_empty_or_looks_like_a_null_of_copy_stays_as_it_is(
    on_postgres: Opened, postgres: Server, database: str
) -> None:
    texts = ["", None, 'a "quoted", text\nof two lines', "\\N", "\\."]
    with on_postgres() as warehouse:
        warehouse.load(source(*(fax(number, status=text) for number, text in enumerate(texts))))
    found = postgres.query(database, "select status from fax_phaxio.faxes order by id")

    assert found == [(text,) for text in texts]


NOTED = """
    create function note() returns trigger language plpgsql as $$ begin
        insert into public.noted values (current_setting('fax.ours', true)); return null;
    end $$
"""


def test_every_connection_of_a_load_is_opened_by_our_client(
    on_postgres: Opened, postgres: Server, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c fax.ours=yes")  # dlt would send options of its own in place of these
    with on_postgres() as warehouse:
        warehouse.load(source(fax(1)))
        postgres.query(database, "create table public.noted (ours text)")
        postgres.query(database, NOTED)
        for table in ("fax_phaxio.faxes", "fax_phaxio._dlt_loads"):
            trigger = f"create trigger note before insert on {table} execute function public.note()"
            postgres.query(database, trigger)
        warehouse.load(source(fax(2)))

    assert postgres.query(database, "select ours, count(*) from public.noted group by 1") == [("yes", 2)]


def test_a_load_of_new_ids_deletes_nothing(on_postgres: Opened, postgres: Server, database: str) -> None:
    with on_postgres() as warehouse:
        warehouse.load(source(fax(1), fax(3)))
        postgres.query(database, "create table public.noted (ours text)")
        postgres.query(database, NOTED)
        postgres.query(database, "create trigger note before delete on fax_phaxio.faxes execute function public.note()")
        warehouse.load(source(fax(4), fax(5)))
        of_new = postgres.query(database, "select count(*) from public.noted")
        warehouse.load(source(fax(2), fax(3, status="failure"), fax(6)))
        of_changed = postgres.query(database, "select count(*) from public.noted")

    assert (of_new, of_changed) == ([(0,)], [(1,)])
    assert postgres.query(database, "select id from fax_phaxio.faxes order by 1") == [(id,) for id in range(1, 7)]


def test_a_load_inserts_in_the_order_of_the_key(on_postgres: Opened, postgres: Server, database: str) -> None:
    with on_postgres() as warehouse:
        warehouse.load(source(fax(3), fax(1), fax(2)))

    assert postgres.query(database, "select id from fax_phaxio.faxes order by ctid") == [(1,), (2,), (3,)]


def test_dlt_lists_the_sections_of_its_settings_by_name() -> None:
    listed = {value for name, value in vars(known_sections).items() if name.isupper()}

    assert {"sources", "destination", "load", "normalize", "extract", "schema", "data_writer"} <= listed


def test_the_providers_of_settings_give_values_in_the_order_of_dlt_and_tell_their_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SYNC__SCHEMA", "of_the_environment")
    found = [
        (provider.get_value(name, str, "", "sync")[0], provider.get_value_location(name, "", "sync"))
        for name in ("schema", "nothing")
        for provider in dlt.config.config_providers
    ]
    files = [file for provider in dlt.config.config_providers for file in provider.present_locations]

    assert [value for value, _ in found] == ["of_the_environment", None, "fax", None, None, None]
    assert (found[0][1], found[2][1]) == ("", "config.toml")
    assert [Path(file).name for file in files] == ["config.toml"]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("5", int, 5),
        ("2.5", float, 2.5),
        ("true", bool, True),
        ('["a", "b"]', list, ["a", "b"]),
        ("2026-11-20T00:00:00Z", datetime, DAY),
    ],
)
def test_a_text_of_the_environment_is_coerced_to_the_type_that_is_declared(text: str, kind: Any, value: Any) -> None:
    hint = Annotated[kind | None, "a limit"]
    declared = extract_inner_hint(hint, preserve_literal=True)  # type: ignore[arg-type]  # dlt takes any annotation

    assert (declared, deserialize_value("name", text, declared)) == (kind, value)


def test_a_setting_that_is_not_set_is_looked_up_once_with_the_lookup_cache(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEAST", "2")
    with lookups_cached():
        first = resolve_configuration(Limits())
        monkeypatch.setenv("LEAST", "3")
        monkeypatch.setenv("MOST", "8")
        second = resolve_configuration(Limits())
        logged = len(get_resolved_traces().all_traces)
        resolve_configuration(Limits())
        assert len(get_resolved_traces().all_traces) == logged
    third = resolve_configuration(Limits())
    assert len(get_resolved_traces().all_traces) > logged

    assert [(limits.least, limits.most) for limits in (first, second, third)] == [(2, 9), (3, 9), (3, 8)]


def test_a_setting_of_one_pipeline_is_found_for_it_alone_with_the_lookup_cache(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FAX_PHAXIO_B__MOST", "8")
    found = {}
    with lookups_cached():
        for name in ("fax_phaxio_a", "fax_phaxio_b", "fax_phaxio_c"):
            with inject_section(ConfigSectionContext(pipeline_name=name)):
                found[name] = resolve_configuration(Limits()).most

    assert found == {"fax_phaxio_a": 9, "fax_phaxio_b": 8, "fax_phaxio_c": 9}


def test_the_annotations_of_a_type_of_dlt_are_read_once_with_the_lookup_cache() -> None:
    def hints() -> Any:
        # The name as dlt's module has imported it: the cache replaces that one.
        return validation.get_type_hints(schema_types.TTableSchema, globalns=vars(schema_types))  # type: ignore[attr-defined]

    theirs = hints()
    with lookups_cached():
        read = [hints(), hints()]
        with pytest.raises(DictValidationException):
            validation.validate_dict(schema_types.TTableSchema, {"nmae": "faxes"}, "schema")

    assert read[0] is read[1]
    assert read[0] == theirs
    assert "get_type_hints" in validation.validate_dict.__code__.co_names


def test_dlt_writes_hints_as_yaml_only_into_its_metrics(on_postgres: Opened) -> None:
    assert "yaml" in Extract._compute_metrics.__code__.co_names
    with lookups_cached(), on_postgres() as warehouse:
        extracted = warehouse.pipeline.extract(source(fax(1)))
    hints = [hint for parts in extracted.metrics.values() for part in parts for hint in part["hints"].values()]

    assert {hint["columns"] for hint in hints if "columns" in hint} == {""}


def test_a_load_keeps_no_trace(on_postgres: Opened) -> None:
    with on_postgres() as warehouse:
        warehouse.load(source(fax(1)))

        assert warehouse.pipeline.last_trace is None
        assert not [*Path(warehouse.pipeline.working_dir).glob("trace*")]


def test_what_postgresql_can_do_depends_on_no_setting_of_the_destination(on_postgres: Opened) -> None:
    with on_postgres() as warehouse:
        destination: Any = warehouse.pipeline.destination
        resolved = warehouse.session.job_client.config

        assert dict(destination.capabilities()) == dict(destination.capabilities(resolved))
