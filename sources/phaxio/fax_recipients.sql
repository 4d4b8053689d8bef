-- Phaxio's deliveries. Grain: one row per recipient; one per fax that lists none: the sender, if it was received.
-- So every fax has a row, and the parts of its cost sum to the whole.
-- Phaxio charges all recipients beforehand and credits the failed ones at the end (documented,
-- https://www.phaxio.com/docs/billing, read November 2026), but tells no price per recipient. So equal parts in whole
-- cents; those that are left over go to the first positions, less than a cent to the first. Failed recipients of a final
-- fax carry nothing, unless all failed.

-- Only the recipients of a fax with several are counted; any other delivery carries the whole cost. No join reads a query:
-- PostgreSQL would run it once for each fax wherever it expects few. `turn` is the place of a recipient among those that
-- have not failed. `created_at` is the same in all rows of a fax, and lets a filter by time apply before the counts.
-- The counts come first: else DuckDB 1.5 waits for ever when a program reads millions of rows one by one.
with called as not materialized (
    select
        faxes.account
        , faxes.id
        , listed.fax_id is not null            as is_listed
        , coalesce(listed.position, 0)         as position
        , listed.phone_number
        , faxes.direction
        , coalesce(faxes.from_number, faxes.caller_id) as from_number
        , faxes.to_number
        , faxes.created_at
        , case when listed.fax_id is null then faxes.completed_at else listed.completed_at end as completed_at
        , case when listed.fax_id is null then faxes.status else listed.status end as status
        , listed.retry_count
        , faxes.num_pages
        , cast(faxes.cost * 0.01 as numeric(18, 6)) as cost_usd
        , faxes.is_test
        , coalesce(faxes.status in ('success', 'failure', 'partialsuccess'), false) as is_final
        , listed.bitrate
        , case when listed.fax_id is null then faxes.error_type else listed.error_type end as error_type
        , case when listed.fax_id is null then faxes.error_id else listed.error_id end as error_id
        , case when listed.fax_id is null then faxes.error_message else listed.error_message end as error_message
    from raw.faxes as faxes
    left join raw.fax_recipients as listed
        on listed.account = faxes.account and listed.fax_id = faxes.id
)

, counted as (
    select
        called.*
        , count(*) over (partition by account, id, created_at) as recipients
        , count(case when status = 'failure' then 1 end) over (partition by account, id, created_at) as failed
        , count(case when status is distinct from 'failure' then 1 end) over (
            partition by account, id, created_at order by position rows unbounded preceding
        ) as turn
    from called
    where (account, id) in (select account, fax_id from raw.fax_recipients where position > 0)
    union all
    select
        called.*
        , cast(null as bigint)
        , cast(null as bigint)
        , cast(null as bigint)
    from called
    left join raw.fax_recipients as further
        on further.account = called.account and further.fax_id = called.id and further.position > 0
    where further.fax_id is null
)

, shared as (
    select
        counted.*
        , floor(cost_usd * 100)                as cents
        , is_final and failed > 0 and failed < recipients as is_credited
        , case when is_final and failed < recipients then recipients - failed else recipients end as carriers
        , case when is_final and failed > 0 and failed < recipients then turn else position + 1 end as place
    from counted
)

select
    account
    , cast(id as text)                         as fax_id
    , position
    , case when is_listed then phone_number when direction = 'received' then from_number else to_number end as phone_number
    , case direction when 'received' then to_number when 'sent' then from_number end as own_number
    , case direction when 'sent' then 'sent' when 'received' then 'received' end as direction
    , created_at
    , completed_at
    , case
        when status = 'success' then 'delivered'
        when status = 'failure' then 'failed'
        when status = 'partialsuccess' then 'partial'
        when status in ('queued', 'pendingbatch', 'inprogress', 'ringing', 'callactive', 'willretry') then 'open'
        when status is null and is_listed then 'open'
        else 'unknown'
    end                                        as outcome
    , status                                   as provider_status
    , retry_count
    , num_pages
    , case
        when recipients is null or cost_usd is null then cost_usd
        when is_credited and status = 'failure' then cast(0 as numeric(18, 6))
        -- whole numbers below 2^53: exact in double precision too
        else cast(
            cast(floor(cast(cents + carriers - place as double precision) / carriers) as numeric(18, 0)) * 0.01
            + case place when 1 then cost_usd - cents * 0.01 else 0 end
            as numeric(18, 6)
        )
    end                                        as cost_usd
    , is_test
    , is_final
    , false                                    as is_deleted
    , bitrate
    , error_type
    , cast(error_id as text)                   as error_code
    , error_message
from shared
