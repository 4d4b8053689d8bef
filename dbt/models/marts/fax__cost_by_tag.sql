with counted as (
    select
        calendar.month
        , faxes.provider
        , faxes.account
        , faxes.id
        , faxes.num_pages
        , faxes.cost_usd
        , faxes.is_final
    from {{ ref('fax__faxes') }} as faxes
    cross join lateral (
        select cast(floor(date_part('epoch', faxes.created_at) / 900) as bigint) as quarter, cast(faxes.created_at at time zone '{{ var("fax_timezone") }}' as date) as day, cast(date_trunc('month', faxes.created_at at time zone '{{ var("fax_timezone") }}') as date) as month) as calendar
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
    left join {{ ref('fax__fax_tags') }} as tags
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
