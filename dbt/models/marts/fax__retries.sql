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
from {{ ref('fax__deliveries') }} as deliveries
left join {{ ref('fax__repeated_sends') }} as repeated
    on repeated.provider = deliveries.provider and repeated.account = deliveries.account
    and repeated.fax_id = deliveries.fax_id and repeated.position = deliveries.position
where deliveries.direction = 'sent'
group by 1, 2, 3, 4
