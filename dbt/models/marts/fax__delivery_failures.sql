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
from {{ ref('fax__deliveries') }} as deliveries
left join {{ ref('fax__repeated_sends') }} as repeated
    on repeated.provider = deliveries.provider and repeated.account = deliveries.account
    and repeated.fax_id = deliveries.fax_id and repeated.position = deliveries.position
where deliveries.outcome = 'failed'
group by 1, 2, 3, 4, 5, 6
