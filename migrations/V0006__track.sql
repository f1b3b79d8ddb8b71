-- unisys:owner app_owner
-- What every table gets, in one call at the end of its definition: `select app.track('app.courses')`.

create function app.track(tracked regclass, variadic hidden text[] default '{}') returns void
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    table_name text := (select relname from pg_class where oid = tracked);
    columns text[] := array(
        select attname::text from pg_attribute where attrelid = tracked and attnum > 0 and not attisdropped);
    who text;
begin
    -- A removed account leaves what it did; its id stays in the audit log.
    foreach who in array array['created_by', 'updated_by'] loop
        if who = any (columns) then
            execute format(
                'alter table %1$s add constraint %2$I foreign key (%3$I) references app.users (id) on delete set null',
                tracked, table_name || '_' || who || '_fkey', who);
            execute format('create index %1$I on %2$s (%3$I) where %3$I is not null',
                table_name || '_' || who || '_idx', tracked, who);
        end if;
    end loop;
    if columns @> array['created_by', 'updated_at', 'updated_by'] then
        execute format(
            'create trigger stamp before insert or update on %s for each row execute function app.stamp_row()', tracked);
    elsif 'created_by' = any (columns) then
        execute format('create trigger stamp before insert on %s for each row execute function app.stamp_row()', tracked);
    end if;
    if not array(select ltrim(h, '-') from unnest(hidden) as h) <@ columns then
        raise exception '% has no column by one of these names: %', tracked, hidden;
    end if;
    execute format('create trigger audit after insert or update or delete on %s for each row
        execute function app.audit_row(%s)', tracked, (select string_agg(quote_literal(h), ', ') from unnest(hidden) as h));
    execute format('create trigger audit_truncate after truncate on %s for each statement
        execute function app.audit_truncate()', tracked);
end
$$;
comment on function app.track(regclass, text[]) is
    'Gives a table its stamps and its audit; of the columns named after it, NAME is recorded as hidden, -NAME not at all';
