select
    month
    , provider
    , account
    , direction
    , own_number
    , other_number
    , count(*)                                                            as deliveries
    , count(case when not is_final then 1 end)                            as open_deliveries
    , cast(coalesce(sum(pages), 0) as bigint)                             as pages
    , cast(coalesce(sum(cost_usd), 0) as numeric(18, 6))                  as cost_usd
from {{ ref('fax__deliveries') }}
group by 1, 2, 3, 4, 5, 6
