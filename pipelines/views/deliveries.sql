-- Every delivery that counts; the views by number, destination and outcome read it.
-- Test faxes are left out; deleted ones are in; those of open faxes are in, with is_final false.
-- Grain: one row per provider, account, fax_id and position.
-- Source: ITU-T E.164; the country codes of two digits are listed in sources/records/phone_numbers.py.
--   day: Day of the fax's creation, in the time zone of the reports.
--   month: First day of the month of the fax's creation, in the time zone of the reports.
--   other_number: Number of the other party.
--   country_code: ITU calling code of the other party's country, digits; null unless the number begins with +.
--   area_code: The three digits after +1 (North America); null elsewhere.
--   pages: Sheets of the fax.
select
    deliveries.provider
    , deliveries.account
    , deliveries.fax_id
    , deliveries.position
    , deliveries.created_at
    , calendar.day
    , calendar.month
    , deliveries.direction
    , deliveries.own_number
    , deliveries.phone_number                                                   as other_number
    , case
        when deliveries.phone_number like '+1%' then '1'
        when deliveries.phone_number not like '+%' then null
        when deliveries.phone_number like '+7%' then '7'
        -- not `in`: DuckDB makes a join of a long list, also for a query that does not read the column
        when strpos(:two_digit_codes, ' ' || substr(deliveries.phone_number, 2, 2) || ' ') > 0
            then substr(deliveries.phone_number, 2, 2)
        when substr(deliveries.phone_number, 2, 1) between '2' and '9' then substr(deliveries.phone_number, 2, 3)
    end                                                                   as country_code
    , case
        when deliveries.phone_number like '+1%'
            and (length(deliveries.phone_number) = 12 or strpos(deliveries.phone_number, '~') = 6)  -- or a pseudonym
            then substr(deliveries.phone_number, 3, 3)
    end                                                                   as area_code
    , deliveries.outcome
    , deliveries.provider_status
    , deliveries.retry_count
    , deliveries.completed_at
    , deliveries.error_type
    , deliveries.error_code
    , deliveries.num_pages                                                      as pages
    , deliveries.cost_usd
    , deliveries.is_final
from fax.fax_recipients as deliveries
inner join fax.calendar as calendar
    on calendar.quarter = cast(floor(date_part('epoch', deliveries.created_at) / 900) as bigint)
where deliveries.is_test is not true
