-- Fields that a provider has added and that are not declared here. Grain: one row per account, table and field.
select
    account
    , table_name
    , column_name
    , data_type
    , shape
    , first_seen_at
from raw.schema_changes
where _dlt_load_id in (select load_id from raw._dlt_loads where status = 0)
