-- One row is one subscription of this database.
select s.subname::text as name
from pg_catalog.pg_subscription as s
join pg_catalog.pg_database as d on d.oid = s.subdbid
where d.datname = pg_catalog.current_database()
order by s.subname
