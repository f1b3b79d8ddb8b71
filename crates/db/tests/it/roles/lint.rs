//! Each trap is set, found, mended by what the finding says, and then gone.

use unisys_db::roles::lint::{Finding, Rule, lint};
use unisys_db::roles::{Live, inspect};
use unisys_db::{Session, quote_ident};

use crate::support::{migrated, session};

/// A trap: what sets it, and what is found on which object.
struct Trap {
    sql: &'static str,
    rule: Rule,
    object: &'static str,
}

impl Trap {
    fn among<'f>(&self, findings: &'f [Finding]) -> Option<&'f Finding> {
        findings.iter().find(|finding| finding.rule == self.rule && finding.object == self.object)
    }
}

const TRAPS: &[Trap] = &[
    Trap {
        sql: "alter default privileges for role app_owner in schema app grant select on tables to d_analyst;
            alter default privileges for role app_owner in schema app grant usage on sequences to d_analyst;
            grant create on schema app to lint_maker;",
        rule: Rule::CreatorWithoutDefaults,
        object: "role lint_maker in schema app",
    },
    Trap {
        sql: "grant app_owner to lint_maker; set role lint_maker;
            create table app.forgotten (id int generated always as identity);
            create view app.forgotten_too as select 1 as one;
            create procedure app.forgotten_three(text) language sql as ''; create domain app.forgotten_four as int;
            reset role;",
        rule: Rule::ForgottenSetRole,
        object: "schema app",
    },
    Trap {
        sql: "create function app.lint_f(app.programs, \"char\"[]) returns int language sql security definer as 'select 1';
            alter function app.lint_f owner to app_owner; grant execute on function app.lint_f to d_analyst;",
        rule: Rule::DefinerSearchPath,
        object: "function app.lint_f(app.programs, \"char\"[])",
    },
    Trap {
        sql: "create procedure app.lint_p() language sql security definer set search_path = app, etl, pg_temp as '';
            grant execute on procedure app.lint_p to d_analyst; grant create on schema etl to lint_maker;",
        rule: Rule::DefinerSearchPath,
        object: "procedure app.lint_p()",
    },
    Trap {
        sql: "create function app.lint_t() returns trigger language plpgsql security definer set search_path = ''
            as 'begin return new; end';",
        rule: Rule::DefinerSearchPath,
        object: "function app.lint_t()",
    },
    Trap {
        sql: "create function public.lint_f() returns int language sql as 'select 1'; grant execute on function public.lint_f to public;
            create aggregate public.lint_a(int) (sfunc = int4pl, stype = int); grant execute on function public.lint_a to public;",
        rule: Rule::PublicExecute,
        object: "schema public",
    },
    Trap {
        sql: "grant create on schema public to public",
        rule: Rule::PublicCreate,
        object: "schema public",
    },
    Trap {
        sql: "grant select on analysis.arrears to public",
        rule: Rule::PublicView,
        object: "view analysis.arrears",
    },
    Trap {
        sql: "grant select (student_id) on analysis.students to public",
        rule: Rule::PublicView,
        object: "view analysis.students",
    },
    Trap {
        sql: "create view analysis.lint_v as select id from app.programs; grant select on analysis.lint_v to d_analyst",
        rule: Rule::SuperuserView,
        object: "view analysis.lint_v",
    },
    Trap {
        sql: "create view app.lint_v as select id from app.payments; alter view app.lint_v owner to app_owner;
            grant select on app.lint_v to d_analyst",
        rule: Rule::ViewPastRowSecurity,
        object: "view app.lint_v",
    },
    Trap {
        sql: "create view analysis.lint_v as select id, code from app.programs where code like 'A%';
            alter view analysis.lint_v owner to analysis_owner; grant select on analysis.lint_v to d_analyst",
        rule: Rule::ViewWithoutBarrier,
        object: "view analysis.lint_v",
    },
    Trap {
        sql: "create table qa.lint_t (id int); alter table qa.lint_t enable row level security; alter table qa.lint_t owner to qa_owner",
        rule: Rule::RowSecurityWithoutPolicy,
        object: "table qa.lint_t",
    },
    Trap {
        sql: "alter table app.payments disable row level security",
        rule: Rule::PolicyWithoutRowSecurity,
        object: "table app.payments",
    },
    Trap {
        sql: "create table qa.lint_t (id int, note text) partition by range (id); alter table qa.lint_t enable row level security;
            create policy p on qa.lint_t using (true);
            create table qa.lint_t1 partition of qa.lint_t for values from (0) to (9);
            alter table qa.lint_t owner to qa_owner; alter table qa.lint_t1 owner to qa_owner;
            grant select, insert on qa.lint_t1 to qa_engineer; grant update (note) on qa.lint_t1 to dba",
        rule: Rule::OpenPartition,
        object: "table qa.lint_t1",
    },
    Trap { sql: "alter role lint_maker superuser", rule: Rule::Superuser, object: "role lint_maker" },
    Trap { sql: "alter role lint_maker bypassrls", rule: Rule::PowerfulAttribute, object: "role lint_maker" },
    Trap { sql: "alter role lint_maker replication", rule: Rule::PowerfulAttribute, object: "role lint_maker" },
    Trap { sql: "alter role lint_maker createrole", rule: Rule::PowerfulAttribute, object: "role lint_maker" },
    Trap {
        sql: "grant pg_execute_server_program to lint_maker",
        rule: Rule::PowerfulMembership,
        object: "role lint_maker",
    },
    Trap { sql: "grant pg_write_all_data to lint_maker", rule: Rule::PowerfulMembership, object: "role lint_maker" },
    Trap { sql: "select pg_catalog.lo_create(471147); grant select on large object 471147 to public",
        rule: Rule::PublicLargeObject, object: "large object 471147" },
];

