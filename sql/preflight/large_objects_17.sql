-- One row: how many large objects there are, and how many this login cannot read (before PostgreSQL 18). pg_read_all_data does
-- not cover them, so their access lists decide; lo_compat_privileges switches these off.
select
    count(*) as objects,
    count(*) filter (
        where
            not me.rolsuper
            and pg_catalog.current_setting('lo_compat_privileges') <> 'on'
            and not exists (
                select
                from pg_catalog.aclexplode(coalesce(m.lomacl, pg_catalog.acldefault('L', m.lomowner))) as a
                where
                    a.privilege_type = 'SELECT'
                    and case a.grantee when 0 then true else pg_catalog.pg_has_role(a.grantee, 'usage') end
            )
    ) as unreadable
from pg_catalog.pg_largeobject_metadata as m
cross join (select r.rolsuper from pg_catalog.pg_roles as r where r.rolname = current_user) as me
