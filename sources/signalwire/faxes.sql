-- SignalWire's faxes as the common fax. Grain: one row per log, which is a leg of a call, and one per fax of the
-- Compatibility API without a log. Charges and prices come in US dollars; a price may come with either sign.
-- The Compatibility API has the outcome of a fax. Where it does not have the fax, the log has that of the call: `completed`
-- says that the call ended, and the error and the pages whether the fax was transmitted.
-- A cost comes from one list alone: from the log if there is one, because both lists bill the same fax.
with listed as (
    select
        coalesce(logs.account, faxes.account)                 as account
        , coalesce(logs.id, faxes.id)                         as id
        , coalesce(logs.created_at, faxes.date_created)       as created_at
        , coalesce(logs.direction, faxes.direction)           as direction
        , logs.status                                         as log_status
        , faxes.status                                        as fax_status
        , coalesce(logs."from", faxes."from")                 as from_number
        , coalesce(logs."to", faxes."to")                     as to_number
        , coalesce(logs.number_of_pages, faxes.num_pages)     as num_pages
        , case
            when logs.id is not null then logs.charge
            when upper(faxes.price_unit) = 'USD' then abs(faxes.price)
        end                                                   as cost
        , case
            when logs.charge is not null then 'USD'
            when faxes.price is not null then coalesce(nullif(upper(faxes.price_unit), ''), 'XXX')
        end                                                   as price_currency
        , logs.discarded_at
        , coalesce(faxes.error_code, logs.error_code)         as error_code
        , coalesce(faxes.error_message, logs.error_message)   as error_message
        , faxes.duration
        , case
            when faxes.id is null then 'fax_logs'
            when logs.id is null then 'compat_faxes'
            else 'both'
        end                                                   as listed_in
    from raw.fax_logs as logs
    full join raw.compat_faxes as faxes
        on faxes.account = logs.account
        -- the last part of the URL, without a regular expression in the documented form: it takes five times as long
        and faxes.id
        = coalesce(nullif(split_part(logs.url, '/Faxes/', 2), ''), regexp_replace(logs.url, '^.*/', ''))
)

select
    account
    , id
    , created_at
    , cast(null as timestamp with time zone)   as completed_at
    , case
        when direction = 'inbound' then 'received'
        when direction like 'outbound%' then 'sent'
    end                                        as direction
    , direction                                as provider_direction
    , case
        when fax_status in ('delivered', 'received') then 'delivered'
        when fax_status in ('busy', 'failed', 'no-answer', 'canceled') then 'failed'
        when fax_status in ('queued', 'processing', 'sending', 'receiving') then 'open'
        when listed_in = 'compat_faxes' then 'unknown'
        when log_status in ('busy', 'failed', 'no-answer', 'canceled') then 'failed'
        when log_status in ('queued', 'initiated', 'ringing', 'in-progress', 'processing', 'sending', 'receiving')
            then 'open'
        when log_status not in ('completed', 'delivered', 'received') then 'unknown'
        when coalesce(nullif(error_code, ''), nullif(error_message, '')) is not null then 'failed'
        when log_status in ('delivered', 'received') then 'delivered'
        when num_pages > 0 then 'delivered'
        else 'unknown'
    end                                        as outcome
    , coalesce(fax_status, log_status)         as provider_status
    , from_number
    , to_number
    , num_pages
    , cast(cost as numeric(18, 6))             as cost_usd
    , false                                    as is_test
    , coalesce(
        log_status in ('completed', 'busy', 'failed', 'no-answer', 'canceled', 'delivered', 'received')
        , listed_in = 'compat_faxes'
    ) and coalesce(
        fax_status in ('delivered', 'received', 'busy', 'failed', 'no-answer', 'canceled')
        , listed_in = 'fax_logs'
    )                                          as is_final
    , discarded_at is not null                 as is_deleted
    , cast(null as text)                       as error_type
    , error_code
    , error_message
    , duration                                 as duration_seconds
    , listed_in
    , price_currency
from listed
