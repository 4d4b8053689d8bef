select cast(null as text) as "provider", cast(null as text) as "account", cast(null as timestamp with time zone) as "from_at", cast(null as timestamp with time zone) as "to_at", cast(null as bigint) as "provider_total", cast(null as bigint) as "provider_total_last", cast(null as bigint) as "rows_seen", cast(null as bigint) as "rows_taken", cast(null as bigint) as "rows_new", cast(null as bigint) as "rows_changed", cast(null as bigint) as "requests", cast(null as bigint) as "retries", cast(null as text) as "proof", cast(null as text) as "run_id", cast(null as timestamp with time zone) as "finished_at", cast(null as text) as "table_name" where false
{% for provider in ['phaxio', 'signalwire', 'sinch'] if provider in var('fax_providers') %}
union all
select '{{ provider }}' as provider, rows.* from {{ ref('stg_' ~ provider ~ '__sync_windows') }} as rows
{% endfor %}
