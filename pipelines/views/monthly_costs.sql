-- What faxes cost by month. Test faxes are left out; deleted ones are in; open ones are in, and counted apart.
-- Grain: one row per month, provider, account and direction.
-- month: its first day, in the time zone of the reports · faxes, open_faxes, pages: counts · cost_usd: US dollars
select
    cast(date_trunc('month', day) as date)                                as month
    , provider
    , account
    , direction
    , cast(sum(faxes) as bigint)                                          as faxes
    , cast(sum(open_faxes) as bigint)                                     as open_faxes
    , cast(sum(pages) as bigint)                                          as pages
    , cast(sum(cost_usd) as numeric(18, 6))                               as cost_usd
from fax.daily_costs
group by 1, 2, 3, 4
