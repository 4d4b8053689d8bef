select
    calendar.day
    , faxes.provider
    , faxes.account
    , faxes.direction
    , count(*)                                                            as faxes
    , count(case when not faxes.is_final then 1 end)                      as open_faxes
    , count(case when faxes.outcome in ('delivered', 'partial') and faxes.is_final and faxes.cost_usd is null then 1 end)
        as unpriced_faxes
    , cast(coalesce(sum(faxes.num_pages), 0) as bigint)                   as pages
    , cast(coalesce(sum(faxes.cost_usd), 0) as numeric(18, 6))            as cost_usd
from {{ ref('fax__faxes') }} as faxes
cross join lateral (
    select cast(floor(date_part('epoch', faxes.created_at) / 900) as bigint) as quarter, cast(faxes.created_at at time zone '{{ var("fax_timezone") }}' as date) as day, cast(date_trunc('month', faxes.created_at at time zone '{{ var("fax_timezone") }}') as date) as month) as calendar
where faxes.is_test is not true
group by 1, 2, 3, 4
