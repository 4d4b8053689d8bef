-- Telefact's transmissions as the common fax. Grain: one row per transmission. Prices in other currencies are left out.
select
    account
    , id
    , made_at                                  as created_at
    , cast(null as timestamp with time zone)   as completed_at
    , case way
        when 'out' then 'sent'
        when 'in' then 'received'
    end                                        as direction
    , way                                      as provider_direction
    , case status
        when 'ok' then 'delivered'
        when 'bad' then 'failed'
        when 'running' then 'open'
        else 'unknown'
    end                                        as outcome
    , status                                   as provider_status
    , sender                                   as from_number
    , receiver                                 as to_number
    , sheets                                   as num_pages
    , case when upper(price_currency) = 'USD' then cast(price_amount as numeric(18, 6)) end as cost_usd
    , false                                    as is_test
    , coalesce(status = 'bad' or status = 'ok' and price_amount is not null, false) as is_final
    , false                                    as is_deleted
    , cast(null as text)                       as error_type
    , cast(null as text)                       as error_code
    , cast(null as text)                       as error_message
    , cast(null as bigint)                     as duration_seconds
    , cast(null as text)                       as listed_in
    , case when price_amount is not null then coalesce(nullif(upper(price_currency), ''), 'XXX') end as price_currency
from raw.transmissions
