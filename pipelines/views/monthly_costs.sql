-- What faxes cost by month. Test faxes are left out; deleted ones are in; open ones are in, and counted apart.
-- Grain: one row per month, provider, account and direction.
--   month: First day of the month, in the time zone of the reports.
--   faxes: Number of faxes.
--   open_faxes: How many of the faxes are not final yet; their cost may still change.
--   unpriced_faxes: How many of the delivered faxes have no cost in US dollars, and are in no sum.
--   pages: Sheets of the faxes.
--   cost_usd: Cost of the faxes, US dollars.
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
from fax.daily_costs
group by 1, 2, 3, 4
