//! A selection against a catalog.

use std::collections::{BTreeMap, BTreeSet};

use super::choose::{Choice, choose, owner_name};
use super::{Content, Needed, Relation, Scope, Selection, SelectionError};
use crate::inventory::Kind;
use crate::{DbError, Session, TableName};

/// Returns what a selection leaves out of the connected database, as the session's transaction sees it.
///
/// # Errors
/// [`SelectionError`]: a pattern takes nothing, or what stays could not be restored without what goes.
pub async fn resolve(session: &Session, selection: &Selection) -> Result<Scope, SelectionError> {
    if selection.is_everything() {
        return Ok(Scope::default());
    }
    let ours = selection.exclude_transient && is_ours(session).await?;
    if (Selection { exclude_transient: ours, ..selection.clone() }).is_everything() {
        return Ok(Scope::default());
    }
    let relations = relations(session).await?;
    let mut choice = choose(selection, &schemas(session).await?, &relations, ours)?;
    let mut scope = Scope { content: selection.content, ..Scope::default() };
    if !choice.schemas.is_empty() || !choice.relations.is_empty() {
        leave_out(session, &choice, &relations, &mut scope).await?;
    }
    if selection.content != Content::Schema {
        for oid in scope.relations.keys() {
            choice.without_rows.remove(oid);
            choice.transient.remove(oid);
        }
        check_references(session, &mut choice, &scope).await?;
        let rows = |oid: &u32| choice.without_rows.contains(oid) || choice.transient.contains(oid);
        let named = relations.iter().filter(|relation| rows(&relation.oid));
        scope.without_rows = named.map(|relation| (relation.oid, relation.name.clone())).collect();
        scope.transient = choice.transient;
        if !scope.without_rows.is_empty() {
            scope.rebuilt = rebuilt(session, &scope).await?;
        }
    }
    scope.schemas = choice.schemas.into_values().collect();
    Ok(scope)
}

/// Whether our migrations made this database's schema.
async fn is_ours(session: &Session) -> Result<bool, DbError> {
    let sql = include_str!("../../../../sql/migrate/history_exists.sql");
    let row = session.query_one(sql, &[]).await.map_err(session.doing("look for our own schema"))?;
    Ok(row.get("present"))
}

async fn schemas(session: &Session) -> Result<Vec<(u32, String)>, DbError> {
    let sql = include_str!("../../../../sql/selection/schemas.sql");
    let rows = session.query(sql, &[]).await.map_err(session.doing("list the schemas"))?;
    Ok(rows.iter().map(|row| (row.get("oid"), row.get("name"))).collect())
}

async fn relations(session: &Session) -> Result<Vec<Relation>, DbError> {
    let sql = include_str!("../../../../sql/selection/relations.sql");
    let rows = session.query(sql, &[]).await.map_err(session.doing("list the relations"))?;
    let relation = |row: &tokio_postgres::Row| Relation {
        oid: row.get("oid"),
        name: TableName::new(row.get::<_, String>("schema"), row.get::<_, String>("name")),
        kind: row.get::<_, String>("kind").chars().next().unwrap_or('r'),
        belongs_to: row.get("belongs_to"),
    };
    Ok(rows.iter().map(relation).collect())
}

/// Follows what is left out to all that goes with it, and refuses what cannot go.
async fn leave_out(
    session: &Session,
    choice: &Choice,
    relations: &[Relation],
    scope: &mut Scope,
) -> Result<(), SelectionError> {
    let known: BTreeMap<u32, &Relation> = relations.iter().map(|relation| (relation.oid, relation)).collect();
    let schemas: Vec<u32> = choice.schemas.keys().copied().collect();
    let tables: Vec<u32> = choice.relations.iter().copied().collect();
    let sql = include_str!("../../../../sql/selection/left_out.sql");
    let rows = session
        .query(sql, &[&schemas, &tables])
        .await
        .map_err(session.doing("look up what goes with what is left out"))?;
    let mut needed = Vec::new();
    for row in &rows {
        let (kind, name): (String, Option<String>) = (row.get("kind"), row.get("name"));
        let Some(name) = name else { continue };
        if let Some(needs) = row.get::<_, Option<String>>("needs") {
            needed.push(Needed { object: format!("{kind} {name}"), needs });
            continue;
        }
        if let Some(relation) = row.get::<_, Option<u32>>("relation").and_then(|oid| known.get(&oid)) {
            scope.relations.insert(relation.oid, (relation.name.clone(), relation.kind));
        }
        scope.cuts_publications |= matches!(kind.as_str(), "publication relation" | "publication namespace");
        // what is no kind of the inventory (rowtypes, defaults, toast tables) is told with something else
        scope.items.extend(Kind::from_text(&kind).map(|kind| (kind, name)));
    }
    let gone = choice.named.iter().filter(|oid| scope.relations.contains_key(oid));
    needed.extend(gone.filter_map(|oid| owner_name(relations, *oid)).map(|(table, owner)| Needed {
        object: format!("table {table}"),
        needs: format!("table {owner}, which it is a part of"),
    }));
    if needed.is_empty() {
        return Ok(());
    }
    needed.sort_by(|a, b| (&a.object, &a.needs).cmp(&(&b.object, &b.needs)));
    needed.dedup();
    Err(SelectionError::Needs(needed))
}

/// Refuses foreign keys to rows that are left out. Our own transient tables keep their rows instead: nobody asked.
async fn check_references(
    session: &Session,
    choice: &mut Choice,
    scope: &Scope,
) -> Result<(), SelectionError> {
    let gone: Vec<u32> = scope.relations.keys().copied().collect();
    loop {
        let without: Vec<u32> = choice.without_rows.union(&choice.transient).copied().collect();
        if without.is_empty() {
            return Ok(());
        }
        let sql = include_str!("../../../../sql/selection/references.sql");
        let rows = session
            .query(sql, &[&without, &gone])
            .await
            .map_err(session.doing("look up foreign keys to rows that are left out"))?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut refused = BTreeSet::new();
        for row in &rows {
            if !choice.transient.remove(&row.get("referenced")) {
                let table = TableName::new(row.get::<_, String>("schema"), row.get::<_, String>("table"));
                refused.insert(format!("{} of {table}", row.get::<_, String>("name")));
            }
        }
        // a table that keeps its rows may have a key of its own to one that does not: asked again
        let kept = rows.iter().any(|row| !choice.without_rows.contains(&row.get("referenced")));
        if !kept {
            return Err(SelectionError::References(refused.into_iter().collect()));
        }
    }
}

async fn rebuilt(session: &Session, scope: &Scope) -> Result<Vec<TableName>, DbError> {
    let tables: Vec<u32> = scope.without_rows.keys().copied().collect();
    let sql = include_str!("../../../../sql/selection/views.sql");
    let rows = session.query(sql, &[&tables]).await;
    let rows = rows.map_err(session.doing("look up materialised views of tables without rows"))?;
    let stays = rows.iter().filter(|row| scope.takes(row.get("oid")));
    let name = |row: &tokio_postgres::Row| {
        TableName::new(row.get::<_, String>("schema"), row.get::<_, String>("name"))
    };
    Ok(stays.map(name).collect())
}
