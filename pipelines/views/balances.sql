-- Each balance that a sync has read, and how far the costs of faxes explain its change since the balance before.
-- Only a sync that writes reads it, and only if the provider offers it. Test faxes are left out; deleted ones are in.
-- Grain: one row per provider, account and read_at.
--   day: Day of the reading, in the time zone of the reports.
--   read_at: When the balance was read, UTC, by the provider's clock.
--   balance_usd: Balance, US dollars; below 0 if money is owed.
--   change_usd: Change since the balance before, US dollars; null for the first balance.
--   cost_usd: Cost of the faxes created since the balance before, as known now, US dollars; null for the first balance.
--   drift_usd: Change that these faxes do not explain, US dollars: a payment is above 0, a fee below; null for the first balance.
with readings as (
    select
        provider
        , account
        , balance_read_at                                                 as read_at
        , balance_usd
    from fax.sync_runs
    where balance_usd is not null
)

, first_readings as (
    select
        provider
        , account
        , min(read_at)                                                    as read_at
    from readings
    group by 1, 2
)

, entries as (
    select
        provider
        , account
        , read_at                                                         as entered_at
        , 1                                                               as is_reading
        , balance_usd
        , 0                                                               as cost_usd
    from readings
    union all
    select
        faxes.provider
        , faxes.account
        , faxes.created_at                                                as entered_at
        , 0                                                               as is_reading
        , null                                                            as balance_usd
        , faxes.cost_usd
    from fax.faxes as faxes
    inner join first_readings
        on first_readings.provider = faxes.provider and first_readings.account = faxes.account
        and first_readings.read_at < faxes.created_at
    where faxes.is_test is not true
)

, summed as (
    select
        provider
        , account
        , entered_at
        , is_reading
        , balance_usd
        , sum(cost_usd) over (
            partition by provider, account order by entered_at, is_reading rows unbounded preceding
        )                                                                 as spent_usd
    from entries
)

, compared as (
    select
        provider
        , account
        , entered_at                                                      as read_at
        , balance_usd
        , balance_usd - lag(balance_usd) over (partition by provider, account order by entered_at) as change_usd
        , coalesce(spent_usd, 0) - lag(coalesce(spent_usd, 0)) over (partition by provider, account order by entered_at)
            as cost_usd
    from summed
    where is_reading = 1
)

select
    provider
    , account
    , cast(read_at at time zone :timezone as date)                        as day
    , read_at
    , balance_usd
    , cast(change_usd as numeric(18, 6))                                  as change_usd
    , cast(cost_usd as numeric(18, 6))                                    as cost_usd
    , cast(change_usd + cost_usd as numeric(18, 6))                       as drift_usd
from compared
