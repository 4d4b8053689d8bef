-- Generated: `uv run python pipelines/describe.py --dbt-package dbt` writes this file again.
-- The costs by month, and those of all deliveries, sum to those of the faxes that count.
with sums as (
    select
        (select coalesce(sum(cost_usd), 0) from {{ ref('fax__faxes') }} where is_test is not true) as of_faxes
        , (select coalesce(sum(cost_usd), 0) from {{ ref('fax__monthly_costs') }}) as of_months
        , (select coalesce(sum(cost_usd), 0) from {{ ref('fax__deliveries') }}) as of_deliveries
)

select * from sums where of_faxes <> of_months or of_faxes <> of_deliveries
