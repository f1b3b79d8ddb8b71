-- One row: something of this database, or shared by all, that the role $1 (a number) owns, in words. Default privileges and user
-- mappings are its own, but nobody's to inherit: REASSIGN OWNED leaves them, DROP OWNED removes them.
select pg_catalog.pg_describe_object(s.classid, s.objid, s.objsubid) as what
from pg_catalog.pg_shdepend s
where s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass and s.refobjid = $1 and s.deptype = 'o'
    and s.classid not in ('pg_catalog.pg_default_acl'::pg_catalog.regclass, 'pg_catalog.pg_user_mapping'::pg_catalog.regclass)
    and s.dbid in (0, (select d.oid from pg_catalog.pg_database d where d.datname = current_database()))
order by 1
