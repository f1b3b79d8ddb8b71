-- unisys:owner app_owner
-- Every source of user_permissions is watched, by statement.

create function app.permissions_of_users_changed() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    case
        when tg_op = 'TRUNCATE' then
            perform app.refresh_user_permissions();
        when tg_table_name = 'users' then
            -- only these hold the lock
            perform app.refresh_user_permissions(array(
                select id from changed join before using (id) where changed.is_active <> before.is_active));
        when tg_table_name = 'user_roles' then
            perform app.refresh_user_permissions(array(select distinct user_id from changed));
        when tg_table_name = 'roles' then
            perform app.refresh_user_permissions(array(
                select distinct user_id from app.user_roles where role_id in (select id from changed)));
        when tg_table_name = 'role_permissions' then
            perform app.refresh_user_permissions(array(
                select distinct user_id from app.user_roles where role_id in (select role_id from changed)));
        when tg_table_name = 'permissions' then
            perform app.refresh_user_permissions(array(
                select distinct ur.user_id from app.user_roles as ur
                join app.role_permissions as rp on rp.role_id = ur.role_id
                where rp.permission_id in (select id from changed)));
    end case;
    return null;
end
$$;
comment on function app.permissions_of_users_changed() is
    'Trigger: recomputes the permissions of the users a statement touches; its rows are in the transition table `changed`';

-- A trigger with a transition table is for one kind of statement. Rows of roles and permissions that are deleted take their
-- links with them, and those tell; an updated link is one deleted and one inserted, of which both must be seen.
do $$
declare
    source record;
begin
    for source in
        select * from (values
            ('roles', 'update', 'new'),
            ('permissions', 'update', 'new'),
            ('user_roles', 'insert', 'new'), ('user_roles', 'update', 'old'), ('user_roles', 'update', 'new'),
            ('user_roles', 'delete', 'old'),
            ('role_permissions', 'insert', 'new'), ('role_permissions', 'update', 'old'), ('role_permissions', 'update', 'new'),
            ('role_permissions', 'delete', 'old')
        ) as s (name, event, side)
    loop
        execute format('create trigger permissions_%2$s_%3$s after %2$s on app.%1$I referencing %3$s table as changed
            for each statement execute function app.permissions_of_users_changed()', source.name, source.event, source.side);
    end loop;
end
$$;

create trigger permissions_update after update on app.users referencing old table as before new table as changed
    for each statement execute function app.permissions_of_users_changed();
create trigger permissions_truncate after truncate on app.user_roles
    for each statement execute function app.permissions_of_users_changed();
create trigger permissions_truncate after truncate on app.role_permissions
    for each statement execute function app.permissions_of_users_changed();

create trigger lock_permissions before delete or update of is_active on app.users
    for each statement execute function app.lock_permissions();
create trigger lock_permissions before delete or update on app.roles
    for each statement execute function app.lock_permissions();
create trigger lock_permissions before delete or update on app.permissions
    for each statement execute function app.lock_permissions();
create trigger lock_permissions before insert or delete or update or truncate on app.user_roles
    for each statement execute function app.lock_permissions();
create trigger lock_permissions before insert or delete or update or truncate on app.role_permissions
    for each statement execute function app.lock_permissions();
