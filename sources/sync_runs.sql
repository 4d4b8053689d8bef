-- Runs that wrote something, or failed. Grain: one row per account and run.
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
from raw.sync_runs
