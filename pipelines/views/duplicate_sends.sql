-- What was probably sent twice: to the same destination, with as many pages and the same tags, within ten minutes.
-- Sent faxes of one account only; the earlier one may have failed. Test faxes are left out; deleted and open ones are in.
-- Grain: one row per provider, account, fax_id and position.
-- created_at: UTC · earlier_fax_id, earlier_outcome: the one before · seconds_after: since then · tags: name=value, by name
-- pages: sheets · cost_usd: what the repeat costs, US dollars
with tagged as (
    select
        provider
        , account
        , fax_id
        , string_agg(name || '=' || coalesce(value, ''), ', ' order by name) as tags
    from fax.fax_tags
    group by 1, 2, 3
)

, ordered as (
    select
        sent.provider
        , sent.account
        , sent.fax_id
        , sent.position
        , sent.created_at
        , sent.month
        , sent.own_number
        , sent.other_number
        , sent.pages
        , tagged.tags
        , sent.outcome
        , sent.cost_usd
        , lag(sent.fax_id) over (
            partition by sent.provider, sent.account, sent.other_number, sent.pages, tagged.tags
            order by sent.created_at, sent.fax_id, sent.position
        )                                                                 as earlier_fax_id
        , lag(sent.outcome) over (
            partition by sent.provider, sent.account, sent.other_number, sent.pages, tagged.tags
            order by sent.created_at, sent.fax_id, sent.position
        )                                                                 as earlier_outcome
        , extract(epoch from sent.created_at) - lag(extract(epoch from sent.created_at)) over (
            partition by sent.provider, sent.account, sent.other_number, sent.pages, tagged.tags
            order by sent.created_at, sent.fax_id, sent.position
        )                                                                 as seconds_after
    from fax.deliveries as sent
    left join tagged
        on tagged.provider = sent.provider and tagged.account = sent.account and tagged.fax_id = sent.fax_id
    where sent.direction = 'sent' and sent.other_number is not null
)

select
    provider
    , account
    , fax_id
    , position
    , created_at
    , month
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
