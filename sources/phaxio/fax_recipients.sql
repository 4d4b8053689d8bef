-- Phaxio's deliveries. Grain: one row per recipient; one, without a number, per sent fax that lists none; one, the sender,
-- per received fax. So every fax has a row, and the parts of its cost sum to the whole.
-- Phaxio charges all recipients beforehand and credits the failed ones at the end (documented,
-- https://www.phaxio.com/docs/billing, read November 2026), but tells no price per recipient. So equal parts in whole
-- cents; those that are left over go to the first positions, less than a cent to the first. Failed recipients of a final
-- fax carry nothing, unless all failed.
with called as (
    select
        faxes.account
        , faxes.id                             as fax_id
        , coalesce(listed.position, 0)         as position
        , case
            when listed.fax_id is not null then listed.phone_number
            when faxes.direction = 'received' then faxes.from_number
            else faxes.to_number
        end                                    as phone_number
        , case faxes.direction when 'received' then faxes.to_number when 'sent' then faxes.from_number end as own_number
        , faxes.direction
        , faxes.created_at
        , case when listed.fax_id is null then faxes.completed_at else listed.completed_at end as completed_at
        , case
            when listed.fax_id is null then faxes.outcome
            when listed.status = 'success' then 'delivered'
            when listed.status = 'failure' then 'failed'
            when listed.status = 'partialsuccess' then 'partial'
            when listed.status is null then 'open'
            when listed.status in ('queued', 'pendingbatch', 'inprogress', 'ringing', 'callactive', 'willretry') then 'open'
            else 'unknown'
        end                                    as outcome
        , case when listed.fax_id is null then faxes.provider_status else listed.status end as provider_status
        , listed.retry_count
        , faxes.num_pages
        , faxes.cost_usd
        , faxes.is_test
        , faxes.is_final
        , faxes.is_deleted
        , listed.bitrate
        , case when listed.fax_id is null then faxes.error_type else listed.error_type end as error_type
        , case when listed.fax_id is null then faxes.error_code else cast(listed.error_id as text) end as error_code
        , case when listed.fax_id is null then faxes.error_message else listed.error_message end as error_message
    from fax.faxes as faxes
    left join raw.fax_recipients as listed
        on listed.account = faxes.account and cast(listed.fax_id as text) = faxes.id
    where faxes.provider = :provider
)

-- Only faxes with several recipients need the windows below; most have one, which carries the whole.
, several as (
    select
        account
        , cast(fax_id as text)                 as fax_id
        , position
        , coalesce(status = 'failure', false)  as is_failed
        , count(*) over (partition by account, fax_id) as recipients
        , count(case when status = 'failure' then 1 end) over (partition by account, fax_id) as failed
        , row_number() over (partition by account, fax_id order by position) as place
        , row_number() over (partition by account, fax_id, coalesce(status = 'failure', false) order by position) as place_among
    from raw.fax_recipients
    where (account, fax_id) in (select account, fax_id from raw.fax_recipients where position > 0)
)

, shared as (
    select
        called.*
        , several.fax_id is null               as is_alone
        , called.is_final and several.failed < several.recipients as is_credited
        , several.is_failed
        , case when called.is_final and several.failed < several.recipients then several.recipients - several.failed
            else several.recipients end        as carriers
        , case when called.is_final and several.failed < several.recipients then several.place_among
            else several.place end             as place
        , floor(called.cost_usd * 100)         as cents
    from called
    left join several
        on several.account = called.account and several.fax_id = called.fax_id and several.position = called.position
)

select
    account
    , fax_id
    , position
    , phone_number
    , own_number
    , direction
    , created_at
    , completed_at
    , outcome
    , provider_status
    , retry_count
    , num_pages
    , cast(case
        when is_alone then cost_usd
        when is_credited and is_failed then 0
        -- whole numbers below 2^53: exact in double precision too
        else cast(floor(cast(cents + carriers - place as double precision) / carriers) as numeric(18, 0)) * 0.01
            + case place when 1 then cost_usd - cents * 0.01 else 0 end
    end as numeric(18, 6))                     as cost_usd
    , is_test
    , is_final
    , is_deleted
    , bitrate
    , error_type
    , error_code
    , error_message
from shared
