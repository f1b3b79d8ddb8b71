-- One row per text search configuration: its parser, and the dictionaries of each kind of token in their order.
select 'text search configuration' as kind, i.identity as name,
    json_strip_nulls(json_build_object(
        'owner', pg_get_userbyid(k.cfgowner),
        'parser', (pg_identify_object('pg_ts_parser'::regclass, k.cfgparser, 0)).identity,
        'mappings', (
            select string_agg(t.alias || ': ' || m.dictionaries, '; ' order by t.alias collate "C")
            from (
                select m.maptokentype,
                    string_agg((pg_identify_object('pg_ts_dict'::regclass, m.mapdict, 0)).identity, ', ' order by m.mapseqno)
                from pg_ts_config_map m where m.mapcfg = k.oid group by m.maptokentype) as m (token, dictionaries)
            join ts_token_type(k.cfgparser) t on t.tokid = m.token)
    )) as detail
from pg_ts_config k
join pg_namespace n on n.oid = k.cfgnamespace
cross join lateral pg_identify_object('pg_ts_config'::regclass, k.oid, 0) i
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend e where e.classid = 'pg_ts_config'::regclass and e.objid = k.oid and e.deptype = 'e')
