with reached as (
    select
        provider
        , account
        , max(to_at) at time zone '{{ var("fax_timezone") }}'                               as read_at
    from {{ ref('fax__sync_windows') }}
    group by 1, 2
)

, months as (
    select
        provider
        , account
        , cast(date_trunc('month', read_at) as date)                      as month
        , cast(read_at as date)                                           as through_day
        , date_part('epoch', read_at - date_trunc('month', read_at))
            / date_part('epoch', date_trunc('month', read_at) + interval '1 month' - date_trunc('month', read_at))
                                                                          as passed
    from reached
)

, days as (
    select
        months.provider
        , months.account
        , months.month
        , cast(date_trunc('month', costs.day) as date)                    as spent_in
        , extract(day from costs.day) <= extract(day from months.through_day) as is_through
        , costs.faxes
        , costs.open_faxes
        , costs.cost_usd
    from months
    inner join {{ ref('fax__daily_costs') }} as costs
        on costs.provider = months.provider and costs.account = months.account
        and costs.day >= months.month - interval '6 months'
        and costs.day < months.month + interval '1 month'
)

, spent as (
    select
        provider
        , account
        , month
        , spent_in
        , sum(faxes)                                                      as faxes
        , sum(open_faxes)                                                 as open_faxes
        , sum(cost_usd)                                                   as total_usd
        , coalesce(sum(case when is_through then cost_usd end), 0)        as through_usd
    from days
    group by 1, 2, 3, 4
)

, compared as (
    select
        months.provider
        , months.account
        , months.month
        , months.through_day
        , months.passed
        , coalesce(sum(case when spent_in = months.month then faxes end), 0) as faxes
        , coalesce(sum(case when spent_in = months.month then open_faxes end), 0) as open_faxes
        , coalesce(sum(case when spent_in = months.month then total_usd end), 0) as cost_usd
        , coalesce(sum(case when spent_in = months.month - interval '1 month' then through_usd end), 0) as last_month_cost_usd
        , coalesce(sum(case when spent_in = months.month - interval '1 month' then total_usd end), 0) as last_month_total_usd
        , min(case when spent_in < months.month then total_usd / nullif(through_usd, 0) end) as low
        , max(case when spent_in < months.month then total_usd / nullif(through_usd, 0) end) as high
    from months
    left join spent
        on spent.provider = months.provider and spent.account = months.account
    group by 1, 2, 3, 4, 5
)

select
    provider
    , account
    , month
    , through_day
    , cast(faxes as bigint)                                               as faxes
    , cast(open_faxes as bigint)                                          as open_faxes
    , cast(cost_usd as numeric(18, 6))                                    as cost_usd
    , cast(last_month_cost_usd as numeric(18, 6))                         as last_month_cost_usd
    , cast(last_month_total_usd as numeric(18, 6))                        as last_month_total_usd
    , cast(cost_usd / nullif(passed, 0) as numeric(18, 6))                as forecast_usd
    , cast(cost_usd * low as numeric(18, 6))                              as forecast_low_usd
    , cast(cost_usd * high as numeric(18, 6))                             as forecast_high_usd
from compared
