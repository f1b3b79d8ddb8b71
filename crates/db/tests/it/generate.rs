//! Generated data on a live server.

use std::sync::Mutex;

use unisys_db::generate::{ColumnKey, Existing, GenerateError, Options, Progress, Report, plan, run};
use unisys_db::{Session, Target};
use unisys_testkit::database;

use crate::support::{GRANTS, migrated, session, strings};

fn options(students: u64, seed: u64) -> Options {
    Options { students, seed, existing: Existing::Refuse, key: ColumnKey::demonstration(seed) }
}

async fn generate(target: &Target, options: &Options) -> Result<Report, GenerateError> {
    run(target, options, &|_| {}).await
}

/// One line per generated table: its rows, whole, in order. (What the schema comes with, and when permissions were computed,
/// is of the day.)
async fn content(session: &Session) -> Vec<String> {
    let query = "select format(
            'select %L || md5(string_agg(t::text, E''\\n'' order by t::text)) from %s as t', relname, oid::regclass)
        from pg_class where relkind = 'r' and relnamespace::regnamespace::text in ('app', 'etl')
            and relname !~ '^(audit_logs|roles|permissions|role_permissions|user_permissions|system_)'
        order by relname";
    let mut content = vec![];
    for table in strings(session, query).await {
        content.extend(strings(session, &table).await);
    }
    content
}

/// Everything of schema app that is neither a row nor a file: what a load must leave as it was.
async fn structure(session: &Session) -> Vec<String> {
    strings(
        session,
        "select pg_get_constraintdef(c.oid) || conrelid::regclass || conname || convalidated
                || coalesce(obj_description(c.oid, 'pg_constraint'), '')
            from pg_constraint as c where connamespace in ('app'::regnamespace, 'etl'::regnamespace, 'public'::regnamespace)
        union all select pg_get_indexdef(indexrelid) || indisvalid || relowner::regrole
                || coalesce(obj_description(indexrelid, 'pg_class'), '')
            from pg_index join pg_class as c on c.oid = indexrelid
            where relnamespace in ('app'::regnamespace, 'etl'::regnamespace)
        union all select pg_get_triggerdef(oid) || tgenabled::text from pg_trigger where not tgisinternal
        order by 1",
    )
    .await
}

#[tokio::test]
async fn the_same_seed_gives_the_same_content_and_another_another() {
    let mut contents = vec![];
    for seed in [7, 7, 8] {
        let target = migrated().await;
        generate(&target, &options(300, seed)).await.unwrap();
        contents.push(content(&session(&target).await).await);
    }
    assert_eq!(contents[0].len(), 35, "34, and the receipts' counters");
    assert_eq!(contents[0], contents[1]);
    assert!(contents[0].iter().zip(&contents[2]).all(|(a, c)| a != c), "every table differs");
}

