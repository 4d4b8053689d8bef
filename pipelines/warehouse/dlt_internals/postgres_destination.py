"""PostgreSQL as dlt's destination, with its own connections, merge and unique indexes.

dlt 1.31 creates a unique index over `_dlt_id` in every table. `_dlt_id` is a digest, so this index is the slowest part
of a load. Here, a unique index over the key replaces it (`unique_keys.py`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg2
from dlt.common.schema import Schema
from dlt.common.schema.typing import TColumnSchema
from dlt.destinations.impl.postgres import factory
from dlt.destinations.impl.postgres.postgres import PostgresClient

from pipelines.warehouse.dlt_internals.merge_jobs import MergingClient, use_parquet
from pipelines.warehouse.dlt_internals.postgres_merge import Append, replace
from pipelines.warehouse.dlt_internals.postgres_session import Configuration, Fence, SqlClient
from pipelines.warehouse.dlt_internals.stored_state import Types, column_types, contradictions, set_types, stored_schema
from pipelines.warehouse.dlt_internals.unique_keys import keys_of, require_keys
from sources.errors import Busy


class postgres(factory.postgres):  # dlt takes the class name as the type of the destination
    """dlt's destination of this name, with the client below."""

    spec: Any = Configuration
    fence: Fence | None = None  # for clients that are created later

    def _raw_capabilities(self) -> Any:
        return use_parquet(super()._raw_capabilities())

    def capabilities(self, config: Any = None, naming: Any = None) -> Any:
        """The capabilities, without resolving the settings, as dlt would at each step of a load."""
        return super().capabilities(config or self.spec(), naming)

    def client(self, schema: Any, initial_config: Any = None) -> Any:
        """A client whose transactions call the fence first, except for a single query that only reads."""
        made: Any = super().client(schema, initial_config)
        made.sql_client.fence = self.fence
        return made

    @property
    def client_class(self) -> type[PostgresClient]:
        """The client that creates the jobs of a load."""
        return _Client


class _Contradicted(Exception):
    """Columns for new fields have other types in the database than in the schema of a load: `types`."""

    def __init__(self, types: Types) -> None:
        listed = ", ".join(f"{table}.{column}" for table, column in sorted(types))
        super().__init__(f"{listed} exists with another type than this run expected, perhaps added by another run")
        self.types = types


class _Client(MergingClient, PostgresClient):
    append = Append
    refusals = (psycopg2.IntegrityError, psycopg2.DataError, psycopg2.errors.RaiseException)  # the last is of a trigger

    def __init__(self, schema: Any, config: Any, capabilities: Any) -> None:
        super().__init__(schema, config, capabilities)
        theirs = self.sql_client
        self.sql_client = SqlClient(theirs.dataset_name, theirs.staging_dataset_name, config.credentials, capabilities)

    def replace(
        self, key: Sequence[str], columns: Mapping[str, Sequence[str]], files: Mapping[str, Sequence[str]]
    ) -> None:
        replace(self.sql_client, keys_of(self.schema), key, columns, files)

    def update_stored_schema(self, *args: Any, **kwargs: Any) -> Any:
        try:
            applied = super().update_stored_schema(*args, **kwargs)
        except _Contradicted as contradicted:
            self._correct_stored_schema(contradicted.types)
            raise Busy(f"{contradicted}: run again") from contradicted
        require_keys(self.sql_client, self.sql_client.dataset_name, self.schema)
        return applied

    def _execute_schema_update_sql(self, *args: Any, **kwargs: Any) -> Any:
        """Adds the tables and columns of a schema version that is not stored yet, and stores it."""
        existing = column_types(self.sql_client, self.sql_client.dataset_name)
        is_stored = (self.schema.version_table_name, "version_hash") in existing
        if is_stored and (types := contradictions(self.schema, existing)):
            raise _Contradicted(types)
        return super()._execute_schema_update_sql(*args, **kwargs)

    def _correct_stored_schema(self, types: Types) -> None:
        """Stores a version of the newest stored schema in which these columns have these types."""
        newest = stored_schema(self, self.schema.name) or self.schema.clone()
        set_types(newest, types)
        if newest.is_modified:
            content: Any = newest.to_dict()
            self._update_schema_in_storage(Schema.from_dict(content))  # with the hash of the new content

    def _get_table_update_sql(
        self, table_name: str, new_columns: Sequence[TColumnSchema], generate_alter: bool
    ) -> list[str]:
        if (key := keys_of(self.schema).get(table_name)) and not generate_alter:
            whole: TColumnSchema = {"unique": False, "nullable": False}  # as a replica identity requires
            new_columns = [
                {**column, **whole} if column["name"] in key else {**column, "unique": False} for column in new_columns
            ]
        return super()._get_table_update_sql(table_name, new_columns, generate_alter)
