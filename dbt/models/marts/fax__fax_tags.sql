select cast(null as text) as "provider", cast(null as text) as "account", cast(null as text) as "fax_id", cast(null as text) as "name", cast(null as text) as "value" where false
{% for provider in ['phaxio', 'sinch'] if provider in var('fax_providers') %}
union all
select '{{ provider }}' as provider, cast(rows."account" as text) as "account", cast(rows."fax_id" as text) as "fax_id", cast(rows."name" as text) as "name", cast(rows."value" as text) as "value" from {{ ref('stg_' ~ provider ~ '__fax_tags') }} as rows
{% endfor %}
