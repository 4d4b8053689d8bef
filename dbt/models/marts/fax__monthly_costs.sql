select
    cast(date_trunc('month', day) as date)                                as month
    , provider
    , account
    , direction
    , cast(sum(faxes) as bigint)                                          as faxes
    , cast(sum(open_faxes) as bigint)                                     as open_faxes
    , cast(sum(unpriced_faxes) as bigint)                                 as unpriced_faxes
    , cast(sum(pages) as bigint)                                          as pages
    , cast(sum(cost_usd) as numeric(18, 6))                               as cost_usd
from {{ ref('fax__daily_costs') }}
group by 1, 2, 3, 4
