//! Reads a server's roles and a database's privileges. A dozen queries, whatever the number of tables.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures_util::TryStreamExt;
use tokio_postgres::Row;

use super::acl::Reader;
use super::{
    Acl, Class, Column, Database, DefaultAcl, Kind, Live, Membership, Object, Oid, Password, Privilege,
    Privileges, Relation, Role, Routine, RowPolicy, Server, Setting, view_tree,
};
use crate::{DbError, Session};

macro_rules! sql {
    ($name:literal) => {
        include_str!(concat!("../../../../sql/roles/", $name, ".sql"))
    };
}

/// Begins a transaction in which the server allows no change and all of [`inspect`] is one moment.
///
/// # Errors
/// The connection failed, or a transaction is open.
pub async fn begin_read_only(session: &Session) -> Result<(), DbError> {
    let begin = "begin transaction isolation level repeatable read read only; set local search_path = ''";
    session.batch_execute(begin).await.map_err(session.doing("read roles and privileges"))
}

/// Reads what there is, in the transaction that is open; any login may, on a standby too. Of passwords only their kind is read,
/// and only by who may read `pg_authid`.
///
/// `search_path` must be empty (`set local search_path = ''`), so that types of arguments are named with their schema.
///
/// # Errors
/// The connection failed.
pub async fn inspect(session: &Session) -> Result<Live, DbError> {
    let row = rows(session, sql!("server")).await?.pop();
    let row = row.ok_or_else(|| DbError::Unexpected("the server did not say who it is".into()))?;
    let server = Server {
        version: row.get::<_, i32>("version").unsigned_abs(),
        system_identifier: row.get("system_identifier"),
        database: row.get("database"),
        login: row.get("login"),
        in_recovery: row.get("in_recovery"),
    };
    let mut roles = roles(session).await?;
    if row.get("sees_passwords") {
        for row in rows(session, sql!("role_passwords")).await? {
            if let Some(role) = roles.get_mut(&row.get("oid")) {
                role.password = match row.get("password") {
                    "scram" => Password::Scram,
                    "md5" => Password::Md5,
                    _ => Password::None,
                };
            }
        }
    }
    let mut acls = Reader::new(roles.values().map(|role| (role.name.clone(), role.oid)));
    let memberships = if server.version >= 160_000 { sql!("memberships") } else { sql!("memberships_15") };
    let memberships = rows(session, memberships).await?.iter().map(membership).collect();
    let settings = rows(session, sql!("settings")).await?.iter().map(setting).collect();
    let mut databases = Vec::new();
    for row in rows(session, sql!("databases")).await? {
        databases.push(database(&row, &mut acls)?);
    }
    let mut objects = Vec::new();
    if let Some(here) = databases.iter().find(|database| database.name == server.database) {
        objects.push(Object {
            acl: here.acl.clone(),
            ..plain(Kind::Database, here.oid, None, here.name.clone(), here.owner)
        });
    }
    objects.extend(others(session, &server, &mut acls).await?);
    objects.extend(relations(session, &mut acls).await?);
    objects.extend(routines(session, &mut acls).await?);
    let mut defaults = Vec::new();
    for row in rows(session, sql!("defaults")).await? {
        defaults.push(default_acl(&row, &mut acls)?);
    }
    let owned = rows(session, sql!("owned_sequences")).await?;
    let owned_sequences = owned.iter().map(|row| (row.get("sequence"), row.get("relation"))).collect();
    Ok(Live { server, roles, memberships, settings, databases, objects, defaults, owned_sequences })
}

async fn rows(session: &Session, query: &str) -> Result<Vec<Row>, DbError> {
    session.query(query, &[]).await.map_err(session.doing("read roles and privileges"))
}

async fn roles(session: &Session) -> Result<BTreeMap<Oid, Role>, DbError> {
    let role = |row: &Row| Role {
        oid: row.get("oid"),
        name: row.get("name"),
        superuser: row.get("superuser"),
        inherit: row.get("inherit"),
        create_role: row.get("create_role"),
        create_db: row.get("create_db"),
        login: row.get("login"),
        replication: row.get("replication"),
        bypass_rls: row.get("bypass_rls"),
        connection_limit: row.get("connection_limit"),
        valid_until: row.get("valid_until"),
        password: Password::Unknown,
        comment: row.get("comment"),
    };
    Ok(rows(session, sql!("roles")).await?.iter().map(role).map(|role| (role.oid, role)).collect())
}

