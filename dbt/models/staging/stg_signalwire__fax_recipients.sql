{{ config(enabled='signalwire' in var('fax_providers')) }}
select
    account
    , id                                       as fax_id
    , cast(0 as bigint)                        as position
    , case direction when 'received' then from_number else to_number end as phone_number
    , case direction when 'received' then to_number when 'sent' then from_number end as own_number
    , direction
    , created_at
    , completed_at
    , outcome
    , provider_status
    , cast(null as bigint)                     as retry_count
    , num_pages
    , cost_usd
    , is_test
    , is_final
    , is_deleted
    , cast(null as bigint)                     as bitrate
    , error_type
    , error_code
    , error_message
from {{ ref('fax__faxes') }}
where provider = 'signalwire'
