{{ config(enabled='signalwire' in var('fax_providers')) }}
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
        when status in ('busy', 'failed', 'no-answer', 'canceled') then 'failed'
        when status in ('queued', 'initiated', 'ringing', 'in-progress', 'processing', 'sending', 'receiving') then 'open'
        when status not in ('completed', 'delivered', 'received') then 'unknown'
        when coalesce(nullif(error_code, ''), nullif(error_message, '')) is not null then 'failed'
        when status in ('delivered', 'received') then 'delivered'
        when number_of_pages > 0 then 'delivered'
        else 'unknown'
    end                                        as outcome
    , status                                   as provider_status
    , "from"                                   as from_number
    , "to"                                     as to_number
    , number_of_pages                          as num_pages
    , cast(charge as numeric(18, 6))           as cost_usd
    , false                                    as is_test
    , coalesce(
        status in ('completed', 'busy', 'failed', 'no-answer', 'canceled', 'delivered', 'received')
        , false
    )                                          as is_final
    , discarded_at is not null                 as is_deleted
    , cast(null as text)                       as error_type
    , error_code
    , error_message
from {{ source('fax_signalwire', 'fax_logs') }}
