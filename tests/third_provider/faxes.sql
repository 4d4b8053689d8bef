-- Telefact's transmissions as the common fax. Grain: one row per transmission. Prices come in US dollars.
select
    account
    , id
    , created_at
    , cast(null as timestamp with time zone)   as completed_at
    , case way
        when 'out' then 'sent'
        when 'in' then 'received'
    end                                        as direction
    , way                                      as provider_direction
    , case state
        when 'ok' then 'delivered'
        when 'bad' then 'failed'
        when 'running' then 'open'
        else 'unknown'
    end                                        as outcome
    , state                                    as provider_status
    , sender                                   as from_number
    , receiver                                 as to_number
    , sheets                                   as num_pages
    , cast(price as numeric(18, 6))            as cost_usd
    , false                                    as is_test
    , coalesce(state in ('ok', 'bad'), false)  as is_final
    , false                                    as is_deleted
    , cast(null as text)                       as error_type
    , cast(null as text)                       as error_code
    , cast(null as text)                       as error_message
from raw.transmissions
