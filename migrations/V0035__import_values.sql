-- unisys:owner app_owner
-- Values of a file, read without an error: null where they are none. A cast would end the import at the first bad line, and an
-- exception handler for each value would cost a subtransaction. One form each, so that 03/04 is never guessed at.

create function app.read_day(value text) returns date
    language plpgsql immutable strict
    set search_path = pg_catalog, pg_temp
as $$
declare
    first_of_month date;
    day date;
begin
    if value !~ '^(1[89]|2[01])[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$' then
        return null;
    end if;
    first_of_month := make_date(left(value, 4)::integer, substr(value, 6, 2)::integer, 1);
    day := first_of_month + (right(value, 2)::integer - 1);
    return case when extract(month from day) = extract(month from first_of_month) then day end;
end
$$;
comment on function app.read_day(text) is 'A day written as YYYY-MM-DD, of 1800 to 2199; null: it is none';

create function app.read_moment(value text) returns timestamptz
    language plpgsql stable strict
    set search_path = pg_catalog, pg_temp
as $$
declare
    parts text[] := regexp_match(value,
        '^([0-9-]{10})(?:[ T]((?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?))?(Z|[+-](?:0[0-9]|1[0-4]):?[0-5][0-9])?$');
begin
    return case when app.read_day(parts[1]) is not null
        then (parts[1] || ' ' || coalesce(parts[2], '00:00') || coalesce(parts[3], 'Z'))::timestamptz end;
end
$$;
comment on function app.read_moment(text) is
    'A moment written as YYYY-MM-DD HH:MM:SS+HH:MM; without a zone UTC, without a time midnight; null: it is none';
