with quarters as (
    select distinct cast(floor(date_part('epoch', created_at) / 900) as bigint) as quarter
    from {{ ref('fax__faxes') }}
)

select
    quarter
    , cast(to_timestamp(quarter * 900) at time zone '{{ var("fax_timezone") }}' as date)    as day
    , cast(date_trunc('month', to_timestamp(quarter * 900) at time zone '{{ var("fax_timezone") }}') as date) as month
from quarters
