{{ config(enabled='sinch' in var('fax_providers')) }}
select
    account
    , run_id
    , started_at
    , finished_at
    , exit_code
    , rows_new
    , rows_changed
    , loads
    , requests
    , retries
    , bytes
    , balance_usd
    , balance_read_at
from {{ source('fax_sinch', 'sync_runs') }}
