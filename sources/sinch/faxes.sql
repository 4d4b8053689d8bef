-- Sinch's faxes as the common fax. Grain: one row per fax, which has one recipient.
-- A price in another currency than US dollars is no `cost_usd`: it stands in the raw table.
select
    account
    , id
    , create_time                              as created_at
    , completed_time                           as completed_at
    , case direction
        when 'OUTBOUND' then 'sent'
        when 'INBOUND' then 'received'
    end                                        as direction
    , direction                                as provider_direction
    , case
        when status = 'COMPLETED' then 'delivered'
        when status = 'FAILURE' then 'failed'
        when status in ('QUEUED', 'IN_PROGRESS') then 'open'
        else 'unknown'
    end                                        as outcome
    , status                                   as provider_status
    , "from"                                   as from_number
    , "to"                                     as to_number
    , number_of_pages                          as num_pages
    , case when upper(price_currency) = 'USD' then cast(price_amount as numeric(18, 6)) end as cost_usd
    , coalesce("to" = '+19898989898', false)   as is_test
    , coalesce(status = 'FAILURE' or (status = 'COMPLETED' and price_amount is not null), false) as is_final
    , false                                    as is_deleted
    , error_type
    , cast(error_code as text)                 as error_code
    , error_message
    , cast(null as bigint)                     as duration_seconds
    , cast(null as text)                       as listed_in
    , case when price_amount is not null then coalesce(nullif(upper(price_currency), ''), 'XXX') end as price_currency
from raw.faxes
