{{ config(enabled='phaxio' in var('fax_providers')) }}
select
    account
    , from_at
    , to_at
    , provider_total
    , provider_total_last
    , rows_seen
    , rows_taken
    , rows_new
    , rows_changed
    , requests
    , retries
    , proof
    , run_id
    , finished_at
    , 'faxes' as table_name
from {{ source('fax_phaxio', 'sync_windows') }}
where _dlt_load_id in (select load_id from {{ source('fax_phaxio', '_dlt_loads') }} where status = 0)
