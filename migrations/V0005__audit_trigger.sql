-- unisys:owner app_owner
-- One trigger function for all tables. Its arguments are columns: a hidden one (a hash, a token, an encrypted value) by its
-- name: that it changed is recorded, its value never; one that is kept by triggers as -NAME: its changes are not recorded.

create function app.audit_row() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    old_row jsonb;
    new_row jsonb;
    hidden text[] := coalesce(tg_argv::text[], '{}');
    passed text[] := array['updated_at', 'updated_by'] || array(select substr(h, 2) from unnest(hidden) as h where h like '-%');
begin
    if tg_op = 'DELETE' and app.setting('archiving') = 'on' then
        return null; -- moved, not gone, and counted in one event; nobody but owners deletes
    end if;
    if tg_op in ('UPDATE', 'DELETE') then
        old_row := to_jsonb(old);
    end if;
    if tg_op in ('INSERT', 'UPDATE') then
        new_row := to_jsonb(new);
    end if;
    declare
        id uuid := coalesce(new_row ->> 'id', old_row ->> 'id')::uuid;
        institution uuid := coalesce(new_row ->> 'institution_id', old_row ->> 'institution_id')::uuid;
    begin
        if tg_op = 'UPDATE' then
            select jsonb_object_agg(o.key, o.value), jsonb_object_agg(o.key, n.value)
            into old_row, new_row
            from jsonb_each(old_row) as o
            join jsonb_each(new_row) as n on n.key = o.key
            where n.value is distinct from o.value and o.key <> all (passed);
            if old_row is null then
                return null; -- nothing but the stamp
            end if;
        end if;
        insert into app.audit_logs (user_id, institution_id, session_id, ip_address, user_agent, action, resource_type,
            resource_id, old_values, new_values, request_method, request_path, response_status)
        values (app.current_user_id(), institution, app.setting('session_id'), app.setting('client_address')::inet,
            left(app.setting('user_agent'), 500), lower(tg_op), tg_table_name,
            id, app.hide(old_row, hidden), app.hide(new_row, hidden), app.setting('request_method'),
            left(app.setting('request_path'), 500), app.setting('response_status')::smallint);
    end;
    return null;
end
$$;
comment on function app.audit_row() is 'Trigger: writes a change into the audit log; its arguments are the columns to hide';

create function app.hide(row_values jsonb, hidden text[]) returns jsonb
    language sql immutable
    set search_path = pg_catalog, pg_temp
as $$
    select case
        when row_values ?| hidden then (
            select jsonb_object_agg(key, case when key = any (hidden) and value <> 'null' then '"(hidden)"' else value end)
            from jsonb_each(row_values))
        else row_values
    end
$$;
comment on function app.hide(jsonb, text[]) is 'The values with those of these keys blotted out; a null stays a null';

create function app.audit_truncate() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    insert into app.audit_logs (user_id, session_id, ip_address, user_agent, action, resource_type, request_method, request_path)
    values (app.current_user_id(), app.setting('session_id'), app.setting('client_address')::inet,
        left(app.setting('user_agent'), 500), 'truncate', tg_table_name, app.setting('request_method'),
        left(app.setting('request_path'), 500));
    return null;
end
$$;
comment on function app.audit_truncate() is 'Trigger: writes into the audit log that a table was emptied';

create function app.audit_event(
    action text, resource_type text default null, resource_id uuid default null, message text default null,
    metadata jsonb default '{}', institution_id uuid default null
) returns uuid
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    event uuid := gen_random_uuid();
begin
    if action in ('insert', 'update', 'delete', 'truncate') then
        raise exception 'the action % is for the triggers to write', action using errcode = 'invalid_parameter_value';
    end if;
    insert into app.audit_logs (id, user_id, institution_id, session_id, ip_address, user_agent, action, resource_type,
        resource_id, request_method, request_path, response_status, message, metadata)
    values (event, app.current_user_id(), audit_event.institution_id, app.setting('session_id'),
        app.setting('client_address')::inet, left(app.setting('user_agent'), 500), action, resource_type, resource_id,
        app.setting('request_method'), left(app.setting('request_path'), 500), app.setting('response_status')::smallint,
        message, metadata);
    return event;
end
$$;
comment on function app.audit_event(text, text, uuid, text, jsonb, uuid) is
    'Writes an event that is no change of a row: a sign-in, an export, a refusal';
