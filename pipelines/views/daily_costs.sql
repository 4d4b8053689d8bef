-- What faxes cost by day. Test faxes are left out; deleted ones are in; open ones are in, and counted apart.
-- Grain: one row per day, provider, account and direction.
--   day: Day of creation, in the time zone of the reports.
--   faxes: Number of faxes.
--   open_faxes: How many of the faxes are not final yet; their cost may still change.
--   unpriced_faxes: How many of the delivered faxes have no cost in US dollars, and are in no sum.
--   pages: Sheets of the faxes.
--   cost_usd: Cost of the faxes, US dollars.
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
from fax.faxes as faxes
inner join fax.calendar as calendar
    on calendar.quarter = cast(floor(date_part('epoch', faxes.created_at) / 900) as bigint)
where faxes.is_test is not true
group by 1, 2, 3, 4
