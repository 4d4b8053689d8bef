-- What faxes cost by month. Test faxes are left out; faxes still open are in, and counted apart.
-- Grain: one row per month, provider, account and direction.
-- month: first day of the month, UTC · faxes, open_faxes, pages: counts · cost_usd: US dollars
select
    cast(date_trunc('month', created_at at time zone 'UTC') as date)      as month
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
