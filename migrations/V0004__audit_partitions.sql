-- unisys:owner app_owner
-- Months of the audit log: made ahead, drained from the default partition, detached when old. A month is a month in UTC.
-- `data partitions` calls these with a lock_timeout of its own; each call is one step of its plan.

create function app.audit_partition_name(month date) returns text
    language sql immutable
    set search_path = pg_catalog, pg_temp
as $$
    select 'audit_logs_y' || to_char(month, 'YYYY') || 'm' || to_char(month, 'MM')
$$;
comment on function app.audit_partition_name(date) is 'The name of the partition of a month';

create function app.make_audit_partition(month date) returns bigint
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    first date := date_trunc('month', month::timestamp)::date;
    name text := app.audit_partition_name(first);
    from_moment timestamptz := first::timestamp at time zone 'UTC';
    to_moment timestamptz := (first + interval '1 month') at time zone 'UTC';
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
    -- Read through the parent, whose policies then count; nobody but the owner reads it directly.
    execute format('alter table app.%I enable row level security', name);
    execute format('alter table app.audit_logs attach partition app.%I for values from (%L) to (%L)', name,
        from_moment, to_moment);
    return moved;
end
$$;
comment on function app.make_audit_partition(date) is
    'Makes the partition of a month; the rows moved to it from the default partition, null where it is there';

create function app.audit_partitions()
    returns table (name text, month date, rows bigint, bytes bigint)
    language sql stable
    set search_path = pg_catalog, pg_temp
as $$
    select c.relname::text,
        case when c.relname ~ '^audit_logs_y\d{4}m\d\d$' then to_date(right(c.relname, 7), 'YYYY"m"MM') end,
        greatest(c.reltuples, 0)::bigint, pg_total_relation_size(c.oid)
    from pg_inherits as i
    join pg_class as c on c.oid = i.inhrelid
    where i.inhparent = 'app.audit_logs'::regclass
    order by 2 nulls last
$$;
comment on function app.audit_partitions() is
    'Partitions of the audit log by month, the default one last; rows as the server estimates them';

create function app.audit_months_astray() returns table (month date, rows bigint)
    language sql stable
    set search_path = pg_catalog, pg_temp
as $$
    select date_trunc('month', created_at at time zone 'UTC')::date, count(*)
    from app.audit_logs_default
    group by 1 order by 1
$$;
comment on function app.audit_months_astray() is 'Months whose rows lie in the default partition';

create function app.detach_audit_partition(month date) returns text
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    name text := app.audit_partition_name(date_trunc('month', month::timestamp)::date);
begin
    -- Not CONCURRENTLY: the server refuses that where there is a default partition.
    execute format('alter table app.audit_logs detach partition app.%I', name);
    execute format('comment on table app.%I is %L', name, 'One row: as in audit_logs, detached from it');
    return name;
end
$$;
comment on function app.detach_audit_partition(date) is
    'Detaches a month: a table of its own, no longer found through audit_logs, to be exported or dropped';

select app.make_audit_partition((now() at time zone 'UTC' + ahead * interval '1 month')::date)
from generate_series(0, 3) as ahead;
