-- How long sending took, from the creation of the fax until it had been delivered, where the provider tells when.
-- Delivered ones only. Test faxes are left out; deleted ones are in; open ones have no such time yet.
-- Grain: one row per month, provider and account.
-- month: its first day, in the time zone of the reports · deliveries: count
-- median_seconds, p95_seconds: half, and 95 of 100, took no longer
with timed as (
    select
        month
        , provider
        , account
        , cast(extract(epoch from completed_at) - extract(epoch from created_at) as double precision) as seconds
    from fax.deliveries
    where direction = 'sent' and outcome = 'delivered' and completed_at is not null
)

select
    month
    , provider
    , account
    , count(*)                                                            as deliveries
    , cast(percentile_cont(0.5) within group (order by seconds) as numeric(18, 3)) as median_seconds
    , cast(percentile_cont(0.95) within group (order by seconds) as numeric(18, 3)) as p95_seconds
from timed
group by 1, 2, 3
