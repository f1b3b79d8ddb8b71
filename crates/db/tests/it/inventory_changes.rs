//! Changes to the zoo, and what the inventory has to say of each.

/// Changes, each with the lines that tell it.
pub(crate) const CHANGES: &[(&str, &[&str])] = &[
    (
        "grant delete on zoo.chicken to zoo_reader",
        &[
            "changed: table zoo.chicken: privileges: expected postgres=DELETE,INSERT,REFERENCES,SELECT,TRIGGER,TRUNCATE,UPDATE/postgres, found postgres=DELETE,INSERT,REFERENCES,SELECT,TRIGGER,TRUNCATE,UPDATE/postgres zoo_reader=DELETE/postgres",
        ],
    ),
    ("grant all on zoo.chicken to postgres", &[]),
    (
        "revoke select (open_col) on zoo.granted from public",
        &[
            "changed: column zoo.granted.open_col: privileges: expected PUBLIC=SELECT,UPDATE/zoo_owner, found PUBLIC=UPDATE/zoo_owner",
        ],
    ),
    (
        "revoke grant option for usage on schema zoo from zoo_writer",
        &[
            "changed: schema zoo: privileges: expected PUBLIC=USAGE/zoo_owner zoo_owner=CREATE,USAGE/zoo_owner zoo_writer=CREATE*,USAGE*/zoo_owner, found PUBLIC=USAGE/zoo_owner zoo_owner=CREATE,USAGE/zoo_owner zoo_writer=CREATE*,USAGE/zoo_owner",
        ],
    ),
    (
        "revoke execute on function zoo.plain(integer, text, integer[]) from public",
        &[
            "changed: function zoo.plain(integer,pg_catalog.text,integer[]): privileges: expected PUBLIC=EXECUTE/postgres postgres=EXECUTE/postgres, found postgres=EXECUTE/postgres",
        ],
    ),
    (
        "revoke execute on function pg_catalog.pg_ls_dir(text) from public; grant execute on function pg_catalog.pg_ls_dir(text) to zoo_reader",
        &["extra: system privileges on function pg_catalog.pg_ls_dir(pg_catalog.text)"],
    ),
    (
        "grant execute on function pg_catalog.pg_sleep(double precision) to public",
        &["missing: system privileges on function pg_catalog.pg_sleep(double precision)"],
    ),
    (
        "grant execute on function zoo_ext.digest(text, text) to public",
        &[
            "changed: system privileges on function zoo_ext.digest(pg_catalog.text,pg_catalog.text): privileges: expected postgres=EXECUTE/postgres zoo_writer=EXECUTE/postgres, found PUBLIC=EXECUTE/postgres postgres=EXECUTE/postgres zoo_writer=EXECUTE/postgres",
        ],
    ),
    (
        "alter default privileges for role zoo_owner in schema zoo revoke select on tables from zoo_reader",
        &["missing: default acl for role zoo_owner in schema zoo on tables"],
    ),
    (
        "alter policy own on zoo.secured using (true)",
        &["changed: policy own on zoo.secured: using: expected (owner_name = CURRENT_USER), found true"],
    ),
    (
        "alter policy adding on zoo.secured to zoo_reader",
        &["changed: policy adding on zoo.secured: roles: expected PUBLIC, found zoo_reader"],
    ),
    (
        "alter table zoo.secured no force row level security",
        &["changed: table zoo.secured: force row security: expected yes, found nothing"],
    ),
    (
        "alter table zoo.secured disable row level security",
        &["changed: table zoo.secured: row security: expected enabled, found nothing"],
    ),
    (
        r#"alter table zoo.chicken disable trigger "a trigger""#,
        &[r#"changed: trigger "a trigger" on zoo.chicken: enabled: expected origin, found disabled"#],
    ),
    (
        "alter table zoo.chicken enable trigger always_on",
        &["changed: trigger always_on on zoo.chicken: enabled: expected always, found origin"],
    ),
    ("drop index zoo.many_brin", &["missing: index zoo.many_brin"]),
    (
        "alter table zoo.many_rows set without cluster",
        &["changed: index zoo.many_rows_pkey: clustered: expected yes, found nothing"],
    ),
    (
        "alter table zoo.dropped replica identity default",
        &[
            "changed: table zoo.dropped: replica identity: expected index, found nothing",
            "changed: index zoo.checked_ident: replica identity: expected yes, found nothing",
        ],
    ),
    (
        "alter table zoo.dropped alter column c set default 'd'",
        &["changed: column zoo.dropped.c: default: expected 'c'::text, found 'd'::text"],
    ),
    (
        "alter table zoo.dropped alter column d drop not null",
        &["changed: column zoo.dropped.d: not null: expected yes, found nothing"],
    ),
    (
        "alter table zoo.not_logged alter column t type varchar(40)",
        &["changed: column zoo.not_logged.t: type: expected text, found character varying(40)"],
    ),
    (
        "alter table zoo.chicken owner to zoo_owner",
        &[
            "changed: table zoo.chicken: owner: expected postgres, found zoo_owner",
            "changed: table zoo.chicken: privileges: expected postgres=DELETE,INSERT,REFERENCES,SELECT,TRIGGER,TRUNCATE,UPDATE/postgres, found zoo_owner=DELETE,INSERT,REFERENCES,SELECT,TRIGGER,TRUNCATE,UPDATE/zoo_owner",
        ],
    ),
    (
        "alter type zoo.mood rename value 'sad' to 'glum'",
        &[
            r#"changed: type zoo.mood: labels: expected 'sad', 'it''s ok', 'très, "heureux"', 'happy', '', found 'glum', 'it''s ok', 'très, "heureux"', 'happy', ''"#,
        ],
    ),
    (
        r#"alter domain zoo.positive drop constraint "is > 0""#,
        &[r#"missing: domain constraint "is > 0" on zoo.positive"#],
    ),
    (
        "do $$ begin execute format('alter database %I set work_mem = ''6MB''', current_database()); end $$",
        &["changed: database this database: setting work_mem: expected 5MB, found 6MB"],
    ),
    (
        "do $$ begin execute format('alter role zoo_login in database %I reset search_path', current_database()); end $$",
        &[
            r#"changed: database this database: setting search_path of role zoo_login: expected "Odd, ""Schema""", zoo, found nothing"#,
        ],
    ),
    (
        "do $$ begin execute format('alter database %I connection limit 56', current_database()); end $$",
        &["changed: database this database: connection limit: expected 55, found 56"],
    ),
    (
        "do $$ begin execute format('alter database %I owner to zoo_owner', current_database()); end $$",
        &[
            "changed: database this database: owner: expected postgres, found zoo_owner",
            "changed: database this database: privileges: expected PUBLIC=CONNECT/postgres postgres=CONNECT,CREATE,TEMPORARY/postgres zoo_writer=CONNECT*,CREATE*/postgres, found PUBLIC=CONNECT/zoo_owner zoo_owner=CONNECT,CREATE,TEMPORARY/zoo_owner zoo_writer=CONNECT*,CREATE*/zoo_owner",
        ],
    ),
    (
        "alter role zoo_login createdb",
        &["changed: role zoo_login: attributes: expected noinherit, login, found noinherit, createdb, login"],
    ),
    (
        "alter role zoo_login password 'another'",
        &["changed: role zoo_login: password: expected sha256:, found sha256:"],
    ),
    (
        "alter role zoo_login set statement_timeout = '6s'",
        &["changed: role zoo_login: setting statement_timeout: expected 5s, found 6s"],
    ),
    (
        "revoke admin option for zoo_reader from zoo_grantor",
        &["changed: role zoo_grantor: member of zoo_reader: expected admin, found no admin"],
    ),
    (
        "grant zoo_grantor to zoo_login",
        &["changed: role zoo_login: member of zoo_grantor: expected nothing, found no admin"],
    ),
    (
        "comment on table zoo.chicken is 'other'",
        &[
            r#"changed: table zoo.chicken: comment: expected a comment\nof two lines, with 'quotes' and \ and 100%, found other"#,
        ],
    ),
    (
        "comment on column zoo.chicken.name is null",
        &["changed: column zoo.chicken.name: comment: expected a column, found nothing"],
    ),
    (
        "comment on policy own on zoo.secured is 'other'",
        &["changed: policy own on zoo.secured: comment: expected each their own, found other"],
    ),
    (
        "comment on role zoo_owner is null",
        &[r#"changed: role zoo_owner: comment: expected owns the zoo; it's "all" theirs, found nothing"#],
    ),
    (
        "alter sequence zoo.seq_int increment 2",
        &[
            "changed: sequence zoo.seq_int: parameters: expected start 1, increment 1, minimum 1, maximum 2147483647, cache 20, found start 1, increment 2, minimum 1, maximum 2147483647, cache 20",
        ],
    ),
    (
        "alter sequence zoo.seq_small owned by zoo.log.what",
        &["changed: sequence zoo.seq_small: owned by: expected nothing, found zoo.log.what"],
    ),
    ("select nextval('zoo.seq_int'); insert into zoo.log (what) values ('x'); analyze zoo.log", &[]),
    (
        "alter table zoo.checked validate constraint later",
        &[
            "changed: table constraint later on zoo.checked: definition: expected CHECK ((n <> 7)) NOT VALID, found CHECK ((n <> 7))",
        ],
    ),
    (
        r#"alter table zoo.chicken alter constraint "chicken → egg" deferrable"#,
        &[
            r#"changed: table constraint "chicken → egg" on zoo.chicken: definition: expected FOREIGN KEY (egg) REFERENCES zoo.egg(id) ON UPDATE CASCADE, found FOREIGN KEY (egg) REFERENCES zoo.egg(id) ON UPDATE CASCADE DEFERRABLE"#,
        ],
    ),
    (
        "alter table zoo.by_expression detach partition zoo.by_expression_1",
        &[
            "changed: table zoo.by_expression_1: inherits: expected zoo.by_expression, found nothing",
            "changed: table zoo.by_expression_1: partition bound: expected FOR VALUES FROM ('a', MINVALUE) TO ('n', 5), found nothing",
        ],
    ),
    (
        "alter table zoo.stored set (fillfactor = 71)",
        &[
            "changed: table zoo.stored: options: expected autovacuum_enabled=false, fillfactor=70, found autovacuum_enabled=false, fillfactor=71",
        ],
    ),
    (
        "alter table zoo.stored set unlogged",
        &["changed: table zoo.stored: persistence: expected nothing, found unlogged"],
    ),
    (
        "alter table zoo.dog no inherit zoo.animal",
        &["changed: table zoo.dog: inherits: expected zoo.animal, found nothing"],
    ),
    (
        "alter table zoo.computed alter column id set generated always",
        &["changed: column zoo.computed.id: identity: expected by default, found always"],
    ),
    (
        "alter table zoo.computed alter column word set storage main",
        &["changed: column zoo.computed.word: storage: expected external, found main"],
    ),
    ("alter table zoo.no_columns add column a integer", &["extra: column zoo.no_columns.a"]),
    (
        "alter function zoo.ledger_sum() reset work_mem",
        &[
            r#"changed: function zoo.ledger_sum(): definition: expected …ET search_path TO 'zoo', 'pg_temp'\n SET work_mem TO '6MB'\n SET "zoo.note" TO 'it''s, "this"'\nAS $function$ begin return (select sum(amount) from hidden_ledger);…, found …ROOF\n SET search_path TO 'zoo', 'pg_temp'\n SET "zoo.note" TO 'it''s, "this"'\nAS $function$ begin return (select sum(amount) from hidden_ledger); end $function$\n"#,
        ],
    ),
    (
        "alter function zoo.standard(integer) volatile",
        &[
            r#"changed: function zoo.standard(integer): definition: expected CREATE OR REPLACE FUNCTION zoo.standard(a integer)\n RETURNS integer\n LANGUAGE sql\n STABLE\nRETURN (a + 1)\n, found CREATE OR REPLACE FUNCTION zoo.standard(a integer)\n RETURNS integer\n LANGUAGE sql\nRETURN (a + 1)\n"#,
        ],
    ),
    (
        "alter function zoo.standard(integer) security definer",
        &[
            r#"changed: function zoo.standard(integer): definition: expected CREATE OR REPLACE FUNCTION zoo.standard(a integer)\n RETURNS integer\n LANGUAGE sql\n STABLE\nRETURN (a + 1)\n, found CREATE OR REPLACE FUNCTION zoo.standard(a integer)\n RETURNS integer\n LANGUAGE sql\n STABLE SECURITY DEFINER\nRETURN (a + 1)\n"#,
        ],
    ),
    (
        "refresh materialized view zoo.m_empty",
        &["changed: materialized view zoo.m_empty: populated: expected false, found true"],
    ),
    (
        "create or replace view zoo.v_constant as select 2 as one",
        &["changed: view zoo.v_constant: definition: expected  SELECT 1 AS one;, found  SELECT 2 AS one;"],
    ),
    (
        "alter view zoo.v_invoker reset (security_invoker)",
        &["changed: view zoo.v_invoker: options: expected security_invoker=true, found nothing"],
    ),
    (
        r#"alter table zoo."CASE" enable rule no_delete"#,
        &[r#"changed: rule no_delete on zoo."CASE": enabled: expected disabled, found origin"#],
    ),
    (
        "alter event trigger zoo_off enable",
        &["changed: event trigger zoo_off: enabled: expected disabled, found origin"],
    ),
    (
        "alter publication zoo_some drop table zoo.many_rows",
        &["changed: publication zoo_some: table zoo.many_rows: expected all columns, found nothing"],
    ),
    (
        "alter publication zoo_some set (publish = 'insert')",
        &["changed: publication zoo_some: publish: expected insert, truncate, found insert"],
    ),
    (
        "alter text search configuration zoo.words drop mapping for word",
        &[
            "changed: text search configuration zoo.words: mappings: expected …le; uint: pg_catalog.simple; url: pg_catalog.simple; url_path: pg_catalog.simple; version: pg_catalog.simple; word: zoo.simple_dict, zoo.snow, pg_catalog.simple, found … numword: pg_catalog.simple; sfloat: pg_catalog.simple; uint: pg_catalog.simple; url: pg_catalog.simple; url_path: pg_catalog.simple; version: pg_catalog.simple",
        ],
    ),
    (
        "alter statistics zoo.stat_1 set statistics 251",
        &["changed: statistics object zoo.stat_1: target: expected 250, found 251"],
    ),
    (
        "alter server zoo_far options (set host '127.0.0.2')",
        &[
            "changed: server zoo_far: options: expected dbname=it's, host=127.0.0.1, port=9, found dbname=it's, host=127.0.0.2, port=9",
        ],
    ),
    (
        "alter user mapping for zoo_writer server zoo_far options (set password 'other')",
        &[
            "changed: user mapping zoo_writer on server zoo_far: options: expected password=sha256:, user=far, found password=sha256:, user=far",
        ],
    ),
    (
        "alter extension hstore set schema public",
        &[
            "changed: extension hstore: schema: expected zoo_ext, found public",
            "changed: column zoo.extension_types.h: type: expected zoo_ext.hstore, found public.hstore",
        ],
    ),
    ("drop cast (zoo.mood as text)", &["missing: cast (zoo.mood AS pg_catalog.text)"]),
    (
        "drop collation zoo.posix cascade",
        &["missing: column zoo.computed.word", "missing: collation zoo.posix"],
    ),
    (
        r#"alter tablespace "zoo space" set (seq_page_cost = 2)"#,
        &[
            r#"changed: tablespace "zoo space": options: expected random_page_cost=3, seq_page_cost=1.5, found random_page_cost=3, seq_page_cost=2"#,
        ],
    ),
    (
        "revoke set on parameter work_mem from zoo_reader",
        &[
            "changed: parameter work_mem: privileges: expected postgres=ALTER SYSTEM,SET/postgres zoo_reader=ALTER SYSTEM,SET/postgres, found postgres=ALTER SYSTEM,SET/postgres zoo_reader=ALTER SYSTEM/postgres",
        ],
    ),
    ("drop subscription zoo_subscription", &["missing: subscription zoo_subscription"]),
    (
        "alter operator zoo.=== (integer, integer) set (restrict = none)",
        &[
            "changed: operator zoo.===(integer,integer): restrict: expected eqsel(internal,oid,internal,integer), found nothing",
        ],
    ),
    (
        "drop operator class zoo.last_digit_class using hash",
        &[
            "missing: operator class zoo.last_digit_class USING hash",
            "changed: operator family zoo.last_digit_ops USING hash: functions: expected 1 (integer, integer) zoo.mod_hash(integer), found nothing",
            "changed: operator family zoo.last_digit_ops USING hash: operators: expected 1 zoo.===(integer,integer), found nothing",
        ],
    ),
];
