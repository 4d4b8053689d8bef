with timed as (
    select
        provider
        , account
        , id                                                              as fax_id
        , created_at
        , from_number
        , to_number
        , date_part('epoch', created_at)                                  as at_seconds
        , cast(floor(date_part('epoch', created_at) / 3600) as bigint)    as hour
        , cast(floor(date_part('epoch', created_at) / 3600 + 0.5) as bigint) as half_past
    from {{ ref('fax__faxes') }}
    where direction = 'sent' and to_number is not null and is_test is not true
)

, shared_hours as (
    select to_number, hour from timed group by to_number, hour having count(*) > 1
)

, shared_half_past as (
    select to_number, half_past from timed group by to_number, half_past having count(*) > 1
)

, counted as (
    select
        timed.*
        , count(*) over (
            partition by provider, account, from_number, to_number order by at_seconds
            range between 1800 preceding and current row exclude group
        )                                                                 as earlier
        , count(*) over (
            partition by provider, account, from_number, to_number order by at_seconds
            range between current row and 1800 following exclude group
        )                                                                 as later
    from timed
    where (to_number, hour) in (select to_number, hour from shared_hours)
        or (to_number, half_past) in (select to_number, half_past from shared_half_past)
)

select
    provider
    , account
    , fax_id
    , cast(0 as bigint)                                                   as position
    , created_at
    , earlier
    , later
from counted
where earlier + later > 0
