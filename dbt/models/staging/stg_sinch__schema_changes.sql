{{ config(enabled='sinch' in var('fax_providers')) }}
select
    account
    , table_name
    , column_name
    , data_type
    , shape
    , first_seen_at
from {{ source('fax_sinch', 'schema_changes') }}
where _dlt_load_id in (select load_id from {{ source('fax_sinch', '_dlt_loads') }} where status = 0)
