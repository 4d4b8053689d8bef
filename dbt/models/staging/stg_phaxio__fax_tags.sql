{{ config(enabled='phaxio' in var('fax_providers')) }}
select
    account
    , cast(fax_id as text)                     as fax_id
    , name
    , value
from {{ source('fax_phaxio', 'fax_tags') }}
