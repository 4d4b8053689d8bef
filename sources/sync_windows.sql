-- Windows of creation time that were walked. Grain: one row per window, of committed loads only; after seven days those
-- that others cover are deleted.
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
    , :table_name as table_name
from raw.sync_windows
where _dlt_load_id in (select load_id from raw._dlt_loads where status = 0)
