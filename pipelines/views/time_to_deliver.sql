-- How long sending took, from the creation of the fax to its delivery, if the provider gives that time.
-- Delivered ones only. Test faxes are left out; deleted ones are in; open ones have no such time yet.
-- Grain: one row per month, provider and account.
--   month: First day of the month, in the time zone of the reports.
--   deliveries: Number of delivered faxes, once for each recipient.
--   median_seconds: Half of the deliveries took no longer, seconds.
--   p95_seconds: 95 percent of the deliveries took no longer, seconds.
with timed as (
    select
        month
        , provider
        , account
        , date_part('epoch', completed_at) - date_part('epoch', created_at) as seconds
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
