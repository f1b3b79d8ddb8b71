-- One of each kind of object that access is different for; by a superuser.
create role r0 login;
create role r1 login;
create role r2 nologin;
create role r3 nologin bypassrls;
create role r4 login createrole;
create role r5 login;
create role r6;
create role r7;
create role r8;
create role "R ""9""";
create role r_login login;
create role r_super superuser;
create role r_set login noinherit; -- has all of its groups by SET ROLE alone, on every version

create schema probe;
grant usage, create on schema probe to public;
create function probe.attempts(statements text[]) returns text[] language plpgsql as $$
declare
    result text[] := '{}';
    statement text;
begin
    foreach statement in array statements loop
        begin
            execute statement;
            raise exception 'done' using errcode = 'OK000';
        exception when others then
            result := result || (sqlstate || ' ' || sqlerrm);
        end;
    end loop;
    return result;
end
$$;
grant execute on function probe.attempts(text[]) to public;

create schema house authorization r8;
create type house.mood as enum ('good', 'bad');
create domain house.positive as integer check (value > 0);
create type house.pair as (a integer, b text);
create function house.f() returns boolean language sql stable as 'select true';
create function house.strict(integer, text) returns integer language sql immutable strict as 'select 1';
create function house.wide(variadic text[]) returns integer language plpgsql as 'begin return 1; end';
create function house.each(anyelement) returns setof anyelement language sql as 'select $1';
create function house.definer() returns bigint language sql security definer set search_path = pg_catalog, pg_temp as 'select 1::bigint';
create procedure house.proc(integer) language plpgsql as 'begin end';
create function house.trigger() returns trigger language plpgsql as 'begin return new; end';
create aggregate house.agg(integer) (sfunc = int4pl, stype = integer, initcond = '0');
create sequence house.seq;
create table house.plain (id integer primary key, label text, secret text, mood house.mood, doubled integer generated always as (id * 2) stored);
create table house.secured (id integer primary key, who text, note text);
alter table house.secured enable row level security;
create policy calls on house.secured for select to public using ((select house.f()));
create policy reads on house.secured for update to r2, r5 using (exists (select from house.plain p where p.id = secured.id and p.label = 'x'));
create policy everything on house.secured to r6 using (true);
create table house.forced (id integer, who text);
alter table house.forced enable row level security, force row level security;
create policy adds on house.forced for insert with check (house.f());
create table house.parts (id integer, part integer, primary key (id, part)) partition by list (part);
create table house.part_1 partition of house.parts for values in (1);
create table house.old_child (extra text) inherits (house.plain);
create table house.empty ();
create view house.of_plain as select id, label from house.plain;
create view house.of_view as select label from house.of_plain;
create view house.counts as select count(*) from house.plain;
create view house.calling as select id from house.plain where house.f();
create view house.of_secured as select id, note from house.secured;
create view house.joined as select p.id, s.note from house.plain p join house.secured s using (id);
create materialized view house.copied as select id, secret from house.plain;
create foreign data wrapper house_wrapper;
create server house_server foreign data wrapper house_wrapper;
create foreign table house.far (id integer) server house_server;
select lo_create(70001);
do $$
declare
    one record;
begin
    for one in
        select format('alter %s house.%I owner to %s', case relkind when 'S' then 'sequence' when 'm' then 'materialized view' when 'v' then 'view'
            when 'f' then 'foreign table' else 'table' end, relname,
            (array['r8', 'r8', '"R ""9"""', 'r7', 'app_owner'])[1 + row_number() over (order by relname) % 5]) as statement
        from pg_class where relnamespace = 'house'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    loop
        execute one.statement;
    end loop;
end
$$;
grant r8, app_owner, "R ""9""" to r_set;
alter function house.definer() owner to r8;
alter function house.f() owner to r7;
alter type house.mood owner to r8;
alter large object 70001 owner to r7;
alter server house_server owner to r8;