#[tokio::test]
async fn the_content_is_the_same_as_in_earlier_versions() {
    let target = migrated().await;
    generate(&target, &options(50, 1)).await.unwrap();
    let session = session(&target).await;
    let first = "select concat_ws(' | ', s.id, student_number, s.first_name, s.last_name, s.date_of_birth)
        from app.students as s where student_number > '2022' order by student_number collate \"C\" limit 3";
    insta::assert_debug_snapshot!(strings(&session, first).await, @r#"
    [
        "c7957658-77b0-485b-9298-76fb597aaffa | 2022/0000003 | Dušan | Guðmundsdóttir | 1992-09-13",
        "2e472ea0-6106-4fa6-b24e-e680b8365ab8 | 2022/0000007 | James | Smith | 1998-01-01",
        "d111b7ff-e5a2-4c90-9dc2-00fef34af23a | 2022/0000009 | משה | בן־דוד | 2002-01-16",
    ]
    "#);
}

#[tokio::test]
async fn the_load_leaves_indexes_constraints_and_comments_as_they_were() {
    let target = migrated().await;
    let session = session(&target).await;
    session
        .batch_execute(
            "comment on index app.students_name_idx is 'it''s a list';
             comment on constraint attendance_once_key on app.attendance is 'one a day';
             create table public.\"other Table\" (student uuid constraint \"a.b\" references app.students (id));",
        )
        .await
        .unwrap();
    let before = structure(&session).await;
    generate(&target, &options(200, 1)).await.unwrap();
    assert_eq!(structure(&session).await, before);
}

#[tokio::test]
async fn data_that_is_there_is_kept_unless_it_is_to_be_replaced() {
    let target = migrated().await;
    let session = session(&target).await;
    generate(&target, &options(100, 1)).await.unwrap();
    let (before, shape) = (content(&session).await, structure(&session).await);
    let error = generate(&target, &options(100, 2)).await.unwrap_err();
    assert!(error.to_string().starts_with("there is data already in app.institutions, app.users"), "{error}");
    assert_eq!((content(&session).await, structure(&session).await), (before.clone(), shape.clone()));

    // A row elsewhere refers to a student that would go: the whole run is undone.
    session
        .batch_execute(
            "create table app.loans (student_id uuid references app.students (id));
             insert into app.loans select id from app.students limit 1;",
        )
        .await
        .unwrap();
    let replace = Options { existing: Existing::Replace, ..options(120, 2) };
    assert!(matches!(generate(&target, &replace).await, Err(GenerateError::Db(_))));
    session.batch_execute("drop table app.loans").await.unwrap();
    assert_eq!((content(&session).await, structure(&session).await), (before.clone(), shape.clone()));

    let planned = plan(&session, &replace).await.unwrap();
    let report = generate(&target, &replace).await.unwrap();
    for (planned, done) in planned.tables.iter().zip(&report.tables) {
        assert_eq!((&planned.table, planned.rows), (&done.table, done.rows));
    }
    let students = planned.tables.iter().find(|table| table.table.name == "students").unwrap();
    assert_eq!(students.rows_now, 100);
    assert_eq!(strings(&session, "select count(*)::text from app.students").await, ["120"]);
    assert_eq!(structure(&session).await, shape);
}

#[tokio::test]
async fn a_member_of_the_owners_needs_no_superuser() {
    let target = migrated().await;
    let session = session(&target).await;
    let loader = format!("{}_loader", target.database);
    let make = format!("create role {loader} login noinherit; grant app_owner to {loader}");
    session.batch_execute(&make).await.unwrap();
    let shape = structure(&session).await;
    let error = generate(&target.with_user(&loader), &options(10, 1)).await.unwrap_err();
    assert_eq!(error.to_string(), "could not become etl_owner, who owns etl.load_runs");
    session.batch_execute(&format!("grant etl_owner to {loader}")).await.unwrap();
    generate(&target.with_user(loader), &options(10, 1)).await.unwrap();
    assert_eq!(structure(&session).await, shape);
}

#[tokio::test]
async fn without_the_schema_the_missing_tables_are_named() {
    let target = database().await;
    let error = generate(&target, &options(1, 1)).await.unwrap_err().to_string();
    assert!(error.starts_with("the database has no table app.institutions, app.users"), "{error}");
}

#[tokio::test]
async fn a_run_that_is_dropped_leaves_nothing() {
    let target = migrated().await;
    let session = session(&target).await;
    let shape = structure(&session).await;
    let begun = tokio::sync::Notify::new();
    let options = options(20_000, 1);
    let tell = |progress: Progress<'_>| {
        if matches!(progress, Progress::Rows { table, .. } if table.name == "attendance") {
            begun.notify_one();
        }
    };
    tokio::select! {
        result = run(&target, &options, &tell) => panic!("was to be stopped: {result:?}"),
        () = begun.notified() => {}
    }
    assert_eq!(strings(&session, "select count(*)::text from app.students").await, ["0"]);
    assert_eq!(structure(&session).await, shape);
}

