-- Why deliveries failed, what the failed ones cost, and how many of them were tried again.
-- Test faxes are left out; deleted ones are in; open ones are out, except their deliveries that have failed.
-- Grain: one row per month, provider, account, direction, error_type and error_code.
--   failures: Number of failed deliveries.
--   retried: Failures that were followed by another call of the provider, or within 30 minutes by another fax.
--   pages: Sheets of the faxes, for each delivery.
--   cost_usd: Cost of the failed deliveries, US dollars.
select
    deliveries.month
    , deliveries.provider
    , deliveries.account
    , deliveries.direction
    , deliveries.error_type
    , deliveries.error_code
    , count(*)                                                            as failures
    , count(case when coalesce(deliveries.retry_count, repeated.later) > 0 then 1 end) as retried
    , cast(coalesce(sum(deliveries.pages), 0) as bigint)                  as pages
    , cast(coalesce(sum(deliveries.cost_usd), 0) as numeric(18, 6))       as cost_usd
from fax.deliveries as deliveries
left join fax.repeated_sends as repeated
    on repeated.provider = deliveries.provider and repeated.account = deliveries.account
    and repeated.fax_id = deliveries.fax_id and repeated.position = deliveries.position
where deliveries.outcome = 'failed'
group by 1, 2, 3, 4, 5, 6
