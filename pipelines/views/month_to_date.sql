-- What the current month has cost so far, and what it will probably cost. Test faxes are left out; deleted and open ones are in.
-- The current month is the one that the account was last read in.
-- A fax that was deleted at the provider before a run could read it is counted, but its cost is not known, and is in no sum; such
-- faxes have is_deleted, outcome unknown and no cost_usd in fax.faxes, and check.py says how many there are.
-- Grain: one row per provider and account.
--   month: First day of the current month, in the time zone of the reports.
--   through_day: Last day that was read, probably in part.
--   faxes: Number of faxes in the month so far.
--   open_faxes: How many of the faxes are not final yet; their cost may still change.
--   cost_usd: Cost so far, US dollars.
--   last_month_cost_usd: Cost of the month before through the same day, US dollars.
--   last_month_total_usd: Cost of the whole month before, US dollars.
--   forecast_usd: Cost so far divided by the part of the month that has passed, US dollars; null at the start of the month.
--   forecast_low_usd: Forecast by the one of the six months before whose cost grew least after this day, US dollars; null without one.
--   forecast_high_usd: Forecast by the one of those months whose cost grew most after this day, US dollars; null without one.
with reached as (
    select
        provider
        , account
        , max(to_at) at time zone :timezone                               as read_at
    from fax.sync_windows
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
    inner join fax.daily_costs as costs
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
