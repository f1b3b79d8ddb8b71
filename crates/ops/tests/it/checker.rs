//! The checker is checked: each change to a restored copy, alone, must turn the comparison red and be named in it.

use unisys_ops::drill::RestoredCopy;

use crate::support::{Place, execute};

const SOURCE: &str = "
create role checker_owner;
create role checker_reader login connection limit 3;
comment on role checker_reader is 'reads';
create schema app authorization checker_owner;
create type app.mood as enum ('sad', 'happy');
create table app.students (id serial primary key, name text not null, mood app.mood, mark numeric check (mark > 0));
insert into app.students (name, mood, mark) select 'student ' || g, 'sad', 1.5 from generate_series(1, 500) g;
create index students_name on app.students (name);
create table app.ranges (id integer, filler text);
insert into app.ranges select g, repeat(md5(g::text), 20) from generate_series(1, 3000) g;
create table app.empty (id integer);
create table app.secured (id integer, owner_name text);
alter table app.secured enable row level security;
create policy own on app.secured using (owner_name = current_user);
grant select on app.students to checker_reader;
create function app.touch() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger touched before update on app.students for each row execute function app.touch();
create view app.names as select name from app.students;
create statistics app.both on id, mark from app.students;
comment on table app.students is 'the students';
select lo_from_bytea(4711, decode(repeat('00ff', 2000), 'hex'));
alter large object 4711 owner to checker_owner;
grant select on large object 4711 to checker_reader;
do $$ begin execute format('alter database %I set work_mem = ''5MB''', current_database()); end $$;
";

/// A change, what undoes it, and what the comparison must say.
const CHANGES: &[(&str, &str, &str)] = &[
    (
        "update app.students set name = 'Student 7' where id = 7",
        "update app.students set name = 'student 7' where id = 7",
        "table app.students: the same number of rows (500), but their content differs",
    ),
    (
        "update app.ranges set filler = overlay(filler placing 'x' from 300 for 1) where id = 2999",
        "update app.ranges set filler = repeat(md5(id::text), 20) where id = 2999",
        "table app.ranges: the same number of rows (3000), but their content differs",
    ),
    (
        "delete from app.students where id = 500",
        "insert into app.students values (500, 'student 500', 'sad', 1.5)",
        "table app.students: expected 500 rows, found 499",
    ),
    (
        "insert into app.empty values (null)",
        "truncate app.empty",
        "table app.empty: expected 0 rows, found 1",
    ),
    (
        "update app.students set mark = 1.50 where id = 8",
        "update app.students set mark = 1.5 where id = 8",
        "table app.students: the same number of rows (500), but their content differs",
    ),
    (
        "grant update on app.students to checker_reader",
        "revoke update on app.students from checker_reader",
        "changed: table app.students: privileges:",
    ),
    (
        "alter policy own on app.secured using (true)",
        "alter policy own on app.secured using (owner_name = current_user)",
        "changed: policy own on app.secured: using:",
    ),
    (
        "select setval('app.students_id_seq', 499)",
        "select setval('app.students_id_seq', 500)",
        "sequence app.students_id_seq: expected (500,t), found (499,t)",
    ),
    (
        "select setval('app.students_id_seq', 500, false)",
        "select setval('app.students_id_seq', 500)",
        "sequence app.students_id_seq: expected (500,t), found (500,f)",
    ),
    ("select lo_put(4711, 1999, '\\x01')", "select lo_put(4711, 1999, '\\xff')", "large objects: content"),
    (
        "alter large object 4711 owner to postgres",
        "alter large object 4711 owner to checker_owner",
        "large objects: content, owner or privileges differ",
    ),
    (
        "revoke select on large object 4711 from checker_reader",
        "grant select on large object 4711 to checker_reader",
        "large objects: content, owner or privileges differ",
    ),
    ("select lo_create(4712)", "select lo_unlink(4712)", "large objects: expected 1, found 2"),
    (
        "drop index app.students_name",
        "create index students_name on app.students (name)",
        "missing: index app.students_name",
    ),
    (
        "do $$ begin execute format('alter database %I set work_mem = ''6MB''', current_database()); end $$",
        "do $$ begin execute format('alter database %I set work_mem = ''5MB''', current_database()); end $$",
        "changed: database this database: setting work_mem: expected 5MB, found 6MB",
    ),
    (
        "alter table app.students disable trigger touched",
        "alter table app.students enable trigger touched",
        "changed: trigger touched on app.students: enabled: expected origin, found disabled",
    ),
    (
        "alter role checker_reader createdb",
        "alter role checker_reader nocreatedb",
        "changed: role checker_reader: attributes:",
    ),
    (
        "comment on table app.students is 'others'",
        "comment on table app.students is 'the students'",
        "changed: table app.students: comment: expected the students, found others",
    ),
    (
        "alter table app.students drop constraint students_mark_check",
        "alter table app.students add check (mark > 0)",
        "missing: table constraint students_mark_check on app.students",
    ),
    (
        "create or replace view app.names as select name || '' as name from app.students",
        "create or replace view app.names as select name from app.students",
        "changed: view app.names: definition:",
    ),
    (
        "alter table app.secured disable row level security",
        "alter table app.secured enable row level security",
        "changed: table app.secured: row security:",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_change_to_the_copy_is_told_and_none_without() {
    let place = Place::new();
    let source = unisys_testkit::database_with(SOURCE).await;
    let backup = place.backup(&source).await;
    assert!(
        backup.manifest.tables.iter().any(|table| !table.files.is_empty()),
        "no table has files of its own"
    );
    let copy =
        RestoredCopy::restore(&place.store, &backup.manifest.id, &place.drill_options()).await.unwrap();
    for (change, undo, told) in CHANGES {
        execute(&copy.target(), change).await;
        let found = copy.compare().await.unwrap().differences;
        assert!(found.iter().any(|line| line.contains(told)), "{change}: {found:#?}");
        execute(&copy.target(), undo).await;
    }
    let comparison = copy.compare().await.unwrap();
    assert_eq!(comparison.differences, Vec::<String>::new());
    assert_eq!((comparison.compared.tables, comparison.compared.rows), (4, 3500));
    drop(copy);
    place.assert_clean();
}
