-- One row: a setting of a role, of a database, or of a role in a database.
select s.setrole as role, d.datname::text as database, split_part(c.entry, '=', 1) as name,
    substr(c.entry, strpos(c.entry, '=') + 1) as value
from pg_db_role_setting s
left join pg_database d on d.oid = s.setdatabase
cross join lateral unnest(s.setconfig) c (entry)
order by 1, 2, 3
