select cast(null as text) as "provider", cast(null as text) as "account", cast(null as text) as "id", cast(null as timestamp with time zone) as "created_at", cast(null as timestamp with time zone) as "completed_at", cast(null as text) as "direction", cast(null as text) as "provider_direction", cast(null as text) as "outcome", cast(null as text) as "provider_status", cast(null as text) as "from_number", cast(null as text) as "to_number", cast(null as bigint) as "num_pages", cast(null as numeric(18, 6)) as "cost_usd", cast(null as boolean) as "is_test", cast(null as boolean) as "is_final", cast(null as boolean) as "is_deleted", cast(null as text) as "error_type", cast(null as text) as "error_code", cast(null as text) as "error_message" where false
{% for provider in ['phaxio', 'signalwire', 'sinch'] if provider in var('fax_providers') %}
union all
select '{{ provider }}' as provider, rows.* from {{ ref('stg_' ~ provider ~ '__faxes') }} as rows
{% endfor %}
