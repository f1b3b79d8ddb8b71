-- one row: a key, an index, a foreign key or a trigger of the tables $1, or a foreign key to one, as statements that take it
-- down and put it up again; in the order of putting up, triggers last
with tables as (
    select t.name::regclass::oid as oid from unnest($1::text[]) as t (name)
),
parts as (
    select case c.contype when 'f' then 3 else 1 end as step, c.oid, c.conrelid as relation,
        format('alter table %s drop constraint %I', c.conrelid::regclass, c.conname) as take_down,
        format('alter table %s add constraint %I %s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid))
            || coalesce(format('; comment on constraint %I on %s is %L', c.conname, c.conrelid::regclass,
                obj_description(c.oid, 'pg_constraint')), '') as put_up
    from pg_constraint as c
    left join pg_index as i on i.indexrelid = c.conindid and c.contype <> 'f'
    where c.contype in ('p', 'u', 'x', 'f') and c.conparentid = 0
        and (c.conrelid in (select oid from tables)
            or c.contype = 'f' and c.confrelid in (select oid from tables))
        and not coalesce(i.indisclustered or i.indisreplident, false)
    union all
    select 2, i.indexrelid, i.indrelid,
        format('drop index %s', i.indexrelid::regclass),
        pg_get_indexdef(i.indexrelid)
            || coalesce(format('; comment on index %s is %L', i.indexrelid::regclass,
                obj_description(i.indexrelid, 'pg_class')), '')
    from pg_index as i
    where i.indrelid in (select oid from tables)
        and not i.indisclustered and not i.indisreplident
        and not exists (
            select from pg_constraint as c where c.conindid = i.indexrelid and c.contype in ('p', 'u', 'x'))
    union all
    select 4, g.oid, g.tgrelid,
        format('alter table %s disable trigger %I', g.tgrelid::regclass, g.tgname),
        format('alter table %s enable %s trigger %I', g.tgrelid::regclass,
            case g.tgenabled when 'R' then 'replica' when 'A' then 'always' else '' end, g.tgname)
    from pg_trigger as g
    where g.tgrelid in (select oid from tables) and not g.tgisinternal and g.tgenabled <> 'D'
)
select take_down, put_up, step = 4 as is_trigger from parts order by step, relation, oid
