-- unisys:owner app_owner
-- User → role → permission, for the web application. (The server's own roles are the policy's.)

create table app.roles (
    id uuid not null default gen_random_uuid(),
    name text not null,
    description text,
    is_active boolean not null default true,
    is_system boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint roles_pkey primary key (id),
    constraint roles_name_key unique (name),
    constraint roles_name_check check (name = btrim(name) and name <> '')
);
comment on table app.roles is 'One row: a role of people in the web application';
comment on column app.roles.is_system is 'Came with the schema; the application relies on it';

create table app.permissions (
    id uuid not null default gen_random_uuid(),
    name text not null generated always as (resource || '.' || action) stored,
    description text,
    resource text not null,
    action text not null,
    is_active boolean not null default true,
    is_system boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint permissions_pkey primary key (id),
    constraint permissions_name_key unique (name),
    constraint permissions_resource_check check (resource ~ '^[a-z][a-z_]*$'),
    constraint permissions_action_check check (action ~ '^[a-z][a-z_]*$')
);
comment on table app.permissions is 'One row: something the web application lets a role do';
comment on column app.permissions.name is 'RESOURCE.ACTION; neither part has a dot, so the name is as unique as the pair';

create table app.user_roles (
    user_id uuid not null,
    role_id uuid not null,
    created_at timestamptz not null default now(),
    created_by uuid,
    constraint user_roles_pkey primary key (user_id, role_id),
    constraint user_roles_user_fkey foreign key (user_id) references app.users (id) on delete cascade,
    constraint user_roles_role_fkey foreign key (role_id) references app.roles (id) on delete cascade
);
comment on table app.user_roles is 'One row: a user has a role';
create index user_roles_role_idx on app.user_roles (role_id);

create table app.role_permissions (
    role_id uuid not null,
    permission_id uuid not null,
    created_at timestamptz not null default now(),
    created_by uuid,
    constraint role_permissions_pkey primary key (role_id, permission_id),
    constraint role_permissions_role_fkey foreign key (role_id) references app.roles (id) on delete cascade,
    constraint role_permissions_permission_fkey
        foreign key (permission_id) references app.permissions (id) on delete cascade
);
comment on table app.role_permissions is 'One row: a role may do something';
create index role_permissions_permission_idx on app.role_permissions (permission_id);

select app.track('app.roles');
select app.track('app.permissions');
select app.track('app.user_roles');
select app.track('app.role_permissions');
