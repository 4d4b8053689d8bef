select cast(null as text) as "provider", cast(null as text) as "account", cast(null as text) as "table_name", cast(null as text) as "column_name", cast(null as text) as "data_type", cast(null as text) as "shape", cast(null as timestamp with time zone) as "first_seen_at" where false
{% for provider in ['phaxio', 'signalwire', 'sinch'] if provider in var('fax_providers') %}
union all
select '{{ provider }}' as provider, cast(rows."account" as text) as "account", cast(rows."table_name" as text) as "table_name", cast(rows."column_name" as text) as "column_name", cast(rows."data_type" as text) as "data_type", cast(rows."shape" as text) as "shape", rows."first_seen_at" from {{ ref('stg_' ~ provider ~ '__schema_changes') }} as rows
{% endfor %}
