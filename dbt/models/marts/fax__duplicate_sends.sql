with sent as (
    select
        provider
        , account
        , fax_id
        , position
        , created_at
        , date_part('epoch', created_at)                                  as at_seconds
        , cast(floor(date_part('epoch', created_at) / 1200) as bigint)    as third
        , cast(floor(date_part('epoch', created_at) / 1200 + 0.5) as bigint) as later_third
        , own_number
        , phone_number                                                    as other_number
        , num_pages                                                       as pages
        , coalesce(num_pages, 0)                                          as known_pages  -- `in` finds no null
        , outcome
        , cost_usd
    from {{ ref('fax__fax_recipients') }}
    where direction = 'sent' and phone_number is not null and is_test is not true
)

, shared_thirds as (
    select other_number, known_pages, third from sent group by other_number, known_pages, third having count(*) > 1
)

, shared_later_thirds as (
    select other_number, known_pages, later_third
    from sent
    group by other_number, known_pages, later_third
    having count(*) > 1
)

, compared as (
    select sent.*
    from sent
    where (other_number, known_pages, third) in (select other_number, known_pages, third from shared_thirds)
        or (other_number, known_pages, later_third)
        in (select other_number, known_pages, later_third from shared_later_thirds)
)

, tagged as (
    select
        tags.provider
        , tags.account
        , tags.fax_id
        , string_agg(tags.name || '=' || coalesce(tags.value, ''), ', ' order by tags.name) as tags
    from {{ ref('fax__fax_tags') }} as tags
    where (tags.provider, tags.account, tags.fax_id) in (select provider, account, fax_id from compared)
    group by 1, 2, 3
)

, ordered as (
    select
        compared.*
        , tagged.tags
        , lag(compared.fax_id) over alike                                 as earlier_fax_id
        , lag(compared.outcome) over alike                                as earlier_outcome
        , compared.at_seconds - lag(compared.at_seconds) over alike       as seconds_after
    from compared
    left join tagged
        on tagged.provider = compared.provider and tagged.account = compared.account
        and tagged.fax_id = compared.fax_id
    window alike as (
        partition by compared.provider, compared.account, compared.other_number, compared.pages, tagged.tags
        order by compared.created_at, compared.fax_id, compared.position
    )
)

select
    provider
    , account
    , fax_id
    , position
    , created_at
    , own_number
    , other_number
    , pages
    , tags
    , outcome
    , cost_usd
    , earlier_fax_id
    , earlier_outcome
    , cast(seconds_after as numeric(18, 3))                               as seconds_after
from ordered
where seconds_after <= 600
