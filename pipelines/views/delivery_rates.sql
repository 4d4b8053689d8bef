-- How deliveries ended, by day and destination. Test faxes are left out; deleted and open ones are in.
-- Grain: one row per day, provider, account, direction, country_code and area_code.
--   day: Day of creation, in the time zone of the reports.
--   deliveries: Number of deliveries; the sum of the five outcomes.
--   delivered: How many of the deliveries arrived.
--   failed: How many of the deliveries failed.
--   partial: How many of the deliveries arrived in part.
--   open_deliveries: How many of the deliveries are not final yet.
--   unknown: How many of the deliveries ended in a way that the provider does not give.
--   delivered_rate: Delivered by the sum of delivered, failed and partial, 0 to 1; null without any.
--   pages: Sheets of the faxes, for each delivery.
--   cost_usd: Cost of the deliveries, US dollars.
with counted as (
    select
        day
        , provider
        , account
        , direction
        , country_code
        , area_code
        , count(*)                                                        as deliveries
        , count(case outcome when 'delivered' then 1 end)                 as delivered
        , count(case outcome when 'failed' then 1 end)                    as failed
        , count(case outcome when 'partial' then 1 end)                   as partial
        , count(case outcome when 'open' then 1 end)                      as open_deliveries
        , count(case outcome when 'unknown' then 1 end)                   as unknown
        , cast(coalesce(sum(pages), 0) as bigint)                         as pages
        , cast(coalesce(sum(cost_usd), 0) as numeric(18, 6))              as cost_usd
    from fax.deliveries
    group by 1, 2, 3, 4, 5, 6
)

select
    day
    , provider
    , account
    , direction
    , country_code
    , area_code
    , deliveries
    , delivered
    , failed
    , partial
    , open_deliveries
    , unknown
    , cast(1.0 * delivered / nullif(delivered + failed + partial, 0) as numeric(9, 6)) as delivered_rate
    , pages
    , cost_usd
from counted