fn membership(row: &Row) -> Membership {
    Membership {
        role: row.get("role"),
        member: row.get("member"),
        grantor: row.get("grantor"),
        admin: row.get("admin"),
        inherit: row.get("inherit"),
        set: row.get("set"),
    }
}

fn setting(row: &Row) -> Setting {
    Setting {
        role: row.get("role"),
        database: row.get("database"),
        name: row.get("name"),
        value: row.get("value"),
    }
}

fn database(row: &Row, acls: &mut Reader) -> Result<Database, DbError> {
    Ok(Database {
        oid: row.get("oid"),
        name: row.get("name"),
        owner: row.get("owner"),
        acl: acls.read(&row.get::<_, Vec<&str>>("acl"))?,
        connection_limit: row.get("connection_limit"),
        allows_connections: row.get("allows_connections"),
        template: row.get("template"),
        encoding: row.get("encoding"),
        collate: row.get("collate"),
        ctype: row.get("ctype"),
    })
}

fn default_acl(row: &Row, acls: &mut Reader) -> Result<DefaultAcl, DbError> {
    let letter: &str = row.get("class");
    let class =
        Class::ALL.into_iter().find(|class| class.default_letter().is_some_and(|l| letter == l.to_string()));
    Ok(DefaultAcl {
        creator: row.get("creator"),
        schema: row.get("schema"),
        class: class.ok_or_else(|| unknown("default privileges for", letter))?,
        acl: acls.read(&row.get::<_, Vec<&str>>("acl"))?,
    })
}

/// An object without any of what only some kinds have.
fn plain(kind: Kind, oid: Oid, schema: Option<String>, name: String, owner: Oid) -> Object {
    Object {
        kind,
        oid,
        schema,
        name,
        arguments: None,
        owner,
        acl: Acl::default(),
        columns: Vec::new(),
        extension: None,
        system: false,
        relation: None,
        routine: None,
    }
}

/// Reads what all objects have from a row.
fn object(row: &Row, kind: Kind, acls: &mut Reader) -> Result<Object, DbError> {
    Ok(Object {
        acl: acls.read(&row.get::<_, Vec<&str>>("acl"))?,
        extension: row.get("extension"),
        system: row.get("system"),
        ..plain(kind, row.get("oid"), row.get("schema"), row.get("name"), row.get("owner"))
    })
}

async fn others(session: &Session, server: &Server, acls: &mut Reader) -> Result<Vec<Object>, DbError> {
    let mut objects = Vec::new();
    for row in rows(session, sql!("others")).await? {
        let kind = match row.get("kind") {
            "schema" => Kind::Schema,
            "domain" => Kind::Domain,
            "type" => Kind::Type,
            "language" => Kind::Language,
            "foreign-data-wrapper" => Kind::ForeignDataWrapper,
            "foreign-server" => Kind::ForeignServer,
            "tablespace" => Kind::Tablespace,
            "large-object" => Kind::LargeObject,
            kind => return Err(unknown("an object of kind", kind)),
        };
        objects.push(object(&row, kind, acls)?);
    }
    if server.version >= 150_000 {
        for row in rows(session, sql!("parameters")).await? {
            let acl = acls.read(&row.get::<_, Vec<&str>>("acl"))?;
            objects.push(Object {
                acl,
                ..plain(Kind::Parameter, row.get("oid"), None, row.get("name"), row.get("owner"))
            });
        }
    }
    Ok(objects)
}

async fn relations(session: &Session, acls: &mut Reader) -> Result<Vec<Object>, DbError> {
    let mut columns = columns(session, acls).await?;
    let mut policies = policies(session).await?;
    let mut views: HashMap<Oid, Row> =
        rows(session, sql!("views")).await?.into_iter().map(|row| (row.get("relation"), row)).collect();
    let filtering = filtering_views(session).await?;
    let mut objects = Vec::new();
    for row in rows(session, sql!("relations")).await? {
        let kind = match row.get("kind") {
            "r" => Kind::Table,
            "p" => Kind::PartitionedTable,
            "v" => Kind::View,
            "m" => Kind::MaterializedView,
            "f" => Kind::ForeignTable,
            "S" => Kind::Sequence,
            kind => return Err(unknown("a relation of kind", kind)),
        };
        let mut object = object(&row, kind, acls)?;
        object.columns = columns.remove(&object.oid).unwrap_or_default();
        let view = views.remove(&object.oid);
        object.relation = (kind != Kind::Sequence).then(|| Relation {
            partition_of: row.get("partition_of"),
            row_security: row.get("row_security"),
            forced: row.get("forced"),
            policies: policies.remove(&object.oid).unwrap_or_default(),
            security_invoker: row.get("security_invoker"),
            security_barrier: row.get("security_barrier"),
            filters_rows: filtering.contains(&object.oid),
            reads: view.as_ref().map(reads).unwrap_or_default(),
            calls: view.as_ref().map(|view| view.get("calls")).unwrap_or_default(),
            passes_on: view.as_ref().map(passes_on).unwrap_or_default(),
            inherits: row.get("inherits"),
        });
        objects.push(object);
    }
    Ok(objects)
}

