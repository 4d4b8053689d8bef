with timed as (
    select
        month
        , provider
        , account
        , date_part('epoch', completed_at) - date_part('epoch', created_at) as seconds
    from {{ ref('fax__deliveries') }}
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