async fn look(session: &Session) -> (Live, Vec<Finding>) {
    let live = inspect(session).await.unwrap();
    let findings = lint(None, &live);
    (live, findings)
}

async fn mend(session: &Session, finding: &Finding) {
    assert!(!finding.repair.is_empty(), "{finding:?}");
    for statement in &finding.repair {
        let role = statement.as_role.as_deref().map(|role| format!("set local role {}; ", quote_ident(role)));
        let sql = format!("{}{}; reset role", role.unwrap_or_default(), statement.sql);
        session.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
}

#[tokio::test]
async fn each_trap_is_found_and_its_statement_mends_it() {
    let session = session(&migrated().await).await;
    let begin = "begin; set local search_path = ''; create role lint_maker; savepoint clean";
    session.batch_execute(begin).await.unwrap();
    let (_, before) = look(&session).await;
    for trap in TRAPS {
        assert_eq!(trap.among(&before), None);
        session.batch_execute(trap.sql).await.unwrap_or_else(|error| panic!("{}: {error:?}", trap.sql));
        let (_, found) = look(&session).await;
        let Some(finding) = trap.among(&found) else { panic!("{}: {found:#?}", trap.sql) };
        mend(&session, finding).await;
        let (_, after) = look(&session).await;
        assert_eq!(trap.among(&after), None, "{finding:#?}");
        session.batch_execute("rollback to clean").await.unwrap();
    }
}

#[tokio::test]
async fn of_the_schema_that_comes_with_it_only_what_is_true_of_the_server_is_found() {
    let session = session(&migrated().await).await;
    session.batch_execute("begin; set local search_path = ''").await.unwrap();
    let (live, found) = look(&session).await;
    // the shared server's logins and databases are other tests'
    let of_server = [
        Rule::PublicConnect,
        Rule::NoConnectionLimit,
        Rule::Superuser,
        Rule::PowerfulAttribute,
        Rule::PowerfulMembership,
        Rule::Md5Password,
    ];
    let ours: Vec<_> = found.iter().filter(|finding| !of_server.contains(&finding.rule)).collect();
    assert!(ours.is_empty(), "{ours:#?}");
    // every server begins with databases open to all
    let connect = found.iter().find(|finding| finding.rule == Rule::PublicConnect).unwrap();
    assert!(connect.repair.iter().any(|statement| statement.sql.contains("template1")), "{connect:#?}");
    assert!(live.objects.iter().any(|object| object.to_string() == "analysis.arrears"));
}
