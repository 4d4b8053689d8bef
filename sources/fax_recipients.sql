-- The one other party of each fax, where the provider lists no recipients. Grain: one row per fax.
select
    account
    , id                                       as fax_id
    , cast(0 as bigint)                        as position
    , case direction when 'received' then from_number else to_number end as phone_number
    , outcome
    , provider_status
    , cast(null as bigint)                     as retry_count
    , completed_at
    , cast(null as bigint)                     as bitrate
    , error_type
    , error_code
    , error_message
from fax.faxes
where provider = :provider
