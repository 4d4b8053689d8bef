-- What faxes cost by pair of numbers: each own number with each other party. Test faxes are left out; deleted ones are in;
-- deliveries of open faxes are in, and counted apart. A fax counts once for each recipient, with its part of the cost.
-- Grain: one row per month, provider, account, direction, own_number and other_number.
--   own_number: Number of the account.
--   other_number: Number of the other party.
--   deliveries: Number of deliveries.
--   open_deliveries: How many of the deliveries are of faxes that are not final yet.
--   pages: Sheets of the faxes, for each delivery.
--   cost_usd: Cost of the deliveries, US dollars.
select
    month
    , provider
    , account
    , direction
    , own_number
    , other_number
    , count(*)                                                            as deliveries
    , count(case when not is_final then 1 end)                            as open_deliveries
    , cast(coalesce(sum(pages), 0) as bigint)                             as pages
    , cast(coalesce(sum(cost_usd), 0) as numeric(18, 6))                  as cost_usd
from fax.deliveries
group by 1, 2, 3, 4, 5, 6
