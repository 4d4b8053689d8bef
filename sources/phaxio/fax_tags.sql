-- Phaxio's tags. Grain: one row per fax and tag name.
select
    account
    , cast(fax_id as text)                     as fax_id
    , name
    , value
from raw.fax_tags
