-- One row per setting: the setting $1[i] given the value $2[i] until the end of the transaction.
select set_config(s.name, s.value, true)
from unnest($1::text[], $2::text[]) as s (name, value)
