select
    provider
    , account
    , id                                                                  as fax_id
    , created_at
    , cast(date_part('epoch', current_timestamp - created_at) / 3600.0 as numeric(18, 2)) as open_hours
    , direction
    , provider_status
    , from_number
    , to_number
    , num_pages
    , cost_usd
    , is_deleted
from {{ ref('fax__faxes') }}
where not is_final and is_test is not true