/// Reads the columns `reads` and `numbers` of a row, which go together.
fn reads(row: &Row) -> Vec<(Oid, i16)> {
    let (relations, numbers): (Vec<Oid>, Vec<i16>) = (row.get("reads"), row.get("numbers"));
    relations.into_iter().zip(numbers).collect()
}

fn passes_on(row: &Row) -> Privileges {
    let passes = |name, privilege| row.get::<_, bool>(name).then_some(privilege);
    let all = [
        passes("inserts", Privilege::Insert),
        passes("updates", Privilege::Update),
        passes("deletes", Privilege::Delete),
    ];
    all.into_iter().flatten().collect()
}

/// Returns the views that leave rows out. One tree after the other: together they may be large.
async fn filtering_views(session: &Session) -> Result<HashSet<Oid>, DbError> {
    let failed = || session.doing("read roles and privileges");
    let none: [&str; 0] = [];
    let trees = session.query_raw(sql!("view_trees"), none).await.map_err(failed())?;
    let mut trees = std::pin::pin!(trees);
    let mut filtering = HashSet::new();
    while let Some(row) = trees.try_next().await.map_err(failed())? {
        if view_tree::filters_rows(row.get("tree")) {
            filtering.insert(row.get("relation"));
        }
    }
    Ok(filtering)
}

async fn columns(session: &Session, acls: &mut Reader) -> Result<HashMap<Oid, Vec<Column>>, DbError> {
    let mut columns: HashMap<Oid, Vec<Column>> = HashMap::new();
    for row in rows(session, sql!("columns")).await? {
        let (numbers, names): (Vec<i16>, Vec<String>) = (row.get("numbers"), row.get("names"));
        let of_one = numbers.into_iter().zip(names).map(|(number, name)| Column { number, name, acl: None });
        columns.insert(row.get("relation"), of_one.collect());
    }
    for row in rows(session, sql!("column_acls")).await? {
        let number: i16 = row.get("number");
        let of_one = columns.get_mut(&row.get("relation"));
        if let Some(column) = of_one.and_then(|all| all.iter_mut().find(|column| column.number == number)) {
            column.acl = Some(acls.read(&row.get::<_, Vec<&str>>("acl"))?).filter(|acl| !acl.is_empty());
        }
    }
    Ok(columns)
}

async fn policies(session: &Session) -> Result<HashMap<Oid, Vec<RowPolicy>>, DbError> {
    let mut policies: HashMap<Oid, Vec<RowPolicy>> = HashMap::new();
    for row in rows(session, sql!("policies")).await? {
        policies.entry(row.get("relation")).or_default().push(RowPolicy {
            name: row.get("name"),
            roles: row.get("roles"),
            command: row.get("command"),
            permissive: row.get("permissive"),
            using: row.get("using"),
            check: row.get("check"),
            calls: row.get("calls"),
            reads: reads(&row),
        });
    }
    Ok(policies)
}

async fn routines(session: &Session, acls: &mut Reader) -> Result<Vec<Object>, DbError> {
    let mut objects = Vec::new();
    for row in rows(session, sql!("routines")).await? {
        let kind = match row.get("kind") {
            "p" => Kind::Procedure,
            "a" => Kind::Aggregate,
            _ => Kind::Function, // window functions too
        };
        let mut object = object(&row, kind, acls)?;
        object.arguments = row.get("arguments");
        object.routine = Some(Routine {
            definer: row.get("definer"),
            search_path: row.get("search_path"),
            trigger: row.get("trigger"),
        });
        objects.push(object);
    }
    Ok(objects)
}

fn unknown(what: &str, kind: &str) -> DbError {
    DbError::Unexpected(format!(
        "the server has {what} {kind:?}, which this version of unisys-dba does not know"
    ))
}
