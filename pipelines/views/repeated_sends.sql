-- Deliveries that were sent again by a new fax, or are such a repeat: the same account, sender and recipient within 30
-- minutes. Only where the provider does not count retries itself. Test faxes are left out; deleted and open ones are in.
-- Grain: one row per provider, account, fax_id and position.
-- earlier, later: how many there are in the 30 minutes before, and in those after, this one · created_at: UTC
with timed as (
    select
        provider
        , account
        , fax_id
        , position
        , created_at
        , own_number
        , other_number
        , cast(extract(epoch from created_at) as double precision)        as at_seconds
    from fax.deliveries
    where direction = 'sent' and retry_count is null and other_number is not null
)

, counted as (
    select
        provider
        , account
        , fax_id
        , position
        , created_at
        , count(*) over (
            partition by provider, account, own_number, other_number order by at_seconds
            range between 1800 preceding and current row exclude group
        )                                                                 as earlier
        , count(*) over (
            partition by provider, account, own_number, other_number order by at_seconds
            range between current row and 1800 following exclude group
        )                                                                 as later
    from timed
)

select
    provider
    , account
    , fax_id
    , position
    , created_at
    , earlier
    , later
from counted
where earlier + later > 0
