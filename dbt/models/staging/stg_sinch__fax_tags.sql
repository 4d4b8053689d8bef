{{ config(enabled='sinch' in var('fax_providers')) }}
select
    account
    , fax_id
    , name
    , value
from {{ source('fax_sinch', 'fax_labels') }}
