-- one row: an active rule of data quality, the worst first
select code, description, severity, query
from qa.rules
where is_active and (cardinality($1::text[]) = 0 or code = any ($1))
order by array_position(array['error', 'warning', 'notice'], severity), code
