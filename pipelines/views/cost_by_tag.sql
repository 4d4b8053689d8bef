-- What to charge on: costs by tag. Test faxes are left out; deleted ones are in; open ones are in, and counted apart.
-- Each tag name has rows for all faxes of every month in which it is used: those with the tag by its value, all others, of
-- any provider, with is_tagged false. So the rows of one name sum to the month. Those of several names do not, because a fax
-- with two tags counts under both. The rows with name null are the faxes without any tag; do not add them to other names.
-- Grain: one row per month, provider, account, name, is_tagged and value.
--   month: First day of the month, in the time zone of the reports.
--   name: Name of the tag; null for the faxes without any tag.
--   is_tagged: The faxes have the tag; false for all other faxes of the month.
--   value: Value of the tag; null if is_tagged is false.
--   faxes: Number of faxes.
--   open_faxes: How many of the faxes are not final yet; their cost may still change.
--   pages: Sheets of the faxes.
--   cost_usd: Cost of the faxes, US dollars.
with counted as (
    select
        calendar.month
        , faxes.provider
        , faxes.account
        , faxes.id
        , faxes.num_pages
        , faxes.cost_usd
        , faxes.is_final
    from fax.faxes as faxes
    inner join fax.calendar as calendar
        on calendar.quarter = cast(floor(date_part('epoch', faxes.created_at) / 900) as bigint)
    where faxes.is_test is not true
)

, totals as (
    select
        month
        , provider
        , account
        , count(*)                                                        as faxes
        , count(case when not is_final then 1 end)                        as open_faxes
        , coalesce(sum(num_pages), 0)                                     as pages
        , coalesce(sum(cost_usd), 0)                                      as cost_usd
    from counted
    group by 1, 2, 3
)

, labelled as (
    select
        counted.month
        , counted.provider
        , counted.account
        , tags.name
        , tags.value
        , counted.num_pages
        , counted.cost_usd
        , counted.is_final
    from counted
    left join fax.fax_tags as tags
        on tags.fax_id = counted.id and tags.account = counted.account and tags.provider = counted.provider
        and tags.name is not null
    -- apart from the groups: else PostgreSQL sorts faxes and tags by the groups' columns first, which takes twice as long
    offset 0
)

, tagged as (
    select
        month
        , provider
        , account
        , name
        , value
        , count(*)                                                        as faxes
        , count(case when not is_final then 1 end)                        as open_faxes
        , coalesce(sum(num_pages), 0)                                     as pages
        , coalesce(sum(cost_usd), 0)                                      as cost_usd
    from labelled
    group by 1, 2, 3, 4, 5
)

, named as (
    select
        month
        , provider
        , account
        , name
        , sum(faxes)                                                      as faxes
        , sum(open_faxes)                                                 as open_faxes
        , sum(pages)                                                      as pages
        , sum(cost_usd)                                                   as cost_usd
    from tagged
    where name is not null
    group by 1, 2, 3, 4
)

, names as (
    select distinct month, name from named
)

, untagged as (
    select
        totals.month
        , totals.provider
        , totals.account
        , names.name
        , totals.faxes - coalesce(named.faxes, 0)                         as faxes
        , totals.open_faxes - coalesce(named.open_faxes, 0)               as open_faxes
        , totals.pages - coalesce(named.pages, 0)                         as pages
        , totals.cost_usd - coalesce(named.cost_usd, 0)                   as cost_usd
    from totals
    inner join names
        on names.month = totals.month
    left join named
        on named.month = totals.month and named.provider = totals.provider and named.account = totals.account
        and named.name = names.name
)

select
    month
    , provider
    , account
    , name
    , name is not null                                                    as is_tagged
    , value
    , faxes
    , open_faxes
    , cast(pages as bigint)                                               as pages
    , cast(cost_usd as numeric(18, 6))                                    as cost_usd
from tagged
union all
select
    month
    , provider
    , account
    , name
    , false
    , null
    , cast(faxes as bigint)
    , cast(open_faxes as bigint)
    , cast(pages as bigint)
    , cast(cost_usd as numeric(18, 6))
from untagged
where faxes > 0
