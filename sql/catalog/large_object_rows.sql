-- One row is one mebibyte of one large object, or its owner and access list. Sizes come from lo_lseek64, because only
-- superusers may read pg_largeobject; 262144 is INV_READ, 2 is SEEK_END; every descriptor is closed at once.
select m.oid, -1 as piece, pg_catalog.pg_get_userbyid(m.lomowner)::text as text, null::bytea as data
from pg_catalog.pg_largeobject_metadata as m
union all
select
    m.oid,
    -2 as piece,
    coalesce(g.rolname::text, 'PUBLIC') || '=' || a.privilege_type || '/' || o.rolname::text || '/' || a.is_grantable::text as text,
    null as data
from pg_catalog.pg_largeobject_metadata as m
cross join lateral pg_catalog.aclexplode(coalesce(m.lomacl, pg_catalog.acldefault('L', m.lomowner))) as a
left join pg_catalog.pg_roles as g on g.oid = a.grantee
left join pg_catalog.pg_roles as o on o.oid = a.grantor
union all
select s.oid, piece, null as text, pg_catalog.lo_get(s.oid, piece * 1048576, 1048576) as data
from (
    select f.oid, pg_catalog.lo_lseek64(f.fd, 0, 2) as size, pg_catalog.lo_close(f.fd) as closed
    from (select m.oid, pg_catalog.lo_open(m.oid, 262144) as fd from pg_catalog.pg_largeobject_metadata as m offset 0) as f
    offset 0
) as s
cross join lateral generate_series(0, (s.size - 1) / 1048576) as piece
