-- One row: the database connected to. Not by its name, which a restore may change. Through jsonb, because the columns
-- for the locale change with the major version.
select 'database' as kind, 'this database' as name,
    json_strip_nulls(json_build_object(
        'owner', pg_get_userbyid(d.datdba),
        'encoding', pg_encoding_to_char(d.encoding),
        'collate', d.datcollate,
        'ctype', d.datctype,
        'provider', case j.row ->> 'datlocprovider' when 'c' then 'libc' when 'i' then 'icu' when 'b' then 'builtin' else j.row ->> 'datlocprovider' end,
        'locale', coalesce(j.row ->> 'datlocale', j.row ->> 'daticulocale'),
        'rules', j.row ->> 'daticurules',
        'collation version', j.row ->> 'datcollversion',
        'connection limit', nullif(d.datconnlimit, -1)::text,
        'is template', case when d.datistemplate then 'yes' end,
        'allows connections', case when not d.datallowconn then 'no' end,
        'tablespace', t.spcname,
        'comment', shobj_description(d.oid, 'pg_database')
    )) as detail
from pg_database d
join pg_tablespace t on t.oid = d.dattablespace
cross join lateral (select to_jsonb(d)) as j (row)
where d.datname = current_database()
