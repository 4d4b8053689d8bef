-- Sinch's labels. Grain: one row per fax and name.
select
    account
    , fax_id
    , name
    , value
from raw.fax_labels
