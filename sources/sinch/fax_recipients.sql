-- Sinch's deliveries: it counts the retries of a fax itself. Grain: one row per fax, which has one recipient.
select
    faxes.account
    , faxes.id                                 as fax_id
    , cast(0 as bigint)                        as position
    , case faxes.direction when 'received' then faxes.from_number else faxes.to_number end as phone_number
    , case faxes.direction when 'received' then faxes.to_number when 'sent' then faxes.from_number end as own_number
    , faxes.direction
    , faxes.created_at
    , faxes.completed_at
    , faxes.outcome
    , faxes.provider_status
    , listed.retry_count
    , faxes.num_pages
    , faxes.cost_usd
    , faxes.is_test
    , faxes.is_final
    , faxes.is_deleted
    , cast(null as bigint)                     as bitrate
    , faxes.error_type
    , faxes.error_code
    , faxes.error_message
from fax.faxes as faxes
inner join raw.faxes as listed
    on listed.account = faxes.account and listed.id = faxes.id
where faxes.provider = :provider
