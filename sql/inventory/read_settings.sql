-- One row per setting named in $1, in that order: its present value.
select current_setting(s.name) as value
from unnest($1::text[]) with ordinality as s (name, place)
order by s.place
