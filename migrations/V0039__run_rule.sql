-- unisys:owner qa_owner
-- A rule is whatever SQL somebody wrote into qa.rules, and it was run with the rights of whoever asked: of a superuser, by night.
-- Here it has qa_owner's and no more: in a SECURITY DEFINER function SET ROLE and SET SESSION AUTHORIZATION are refused. A cursor
-- takes one statement, and the rest of the transaction is read-only, which a statement cannot take back.

create function qa.run_rule(code text, shown integer default 3)
    returns table (rows bigint, first text[])
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    query text := (select r.query from qa.rules as r where r.code = run_rule.code and r.is_active);
    broken refcursor;
begin
    if query is null then
        raise exception 'there is no active rule %', code using errcode = 'no_data_found';
    end if;
    perform set_config('transaction_read_only', 'on', true);
    open broken no scroll for execute format(
        'with broken as materialized (select row_number() over () as n, q as r from (%s
        ) as q)
        select (select count(*) from broken), array(
            select coalesce((select value from json_each_text(row_to_json(r)) limit 1), ''null'')
            from broken where n <= %s order by n)', query, shown);
    fetch broken into rows, first;
    close broken;
    return next;
end
$$;
comment on function qa.run_rule(text, integer) is
    'How many rows break an active rule, and the first column of some; makes the rest of the transaction read-only';
