-- one row: who this session logged in as, where, whether schema ops is there,
-- and whether the login may go without CREATE on the database (it has it, or everything is there)
select session_user::text as login, current_database()::text as database,
    current_setting('server_version_num')::int as version,
    ops.present as has_ops,
    ops.present or pg_catalog.has_database_privilege(current_database(), 'CREATE') as may_create
from (select exists (select from pg_catalog.pg_namespace where nspname = 'ops') as present) as ops
