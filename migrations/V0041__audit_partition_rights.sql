-- unisys:owner app_owner
-- A month begins without rights of others: the schema's default privileges would let the web application read and write it by
-- its own name, and the next look at the policy would find each new month otherwise than declared.
create or replace function app.make_audit_partition(month date) returns bigint
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    first date := date_trunc('month', month::timestamp)::date;
    name text := app.audit_partition_name(first);
    from_moment timestamptz := first::timestamp at time zone 'UTC';
    to_moment timestamptz := (first + interval '1 month') at time zone 'UTC';
    grantee text;
    moved bigint;
begin
    if to_regclass('app.' || name) is not null then
        return null;
    end if;
    -- ATTACH would find rows in the default partition that belong to the new one, and refuse: nobody adds any meanwhile.
    -- (Writers take the parent first, weakly, then a partition; ATTACH is weak on the parent. So no deadlock.)
    lock table app.audit_logs_default in access exclusive mode;
    execute format('create table app.%I (like app.audit_logs including all)', name);
    execute format('comment on table app.%I is %L', name,
        'One row: as in audit_logs; ' || to_char(first, 'YYYY-MM') || ', UTC');
    execute format(
        'with gone as (delete from app.audit_logs_default where created_at >= $1 and created_at < $2 returning *)
        insert into app.%I select * from gone', name)
        using from_moment, to_moment;
    get diagnostics moved = row_count;
    for grantee in
        select distinct case when a.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end
        from pg_class as c, aclexplode(c.relacl) as a
        where c.oid = to_regclass('app.' || name) and a.grantee <> c.relowner
    loop
        execute format('revoke all on app.%I from %s', name, grantee);
    end loop;
    -- Read through the parent, whose policies then count; nobody but the owner reads it directly.
    execute format('alter table app.%I enable row level security', name);
    execute format('alter table app.audit_logs attach partition app.%I for values from (%L) to (%L)', name,
        from_moment, to_moment);
    return moved;
end
$$;