#[tokio::test]
async fn the_data_has_what_backups_stumble_over() {
    let target = migrated().await;
    let report = generate(&target, &options(3000, 1)).await.unwrap();
    let session = session(&target).await;
    let students = "select (count(*) > 100)::text from app.students where ";
    for what in [
        "notes is null",
        "notes like E'%\\n%' and notes like E'%\\\\\\\\%'",
        "last_name ~ '[^[:ascii:]]'",
        "user_id is null",
        "middle_name is not null",
        "(profile ->> 'scholarship')::numeric > 0",
    ] {
        assert_eq!(strings(&session, &format!("{students}{what}")).await, ["true"], "{what}");
    }
    let long = "select (count(*) > 10)::text from app.students where octet_length(notes) > 5000";
    assert_eq!(strings(&session, long).await, ["true"]);
    let later = "select count(*)::text from app.attendance where attended_on > '2026-11-20'";
    assert_eq!(strings(&session, later).await, ["0"]);
    let same = "select count(*)::text from app.students as s join app.users as u on u.id = s.user_id
        where (u.first_name, u.last_name, u.institution_id) is distinct from
            (s.first_name, s.last_name, s.institution_id)";
    assert_eq!(strings(&session, same).await, ["0"]);
    let biggest = report.tables.iter().max_by_key(|table| table.total_bytes).unwrap();
    assert_eq!(biggest.table.name, "attendance");
}

#[tokio::test]
async fn nobody_is_a_number_of_students_too() {
    let target = migrated().await;
    let report = generate(&target, &options(0, 1)).await.unwrap();
    let rows = report.tables.iter().map(|table| format!("{} {}", table.table.name, table.rows));
    insta::assert_snapshot!(rows.collect::<Vec<_>>().join(", "));
}

#[tokio::test]
async fn the_data_keeps_every_rule_and_is_one_entry_of_the_audit_log() {
    let target = migrated().await;
    let session = session(&target).await;
    let before = strings(&session, "select count(*)::text from app.audit_logs").await;
    generate(&target, &options(1000, 1)).await.unwrap();
    for rule in strings(&session, "select query from qa.rules").await {
        let broken = format!("select row_to_json(q)::text from ({rule}) as q");
        assert_eq!(strings(&session, &broken).await, [""; 0]);
    }
    let entries = format!("select (count(*) - {})::text from app.audit_logs", before[0]);
    assert_eq!(strings(&session, &entries).await, ["1"]);
    let permitted = "select (count(*) = (select count(*) from app.users where is_active))::text from app.user_permissions";
    assert_eq!(strings(&session, permitted).await, ["true"]);
    let used = "select bool_and(n > 0)::text from (
        select count(*) as n from app.library_loans where returned_at is null
        union all select count(*) from app.project_members where role = 'leader') as counts";
    assert_eq!(strings(&session, used).await, ["true"]);
    // The triggers are back: the next receipt goes on from the last.
    session
        .batch_execute(
            "insert into app.payments (institution_id, student_id, amount, method)
            select institution_id, id, 1, 'cash' from app.students limit 1",
        )
        .await
        .unwrap();
    let next =
        "select (p.receipt_number = c.last_number and c.last_number > 100)::text from app.payments as p
        join app.receipt_counters as c using (institution_id) where p.amount = 1";
    assert_eq!(strings(&session, next).await, ["true"]);
}

#[tokio::test]
async fn views_are_refreshed_where_they_may_read() {
    let target = migrated().await;
    let session = session(&target).await;
    generate(&target, &options(50, 1)).await.unwrap();
    let filled = "select bool_and(relispopulated)::text from pg_class where relkind = 'm'";
    assert_eq!(strings(&session, filled).await, ["false"]);
    session.batch_execute("grant select on all tables in schema app to analysis_owner").await.unwrap();
    generate(&target, &Options { existing: Existing::Replace, ..options(50, 1) }).await.unwrap();
    assert_eq!(strings(&session, filled).await, ["true"]);
    let rates = "select (count(*) > 0)::text from analysis.pass_rates";
    assert_eq!(strings(&session, rates).await, ["true"]);
}

