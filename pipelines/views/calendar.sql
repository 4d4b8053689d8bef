-- The day and month of each quarter of an hour in which a fax was created, in the time zone of the reports.
-- In every time zone a day begins at a whole quarter, so DuckDB converts a few thousand quarters instead of millions of instants.
-- In PostgreSQL no view joins it: convert `created_at` itself there.
-- Grain: one row per quarter.
--   quarter: Quarters of an hour since 1970, UTC.
--   day: Day of the quarter, in the time zone of the reports.
--   month: First day of the month, in the time zone of the reports.
with quarters as (
    select distinct cast(floor(date_part('epoch', created_at) / 900) as bigint) as quarter
    from fax.faxes
)

select
    quarter
    , cast(to_timestamp(quarter * 900) at time zone :timezone as date)    as day
    , cast(date_trunc('month', to_timestamp(quarter * 900) at time zone :timezone) as date) as month
from quarters
