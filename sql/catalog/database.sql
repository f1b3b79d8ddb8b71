-- One row: what it takes to create the connected database again. The keys of pg_database differ by version, hence the jsonb.
select
    d.datname::text as name,
    pg_catalog.pg_get_userbyid(d.datdba)::text as owner,
    pg_catalog.pg_encoding_to_char(d.encoding)::text as encoding,
    d.datcollate::text as collate,
    d.datctype::text as ctype,
    coalesce(j.row ->> 'datlocprovider', 'c') as provider,
    coalesce(j.row ->> 'datlocale', j.row ->> 'daticulocale') as locale,
    j.row ->> 'daticurules' as icu_rules,
    j.row ->> 'datcollversion' as collation_version,
    d.datconnlimit as connection_limit,
    pg_catalog.shobj_description(d.oid, 'pg_database') as comment,
    d.datacl is not null as has_acl,
    (select system_identifier::text from pg_catalog.pg_control_system()) as system_identifier,
    (select rolname::text from pg_catalog.pg_roles where oid = 10) as bootstrap_role,
    pg_catalog.current_setting('server_version') as server_version,
    pg_catalog.current_setting('server_version_num')::int as server_version_num,
    pg_catalog.pg_is_in_recovery() as standby,
    pg_catalog.pg_database_size(d.oid) as bytes
from pg_catalog.pg_database as d
cross join lateral (select pg_catalog.to_jsonb(d) as row) as j
where d.datname = pg_catalog.current_database()
