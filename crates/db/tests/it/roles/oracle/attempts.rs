//! What a role can try, so that only a privilege can be missing.

use std::collections::HashMap;

use unisys_db::roles::{Ability, Access, Class, Column, Kind, Live, Object, Oid, Privilege, Role};
use unisys_db::{Session, quote_ident};

/// One statement, and what it needs: any of these.
pub(super) struct Attempt<'a> {
    pub(super) sql: String,
    pub(super) needs: Vec<(Privilege, &'a Object, Option<&'a Column>)>,
    /// The server may allow more than is said: of a view's changes not all that is read is needed.
    pub(super) loose: bool,
    /// A routine's body may be refused something of its own: which refusals are meant.
    refusals: Vec<String>,
}

impl Attempt<'_> {
    /// Whether the role may, by what the server answered.
    pub(super) fn works(&self, answer: &str) -> bool {
        match answer.strip_prefix("42501 ") {
            None => true,
            Some(said) => !self.refusals.is_empty() && !self.refusals.iter().any(|refusal| refusal == said),
        }
    }

    pub(super) fn said(&self, access: &Access<'_>, role: Oid) -> Ability {
        let reach = |(privilege, object, column): &(Privilege, &Object, Option<&Column>)| {
            access.may(role, *privilege, object, *column)
        };
        self.needs.iter().map(reach).max().unwrap_or_default()
    }
}

/// Tries all as a role; returns the SQLSTATE of each, and nothing of it stays.
pub(super) async fn run(session: &Session, role: &str, attempts: &[Attempt<'_>]) -> Vec<String> {
    let statements: Vec<&str> = attempts.iter().map(|attempt| attempt.sql.as_str()).collect();
    let role = quote_ident(role);
    session.batch_execute(&format!("set local session authorization {role}")).await.unwrap();
    let states = session.query_one("select probe.attempts($1)", &[&statements]).await.unwrap().get(0);
    session.batch_execute("reset session authorization").await.unwrap();
    states
}

/// Tries to SET ROLE to everybody.
pub(super) async fn may_become(session: &Session, live: &Live, role: &Role) -> Vec<Oid> {
    let statements: Vec<String> =
        live.roles.values().map(|other| format!("set local role {}", quote_ident(&other.name))).collect();
    let own = quote_ident(&role.name);
    session.batch_execute(&format!("set local session authorization {own}")).await.unwrap();
    let states: Vec<String> =
        session.query_one("select probe.attempts($1)", &[&statements]).await.unwrap().get(0);
    session.batch_execute("reset session authorization").await.unwrap();
    live.roles
        .keys()
        .zip(states)
        .filter(|(_, state)| state.starts_with("OK000"))
        .map(|(oid, _)| *oid)
        .collect()
}

/// What the catalog knows beside `Live`.
struct Facts {
    /// The only column of a primary key.
    keys: HashMap<Oid, String>,
    /// Columns that are always computed.
    generated: Vec<(Oid, String)>,
    /// How to call a routine.
    calls: HashMap<Oid, String>,
}

pub(super) async fn all<'a>(session: &Session, live: &'a Live) -> Vec<Attempt<'a>> {
    let keys = "select c.conrelid, a.attname::text from pg_constraint c
        join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
        where c.contype = 'p' and cardinality(c.conkey) = 1";
    let generated = "select attrelid, attname::text from pg_attribute where attgenerated <> ''";
    let calls = include_str!("calls.sql");
    let rows = |query| async move { session.query(query, &[]).await.unwrap() };
    let facts = Facts {
        keys: rows(keys).await.iter().map(|row| (row.get(0), row.get(1))).collect(),
        generated: rows(generated).await.iter().map(|row| (row.get(0), row.get(1))).collect(),
        calls: rows(calls).await.iter().map(|row| (row.get(0), row.get(1))).collect(),
    };
    let mut attempts = Vec::new();
    for object in &live.objects {
        let catalog =
            ["pg_class", "pg_authid", "pg_subscription", "tables", "sql_features", "pg_largeobject"];
        if object.system && object.kind != Kind::Schema && !catalog.contains(&object.name.as_str()) {
            continue;
        }
        of(object, live, &facts, &mut attempts);
    }
    attempts
}

