-- The faxes that are not final yet, and since when: their cost may still change.
-- Test faxes are left out; a deleted one stays here if it was not final when it was last read.
-- Grain: one row per provider, account and fax_id.
--   fax_id: Id of the fax, in fax.faxes.
--   open_hours: Hours since its creation.
--   cost_usd: Cost so far, US dollars.
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
from fax.faxes
where not is_final and is_test is not true
