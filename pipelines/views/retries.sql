-- How often sending took more than one call, and how it ended: the provider's own count of retries; where it gives
-- none, how many faxes the same pair of numbers had in the 30 minutes before.
-- Sent faxes only. Test faxes are left out; deleted ones are in; deliveries of open faxes are in, and counted apart.
-- Grain: one row per month, provider, account and retries.
--   month: First day of the month, in the time zone of the reports.
--   retries: Calls before the last one, by the provider; else faxes between the same numbers in the 30 minutes before.
--   deliveries: Number of deliveries.
--   open_deliveries: How many of the deliveries are of faxes that are not final yet.
--   delivered: How many of the deliveries arrived.
--   failed: How many of the deliveries failed.
--   cost_usd: Cost of the deliveries, US dollars.
select
    deliveries.month
    , deliveries.provider
    , deliveries.account
    , coalesce(deliveries.retry_count, repeated.earlier, 0)               as retries
    , count(*)                                                            as deliveries
    , count(case when not deliveries.is_final then 1 end)                 as open_deliveries
    , count(case deliveries.outcome when 'delivered' then 1 end)          as delivered
    , count(case deliveries.outcome when 'failed' then 1 end)             as failed
    , cast(coalesce(sum(deliveries.cost_usd), 0) as numeric(18, 6))       as cost_usd
from fax.deliveries as deliveries
left join fax.repeated_sends as repeated
    on repeated.provider = deliveries.provider and repeated.account = deliveries.account
    and repeated.fax_id = deliveries.fax_id and repeated.position = deliveries.position
where deliveries.direction = 'sent'
group by 1, 2, 3, 4