#[tokio::test]
async fn progress_ends_at_the_total_and_statistics_are_there() {
    let target = migrated().await;
    let seen = Mutex::new(vec![]);
    let tell = |progress: Progress<'_>| match progress {
        Progress::Rows { table, done, total } => seen.lock().unwrap().push((table.name.clone(), done, total)),
        Progress::Indexes { done, total } => seen.lock().unwrap().push(("indexes".into(), done, total)),
    };
    let report = run(&target, &options(2000, 1), &tell).await.unwrap();
    let seen = seen.into_inner().unwrap();
    for table in &report.tables {
        let last = seen.iter().rfind(|(name, ..)| *name == table.table.name).unwrap();
        assert_eq!((last.1, last.2), (table.rows, table.rows));
    }
    let last = seen.last().unwrap();
    assert!(last.0 == "indexes" && last.1 == last.2 && last.2 > 40, "{last:?}");
    let session = session(&target).await;
    let analysed = "select distinct tablename::text from pg_stats where schemaname in ('app', 'etl')";
    let analysed = strings(&session, analysed).await;
    assert!(report.tables.iter().all(|table| analysed.contains(&table.table.name)), "{analysed:?}");
}

#[tokio::test]
async fn no_table_is_left_empty() {
    let target = migrated().await;
    generate(&target, &options(60, 1)).await.unwrap();
    let session = session(&target).await;
    // Schema ops is the toolkit's own history; a partition is its parent's.
    let tables =
        "select format('select %L from (select exists (select from %s) as filled) as t where not filled',
            oid::regclass, oid::regclass)
        from pg_class where relkind in ('r', 'p') and not relispartition
            and relnamespace::regnamespace::text in ('app', 'analysis', 'qa', 'etl')";
    let tables = strings(&session, tables).await;
    assert!(tables.len() > 40, "{}", tables.len());
    let empty = strings(&session, &tables.join(" union all ")).await;
    assert_eq!(empty, [""; 0]);
}

#[tokio::test]
async fn sensitive_columns_are_encrypted_as_the_server_would() {
    let target = migrated().await;
    let own = ColumnKey::new("0wn-0123456789-0123456789-0123456789".to_owned().into()).unwrap();
    let session = session(&target).await;
    for (existing, key, text) in [
        (Existing::Refuse, ColumnKey::demonstration(1), "demonstration-key-of-seed-00000000000000000001"),
        (Existing::Replace, own, "0wn-0123456789-0123456789-0123456789"),
    ] {
        let report = generate(&target, &Options { existing, key, ..options(300, 1) }).await.unwrap();
        session.batch_execute("begin").await.unwrap();
        session.query("select set_config('app.encryption_key', $1, true)", &[&text]).await.unwrap();
        let ids = "select app.key_id(app.setting('encryption_key'))";
        assert_eq!(strings(&session, ids).await, [report.key.id]);
        assert_eq!(report.key.demonstration.is_some(), text.starts_with("demonstration"));
        let read = "select (count(*) > 200 and bool_and(app.decrypt(national_id) ~ '^[A-Z]{2}[0-9]{9}$'))::text
                from app.students where national_id is not null
            union all select (count(*) > 100 and bool_and(app.decrypt(payer_account) ~ '^XX00[0-9]{18}$'))::text
                from app.payments where payer_account is not null
            union all select (count(*) > 5 and bool_and(app.decrypt(payer_account) ~ '^XX00[0-9]{18}$'))::text
                from app.archived_payments where payer_account is not null";
        assert_eq!(strings(&session, read).await, ["true", "true", "true"]);
        session.batch_execute("rollback").await.unwrap();
    }
}

