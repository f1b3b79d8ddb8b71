-- One row per membership of a role in a role, with its options. The grantor is told from PostgreSQL 16 on: before, the server did
-- not keep it with care. Memberships among predefined roles are the server's own.
select 'role' as kind, quote_ident(m.member) as name,
    json_build_object('member of ' || quote_ident(m.role), string_agg(m.options, '; ' order by m.options collate "C")) as detail
from (
    select pg_get_userbyid(a.member), pg_get_userbyid(a.roleid),
        concat_ws(', ', case when a.admin_option then 'admin' else 'no admin' end, 'inherit ' || (j.row ->> 'inherit_option'),
            'set ' || (j.row ->> 'set_option'),
            case when j.row ? 'set_option' then 'granted by ' || quote_ident(pg_get_userbyid(a.grantor)) end)
    from pg_auth_members a
    cross join lateral (select to_jsonb(a)) as j (row)
) as m (member, role, options)
where not (m.member ~ '^pg_' and m.role ~ '^pg_')
group by m.member, m.role
