-- What a delivered page costs at each provider, for the same destination, and which provider is the cheapest there.
-- The whole cost counts, that of failed deliveries too, divided by the delivered pages whose cost is known.
-- Test faxes are left out; deleted ones are in; deliveries of open faxes are in, and counted apart.
-- Grain: one row per month, direction, country_code, area_code and provider.
--   deliveries: Number of deliveries.
--   open_deliveries: How many of the deliveries are of faxes that are not final yet.
--   delivered_pages: Sheets of the deliveries that arrived.
--   priced_pages: How many of the delivered pages have a cost in US dollars.
--   cost_usd: Cost of the deliveries, failed ones included, US dollars.
--   usd_per_page: cost_usd divided by priced_pages, US dollars a page; null without a priced page.
--   providers: Number of providers with a price there.
--   is_cheapest: No other provider has a lower usd_per_page there; null where there is only one.
with counted as (
    select
        month
        , direction
        , country_code
        , area_code
        , provider
        , count(*)                                                        as deliveries
        , count(case when not is_final then 1 end)                        as open_deliveries
        , cast(coalesce(sum(case outcome when 'delivered' then pages end), 0) as bigint) as delivered_pages
        , cast(coalesce(sum(case when outcome = 'delivered' and cost_usd is not null then pages end), 0) as bigint)
            as priced_pages
        , cast(coalesce(sum(cost_usd), 0) as numeric(18, 6))              as cost_usd
    from fax.deliveries
    group by 1, 2, 3, 4, 5
)

, priced as (
    select
        month
        , direction
        , country_code
        , area_code
        , provider
        , deliveries
        , open_deliveries
        , delivered_pages
        , priced_pages
        , cost_usd
        , cast(cost_usd / nullif(priced_pages, 0) as numeric(18, 6))   as usd_per_page
    from counted
)

, compared as (
    select
        priced.*
        , count(usd_per_page) over (partition by month, direction, country_code, area_code) as providers
        , min(usd_per_page) over (partition by month, direction, country_code, area_code) as lowest
    from priced
)

select
    month
    , direction
    , country_code
    , area_code
    , provider
    , deliveries
    , open_deliveries
    , delivered_pages
    , priced_pages
    , cost_usd
    , usd_per_page
    , providers
    , case when providers > 1 then usd_per_page = lowest end              as is_cheapest
from compared
