-- What faxes cost by day. Test faxes are left out; deleted ones are in; open ones are in, and counted apart.
-- Grain: one row per day, provider, account and direction.
-- day: in the time zone of the reports · faxes, open_faxes, pages: counts · cost_usd: US dollars
select
    cast(created_at at time zone :timezone as date)                       as day
    , provider
    , account
    , direction
    , count(*)                                                            as faxes
    , count(case when not is_final then 1 end)                            as open_faxes
    , cast(coalesce(sum(num_pages), 0) as bigint)                         as pages
    , cast(coalesce(sum(cost_usd), 0) as numeric(18, 6))                  as cost_usd
from fax.faxes
where not is_test
group by 1, 2, 3, 4
