select
    deliveries.provider
    , deliveries.account
    , deliveries.fax_id
    , deliveries.position
    , deliveries.created_at
    , calendar.day
    , calendar.month
    , deliveries.direction
    , deliveries.own_number
    , deliveries.phone_number                                                   as other_number
    , case
        when deliveries.phone_number like '+1%' then '1'
        when deliveries.phone_number not like '+%' then null
        when deliveries.phone_number like '+7%' then '7'
        -- not `in`: DuckDB makes a join of a long list, also for a query that does not read the column
        when strpos(' 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 ', ' ' || substr(deliveries.phone_number, 2, 2) || ' ') > 0
            then substr(deliveries.phone_number, 2, 2)
        when substr(deliveries.phone_number, 2, 1) between '2' and '9' then substr(deliveries.phone_number, 2, 3)
    end                                                                   as country_code
    , case
        when deliveries.phone_number like '+1%'
            and (length(deliveries.phone_number) = 12 or strpos(deliveries.phone_number, '~') = 6)  -- or a pseudonym
            then substr(deliveries.phone_number, 3, 3)
    end                                                                   as area_code
    , deliveries.outcome
    , deliveries.provider_status
    , deliveries.retry_count
    , deliveries.completed_at
    , deliveries.error_type
    , deliveries.error_code
    , deliveries.num_pages                                                      as pages
    , deliveries.cost_usd
    , deliveries.is_final
from {{ ref('fax__fax_recipients') }} as deliveries
cross join lateral (
    select cast(floor(date_part('epoch', deliveries.created_at) / 900) as bigint) as quarter, cast(deliveries.created_at at time zone '{{ var("fax_timezone") }}' as date) as day, cast(date_trunc('month', deliveries.created_at at time zone '{{ var("fax_timezone") }}') as date) as month) as calendar
where deliveries.is_test is not true
