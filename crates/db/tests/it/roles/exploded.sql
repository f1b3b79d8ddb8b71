-- One row: one privilege of one entry of an access list, as the server takes it apart: class, number, column (0: the whole), grantee, grantor.
with lists (class, oid, number, acl) as (
    select 'database', d.oid, 0::int2, coalesce(d.datacl, acldefault('d', d.datdba)) from pg_database d where d.datname = current_database()
    union all
    select 'schema', n.oid, 0, coalesce(n.nspacl, acldefault('n', n.nspowner)) from pg_namespace n
    union all
    select case c.relkind when 'S' then 'sequence' else 'table' end, c.oid, 0,
        coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner))
    from pg_class c where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    union all
    select 'table', a.attrelid, a.attnum, a.attacl from pg_attribute a where not a.attisdropped
    union all
    select 'routine', p.oid, 0, coalesce(p.proacl, acldefault('f', p.proowner)) from pg_proc p
    union all
    select 'type', t.oid, 0, coalesce(t.typacl, acldefault('T', t.typowner)) from pg_type t
    union all
    select 'language', l.oid, 0, coalesce(l.lanacl, acldefault('l', l.lanowner)) from pg_language l
    union all
    select 'foreign data wrapper', f.oid, 0, coalesce(f.fdwacl, acldefault('F', f.fdwowner)) from pg_foreign_data_wrapper f
    union all
    select 'foreign server', s.oid, 0, coalesce(s.srvacl, acldefault('S', s.srvowner)) from pg_foreign_server s
    union all
    select 'tablespace', t.oid, 0, coalesce(t.spcacl, acldefault('t', t.spcowner)) from pg_tablespace t
    union all
    select 'large object', l.oid, 0, coalesce(l.lomacl, acldefault('L', l.lomowner)) from pg_largeobject_metadata l
)
select l.class, l.oid, l.number::int2, a.grantee, a.grantor, lower(a.privilege_type) as privilege, a.is_grantable as grantable
from lists l, aclexplode(l.acl) a
