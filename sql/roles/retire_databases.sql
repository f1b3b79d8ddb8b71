-- One row: a database in which the role $1 (a number) owns something or is given something. What all databases share (databases,
-- tablespaces) counts to the current one, from where it is dealt with. Default privileges and user mappings go with the role.
select d.datname::text as database, d.datallowconn as allows_connections,
    count(s.objid) filter (where s.owns) as owns, count(s.objid) filter (where not s.owns) as granted
from pg_catalog.pg_database d
left join lateral (
    select h.objid, h.deptype = 'o' and h.classid not in (
        'pg_catalog.pg_default_acl'::pg_catalog.regclass, 'pg_catalog.pg_user_mapping'::pg_catalog.regclass) as owns
    from pg_catalog.pg_shdepend h
    where h.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass and h.refobjid = $1
        and case h.dbid when 0 then d.datname = current_database() else h.dbid = d.oid end
) s on true
group by d.datname, d.datallowconn
having count(s.objid) > 0 or d.datname = current_database()
order by d.datname = current_database(), d.datname collate "C"
