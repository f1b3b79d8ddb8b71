-- One row is one table or sequence of the database that this login cannot read whole, and why. row_security_active() is true
-- for a login whose rows a policy would hide; the answer does not depend on the setting row_security.
select
    n.nspname::text as schema,
    c.relname::text as name,
    c.relkind = 'S' as sequence,
    case
        when not pg_catalog.has_schema_privilege(n.oid, 'usage') then 'schema'
        when c.relkind = 'S' and not pg_catalog.has_sequence_privilege(c.oid, 'select') then 'select'
        when c.relkind <> 'S' and not pg_catalog.has_table_privilege(c.oid, 'select') then 'select'
        else 'policy'
    end as reason
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join pg_catalog.pg_depend as d
    on d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype = 'e'
left join pg_catalog.pg_extension as e on e.oid = d.refobjid
where
    c.relkind in ('r', 'p', 'S')
    and c.relpersistence <> 't'
    and n.nspname !~ '^pg_'
    and n.nspname <> 'information_schema'
    -- an extension's table comes back with the extension; only what it marks as configuration is dumped
    and (e.oid is null or c.oid = any (e.extconfig))
    and (
        not pg_catalog.has_schema_privilege(n.oid, 'usage')
        or case c.relkind
            when 'S' then not pg_catalog.has_sequence_privilege(c.oid, 'select')
            else not pg_catalog.has_table_privilege(c.oid, 'select') or pg_catalog.row_security_active(c.oid)
        end
    )
order by n.nspname, c.relname