/// Archived rows put back are ordinary rows, and the archive takes exactly those again.
#[tokio::test]
async fn the_archive_is_what_archiving_would_have_made() {
    let target = migrated().await;
    generate(&target, &options(400, 1)).await.unwrap();
    let session = session(&target).await;
    let archives = ["enrollments", "course_enrollments", "payments", "attendance"];
    let content = async || {
        let mut all = vec![];
        for name in archives {
            let rows = format!(
                "select (to_jsonb(t) - 'archived_at')::text from app.archived_{name} as t order by id"
            );
            all.extend(strings(&session, &rows).await);
        }
        all
    };
    let before = content().await;
    assert!(before.len() > 150, "{}", before.len());
    let live = "select count(*)::text from app.enrollments";
    let enrollments = strings(&session, live).await;
    for name in archives {
        let back = format!(
            "do $$ begin execute (select format('insert into app.{name} (%1$s) select %1$s from app.archived_{name}',
                string_agg(quote_ident(attname), ', ')) from pg_attribute
                where attrelid = 'app.{name}'::regclass and attnum > 0 and not attisdropped); end $$;
            truncate app.archived_{name}"
        );
        session.batch_execute(&back).await.unwrap();
    }
    let moved = "select sum(rows)::text from app.archive_records('2019-09-01', 1000000)";
    assert_eq!(strings(&session, moved).await, [before.len().to_string()]);
    assert_eq!(content().await, before);
    assert_eq!(strings(&session, live).await, enrollments);
    let young = "select count(*)::text from app.archived_enrollments where archived_at < completion_date + interval '5 years'";
    assert_eq!(strings(&session, young).await, ["0"]);
}

#[tokio::test]
async fn imports_are_as_the_server_would_judge_them() {
    let target = migrated().await;
    generate(&target, &options(300, 1)).await.unwrap();
    let session = session(&target).await;
    session.batch_execute(GRANTS).await.unwrap();
    let runs =
        "select concat_ws(' ', target, status, rows_read, rows_loaded, rows_rejected) from etl.load_runs
        order by started_at";
    let before = strings(&session, runs).await;
    assert_eq!(before[0], "students loaded 21 20 1");
    assert_eq!(before[8], "students failed 0 0 0");
    let rejected =
        "select concat_ws('|', load_run_id, line, reason, content) from etl.rejected_rows order by 1";
    let why = strings(&session, rejected).await;
    assert_eq!(why.len(), 8);
    let check = "select string_agg(c::text, ' ') from etl.load_runs as r, app.check_load(r.id) as c
        where r.status = 'checked'";
    assert_eq!(strings(&session, check).await, ["(13,1,0) (13,1,0) (13,1,0) (13,1,0)"]);
    assert_eq!(strings(&session, rejected).await, why, "judged anew, the same is wrong with them");
    assert_eq!(strings(&session, runs).await, before);

    // What was loaded is there, line by line: judged once more, each is there already.
    session
        .batch_execute(
            "update etl.load_runs set status = 'checked', finished_at = null where status = 'loaded'",
        )
        .await
        .unwrap();
    let again = "select c.rows_read = c.rows_rejected from etl.load_runs as r, app.check_load(r.id) as c
        where r.started_at in (select started_at from etl.load_runs order by started_at limit 4)";
    let rows = session.query(again, &[]).await.unwrap();
    assert!(
        rows.len() == 4 && rows.iter().filter(|row| row.get(0)).count() >= 3,
        "payments not paid may come twice"
    );
}

/// For docs/BENCHMARKS.md: `UNISYS_STUDENTS=100000 cargo nextest run -p unisys-db sizes --run-ignored only --no-capture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn sizes() {
    let students = std::env::var("UNISYS_STUDENTS").map_or(20_000, |n| n.parse().unwrap());
    let target = migrated().await;
    let begun = std::time::Instant::now();
    let tell = |progress: Progress<'_>| match progress {
        Progress::Rows { table, done, total } if done == total => println!("{:?} {table}", begun.elapsed()),
        Progress::Indexes { done, total } if done == total => println!("{:?} indexes", begun.elapsed()),
        _ => {}
    };
    let report = run(&target, &options(students, 1), &tell).await.unwrap();
    println!("{:?} all; database {} MB", begun.elapsed(), report.database_bytes / 1_000_000);
    for table in report.tables {
        println!("{} rows {} heap {} total {}", table.table, table.rows, table.heap_bytes, table.total_bytes);
    }
}
