-- One row per security label on a role or a tablespace that still exists (see shared_comments.sql) or the database connected to.
select i.type as kind, case when i.type = 'database' then 'this database' else i.identity end as name,
    json_build_object('security label for ' || l.provider, l.label) as detail
from pg_shseclabel l
cross join lateral pg_identify_object(l.classoid, l.objoid, 0) i
where i.identity is not null and (i.type <> 'database' or i.identity = quote_ident(current_database()))
