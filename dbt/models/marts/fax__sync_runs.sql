select cast(null as text) as "provider", cast(null as text) as "account", cast(null as text) as "run_id", cast(null as timestamp with time zone) as "started_at", cast(null as timestamp with time zone) as "finished_at", cast(null as bigint) as "exit_code", cast(null as bigint) as "rows_new", cast(null as bigint) as "rows_changed", cast(null as bigint) as "loads", cast(null as bigint) as "requests", cast(null as bigint) as "retries", cast(null as bigint) as "bytes", cast(null as numeric(18, 6)) as "balance_usd", cast(null as timestamp with time zone) as "balance_read_at" where false
{% for provider in ['phaxio', 'signalwire', 'sinch'] if provider in var('fax_providers') %}
union all
select '{{ provider }}' as provider, rows.* from {{ ref('stg_' ~ provider ~ '__sync_runs') }} as rows
{% endfor %}
