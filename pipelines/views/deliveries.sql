-- Every delivery that counts: what the views by number, destination and outcome are made of.
-- Test faxes are left out; deleted ones are in; those of open faxes are in, and tell it in is_final.
-- Grain: one row per provider, account, fax_id and position.
-- day, month (its first day): when the fax was created, in the time zone of the reports · created_at, completed_at: UTC
-- own_number: the account's · other_number: the other party's · pages: sheets of the fax, to each recipient
-- country_code: ITU calling code of the other party's country, digits; null unless the number is E.164
-- area_code: the three digits after +1 (North America); null elsewhere · cost_usd: its part of the fax's cost, US dollars
-- Source: ITU-T E.164 and its list of assigned codes (complement to Operational Bulletin 1277, as in force in 2026): a
-- country code is 1, 7, or of the two digits listed below; every other one has three digits.
select
    provider
    , account
    , fax_id
    , position
    , created_at
    , cast(created_at at time zone :timezone as date)                     as day
    , cast(date_trunc('month', created_at at time zone :timezone) as date) as month
    , direction
    , own_number
    , phone_number                                                        as other_number
    , case
        when phone_number not like '+_______%' then null
        when substr(phone_number, 2, 1) in ('1', '7') then substr(phone_number, 2, 1)
        when substr(phone_number, 2, 2) in (
            '20', '27', '30', '31', '32', '33', '34', '36', '39', '40', '41', '43', '44', '45', '46', '47', '48', '49'
            , '51', '52', '53', '54', '55', '56', '57', '58', '60', '61', '62', '63', '64', '65', '66'
            , '81', '82', '84', '86', '90', '91', '92', '93', '94', '95', '98'
        ) then substr(phone_number, 2, 2)
        else substr(phone_number, 2, 3)
    end                                                                   as country_code
    , case when phone_number like '+1__________' then substr(phone_number, 3, 3) end as area_code
    , outcome
    , provider_status
    , retry_count
    , completed_at
    , error_type
    , error_code
    , num_pages                                                           as pages
    , cost_usd
    , is_final
from fax.fax_recipients
where not is_test