fn of<'a>(object: &'a Object, live: &Live, facts: &Facts, attempts: &mut Vec<Attempt<'a>>) {
    use Privilege as P;
    let name = object.sql();
    let mut one = |privilege, sql: String| {
        attempts.push(Attempt {
            sql,
            needs: vec![(privilege, object, None)],
            refusals: Vec::new(),
            loose: false,
        });
    };
    match object.kind.class() {
        Class::Table => relation(object, live, facts, attempts),
        Class::Sequence => {
            let literal = format!("'{}'", name.replace('\'', "''"));
            one(P::Select, format!("select last_value from {name}"));
            one(P::Update, format!("select pg_catalog.setval({literal}, 7)"));
            attempts.push(Attempt {
                sql: format!("select pg_catalog.nextval({literal})"),
                needs: vec![(P::Usage, object, None), (P::Update, object, None)],
                refusals: Vec::new(),
                loose: false,
            });
        }
        Class::Schema => {
            if object.name != "pg_catalog" {
                one(P::Create, format!("create table {name}.zz_probe ()"));
            }
            one(P::Usage, format!("select from {name}.zz_probe"));
        }
        Class::Database => {
            one(P::Create, "create schema zz_probe".into());
            one(P::Temporary, "create temporary table zz_probe ()".into());
        }
        Class::Routine => {
            if let Some(call) = facts.calls.get(&object.oid) {
                let schema = object.schema.as_deref().unwrap_or_default();
                attempts.push(Attempt {
                    sql: call.clone(),
                    needs: vec![(P::Execute, object, None)],
                    refusals: vec![
                        format!("permission denied for schema {schema}"),
                        format!("permission denied for {} {}", object.kind.word(), object.name),
                    ],
                    loose: false,
                });
            }
        }
        Class::Type => one(P::Usage, format!("create table probe.zz_probe (c {name})")),
        Class::Language => {
            one(
                P::Usage,
                format!("create function probe.zz_probe() returns integer language {name} as 'select 1'"),
            );
        }
        Class::ForeignDataWrapper => {
            one(P::Usage, format!("create server zz_probe foreign data wrapper {name}"));
        }
        Class::ForeignServer => {
            one(P::Usage, format!("create foreign table probe.zz_probe (c integer) server {name}"));
        }
        Class::Tablespace => {
            one(P::Create, format!("create table probe.zz_probe (c integer) tablespace {name}"));
        }
        Class::LargeObject => {
            one(P::Select, format!("select pg_catalog.lo_get({name})"));
            one(P::Update, format!("select pg_catalog.lo_put({name}, 0, '')"));
        }
        Class::Parameter => {
            if object.name == "log_min_duration_statement" {
                one(P::Set, "select pg_catalog.set_config('log_min_duration_statement', '-1', true)".into());
            }
        }
    }
}

/// Not a constant: the planner would leave out what a constant makes useless, and with it the check.
const NEVER: &str = "where (select false)";

fn relation<'a>(object: &'a Object, live: &Live, facts: &Facts, attempts: &mut Vec<Attempt<'a>>) {
    use Privilege as P;
    let (name, is) = (object.sql(), object.relation.as_ref().unwrap());
    if object.kind == Kind::ForeignTable {
        return; // of a wrapper without a handler; the planner says so first
    }
    let table = matches!(object.kind, Kind::Table | Kind::PartitionedTable);
    let mut one = |privilege, sql: String, column| {
        attempts.push(Attempt {
            sql,
            needs: vec![(privilege, object, column)],
            refusals: Vec::new(),
            loose: !table && privilege != P::Select,
        });
    };
    one(P::Select, format!("select * from {name} limit 0"), None);
    let computed = |column: &&Column| !facts.generated.contains(&(object.oid, column.name.clone()));
    let quoted = |column: &Column| quote_ident(&column.name);
    let with_own = object.columns.iter().any(|column| column.acl.is_some());
    let in_house = object.schema.as_deref() == Some("house");
    // of the shipped views some columns are computed
    let writes =
        |privilege| table || in_house && object.kind == Kind::View && is.passes_on.contains(privilege);
    let kept: Vec<&Column> = object.columns.iter().filter(computed).collect();
    if writes(P::Insert) && !kept.is_empty() && (kept.len() == object.columns.len() || !with_own) {
        let (all, nulls): (Vec<_>, Vec<_>) = kept.iter().map(|column| (quoted(column), "null")).unzip();
        let over = if table { " overriding system value" } else { "" };
        let sql =
            format!("insert into {name} ({}){over} select {} {NEVER}", all.join(", "), nulls.join(", "));
        one(P::Insert, sql, None);
    }
    if writes(P::Update) && !object.columns.is_empty() {
        let all: Vec<_> =
            object.columns.iter().map(|column| format!("{} = default", quoted(column))).collect();
        one(P::Update, format!("update {name} set {} {NEVER}", all.join(", ")), None);
    }
    if writes(P::Delete) {
        one(P::Delete, format!("delete from {name} {NEVER}"), None);
    }
    for column in object.columns.iter().filter(|_| with_own && (in_house || object.oid.is_multiple_of(5))) {
        let column_name = quoted(column);
        one(P::Select, format!("select {column_name} from {name} limit 0"), Some(column));
        if table {
            one(P::Update, format!("update {name} set {column_name} = default {NEVER}"), Some(column));
        }
        if table && in_house && computed(&column) {
            one(P::Insert, format!("insert into {name} ({column_name}) select null {NEVER}"), Some(column));
        }
    }
    if table && !object.system {
        one(P::Truncate, format!("truncate {name}"), None);
        if let Some(key) = facts.keys.get(&object.oid) {
            let key_column = object.columns.iter().find(|column| column.name == *key);
            let key = quote_ident(key);
            one(
                P::References,
                format!("create table probe.zz_probe (c integer references {name} ({key}))"),
                key_column,
            );
        }
        let function = "execute function pg_catalog.suppress_redundant_updates_trigger()";
        one(
            P::Trigger,
            format!("create trigger zz_probe before update on {name} for each statement {function}"),
            None,
        );
        if in_house && object.kind == Kind::Table && live.server.version >= 170_000 {
            one(P::Maintain, format!("reindex table {name}"), None);
        }
        if !with_own && !is.row_security {
            let mut any = vec![P::Update, P::Delete, P::Truncate];
            any.extend((live.server.version >= 170_000).then_some(P::Maintain));
            attempts.push(Attempt {
                sql: format!("lock table {name} in access exclusive mode"),
                needs: any.into_iter().map(|privilege| (privilege, object, None)).collect(),
                refusals: Vec::new(),
                loose: false,
            });
        }
    }
}
