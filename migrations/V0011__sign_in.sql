-- unisys:owner app_owner
-- Sessions of the web application, and the few questions it asks before anybody is signed in. Row-level security shows nobody
-- nothing, so these are functions of the owner, and say no more than signing in needs.

create table app.sessions (
    id uuid not null default gen_random_uuid(),
    user_id uuid not null,
    token_hash bytea not null,
    created_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz,
    ip_address inet,
    user_agent text,
    constraint sessions_pkey primary key (id),
    constraint sessions_token_key unique (token_hash),
    constraint sessions_token_check check (octet_length(token_hash) = 32),
    constraint sessions_expires_check check (expires_at > created_at),
    constraint sessions_user_fkey foreign key (user_id) references app.users (id) on delete cascade
);
comment on table app.sessions is
    'One row: somebody signed in to the web application; its rows are left out of backups unless asked for';
comment on column app.sessions.token_hash is 'SHA-256 of the token in the cookie; the token itself is kept nowhere';
create index sessions_user_idx on app.sessions (user_id);
create index sessions_expires_idx on app.sessions (expires_at);

create function app.find_login(login text)
    returns table (user_id uuid, password_hash text)
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
as $$
    select u.id, u.password_hash
    from app.users as u
    where (lower(u.username) = lower(btrim(login)) or lower(u.email) = lower(btrim(login)))
        and u.is_active and u.password_hash is not null
    order by lower(u.username) = lower(btrim(login)) desc
    limit 1
$$;
comment on function app.find_login(text) is 'The active account of this name or address, with what its password must hash to';

create function app.open_session(user_id uuid, token_hash bytea, lifetime interval) returns uuid
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    session uuid;
begin
    update app.users as u set last_login = now() where u.id = open_session.user_id and u.is_active;
    if not found then
        raise exception 'no active account has this id' using errcode = 'invalid_authorization_specification';
    end if;
    insert into app.sessions (user_id, token_hash, expires_at, ip_address, user_agent)
    values (open_session.user_id, open_session.token_hash, now() + lifetime, app.setting('client_address')::inet,
        left(app.setting('user_agent'), 500))
    returning id into session;
    return session;
end
$$;
comment on function app.open_session(uuid, bytea, interval) is 'Signs a user in, after the password was checked; the session';

create function app.find_session(token_hash bytea)
    returns table (session_id uuid, user_id uuid)
    language sql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
    update app.sessions as s
    set last_seen_at = now()
    from app.users as u
    where s.token_hash = find_session.token_hash and s.revoked_at is null and s.expires_at > now()
        and u.id = s.user_id and u.is_active
    returning s.id, s.user_id
$$;
comment on function app.find_session(bytea) is 'Whose session this is, while it lasts and the account is active; no row otherwise';

create function app.close_session(token_hash bytea) returns boolean
    language sql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
    with closed as (
        update app.sessions as s set revoked_at = now()
        where s.token_hash = close_session.token_hash and s.revoked_at is null
        returning 1
    )
    select exists (select from closed)
$$;
comment on function app.close_session(bytea) is 'Signs out; whether there was such a session';
