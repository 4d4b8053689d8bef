-- Every window of creation time that was walked. Grain: one row per window, of committed loads only.
select
    account
    , from_at
    , to_at
    , provider_total
    , rows_seen
    , rows_taken
    , rows_new
    , rows_changed
    , requests
    , retries
    , proof
    , run_id
    , finished_at
from raw.sync_windows
where _dlt_load_id in (select load_id from raw._dlt_loads where status = 0)
