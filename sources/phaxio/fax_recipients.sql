-- Phaxio's deliveries. Grain: one row per recipient of a sent fax, and one, the sender, per received fax.
select
    account
    , cast(fax_id as text)                     as fax_id
    , position
    , phone_number
    , case
        when status = 'success' then 'delivered'
        when status = 'failure' then 'failed'
        when status = 'partialsuccess' then 'partial'
        when status is null then 'open'
        when status in ('queued', 'pendingbatch', 'inprogress', 'ringing', 'callactive', 'willretry') then 'open'
        else 'unknown'
    end                                        as outcome
    , status                                   as provider_status
    , retry_count
    , completed_at
    , bitrate
    , error_type
    , cast(error_id as text)                   as error_code
    , error_message
from raw.fax_recipients
union all
select
    account
    , id                                       as fax_id
    , cast(0 as bigint)                        as position
    , from_number                              as phone_number
    , outcome
    , provider_status
    , cast(null as bigint)                     as retry_count
    , completed_at
    , cast(null as bigint)                     as bitrate
    , error_type
    , error_code
    , error_message
from fax.faxes as faxes
where provider = :provider
    and direction = 'received'
    and not exists (
        select 1 from raw.fax_recipients as listed
        where listed.account = faxes.account and cast(listed.fax_id as text) = faxes.id
    )
