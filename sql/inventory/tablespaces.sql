-- One row per tablespace of the server, other than its own two. Not by its place: a restore may put it elsewhere.
select 'tablespace' as kind, quote_ident(t.spcname) as name,
    json_strip_nulls(json_build_object(
        'owner', pg_get_userbyid(t.spcowner),
        'options', (select string_agg(o, ', ' order by o collate "C") from unnest(t.spcoptions) o)
    )) as detail
from pg_tablespace t
where t.spcname !~ '^pg_'
