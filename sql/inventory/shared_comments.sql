-- One row per comment on a role or a tablespace that still exists: both can be dropped after the snapshot was taken, and
-- identities are looked up now. The database's is with the database.
select i.type as kind, i.identity as name, json_build_object('comment', d.description) as detail
from pg_shdescription d
cross join lateral pg_identify_object(d.classoid, d.objoid, 0) i
where d.classoid in ('pg_authid'::regclass, 'pg_tablespace'::regclass) and d.objoid >= 16384
    and i.identity is not null
