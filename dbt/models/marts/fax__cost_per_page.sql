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
    from {{ ref('fax__deliveries') }}
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
