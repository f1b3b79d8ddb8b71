-- unisys:owner app_owner
-- Who acts, from where, in which request: the web application says so at the start of each transaction, with
--     select set_config('app.current_user_id', $1, true), set_config('app.client_address', $2, true), …
-- The settings end with the transaction, so a pooled connection hands nobody's identity on. What is not set is null (after a
-- transaction that set it: ''), and null means nobody.

create function app.setting(name text) returns text
    language sql stable
    set search_path = pg_catalog, pg_temp
as $$
    select nullif(current_setting('app.' || name, true), '')
$$;
comment on function app.setting(text) is 'A setting app.NAME of this transaction; null where it is not set';

create function app.current_user_id() returns uuid
    language sql stable
    set search_path = pg_catalog, pg_temp
as $$
    select app.setting('current_user_id')::uuid
$$;
comment on function app.current_user_id() is
    'Whom the application acts for; null: nobody. What is set but is no uuid is an error, never a person';

create function app.stamp_row() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    actor uuid := app.current_user_id();
begin
    if tg_op = 'INSERT' then
        new.created_by := coalesce(new.created_by, actor);
    else
        new.updated_at := now();
        new.updated_by := coalesce(actor, new.updated_by);
    end if;
    return new;
end
$$;
comment on function app.stamp_row() is 'Trigger: keeps created_by, updated_at and updated_by true, whoever writes';
