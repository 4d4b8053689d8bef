{{ config(enabled='phaxio' in var('fax_providers')) }}
select
    account
    , cast(id as text)                         as id
    , created_at
    , completed_at
    , case direction
        when 'sent' then 'sent'
        when 'received' then 'received'
    end                                        as direction
    , direction                                as provider_direction
    , case
        when status = 'success' then 'delivered'
        when status = 'failure' then 'failed'
        when status = 'partialsuccess' then 'partial'
        when status in ('queued', 'pendingbatch', 'inprogress') then 'open'
        else 'unknown'
    end                                        as outcome
    , status                                   as provider_status
    , coalesce(from_number, caller_id)         as from_number
    , to_number
    , num_pages
    , cast(cost * 0.01 as numeric(18, 6))      as cost_usd
    , is_test
    , coalesce(status in ('success', 'failure', 'partialsuccess'), false) as is_final
    , false                                    as is_deleted
    , error_type
    , cast(error_id as text)                   as error_code
    , error_message
    , cast(null as bigint)                     as duration_seconds
    , cast(null as text)                       as listed_in
    , case when cost is not null then 'USD' end as price_currency
from {{ source('fax_phaxio', 'faxes') }}
