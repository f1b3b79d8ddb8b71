-- One row: a table, what VACUUM has before it, and when it was last there. Seconds are ages; null: never.
select s.schemaname::text as schema, s.relname::text as name, s.n_live_tup as live, s.n_dead_tup as dead, s.n_mod_since_analyze as changed,
    extract(epoch from clock_timestamp() - greatest(s.last_vacuum, s.last_autovacuum))::float8 as vacuumed_seconds,
    extract(epoch from clock_timestamp() - greatest(s.last_analyze, s.last_autoanalyze))::float8 as analyzed_seconds,
    coalesce((select o.option_value::bool from pg_options_to_table(c.reloptions) o where o.option_name = 'autovacuum_enabled'), true)
        and current_setting('autovacuum')::bool as automatic,
    coalesce((select o.option_value::float8 from pg_options_to_table(c.reloptions) o where o.option_name = 'autovacuum_vacuum_threshold'),
        current_setting('autovacuum_vacuum_threshold')::float8)
        + coalesce((select o.option_value::float8 from pg_options_to_table(c.reloptions) o where o.option_name = 'autovacuum_vacuum_scale_factor'),
        current_setting('autovacuum_vacuum_scale_factor')::float8) * greatest(c.reltuples, 0) as due_at,
    exists (select from pg_stat_progress_vacuum p where p.relid = s.relid) as at_work,
    c.reltuples < 0 as never_counted
from pg_stat_user_tables s
join pg_class c on c.oid = s.relid
where c.relkind in ('r', 'm')
order by s.n_dead_tup desc
