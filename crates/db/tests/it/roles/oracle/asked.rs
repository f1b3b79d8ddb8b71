//! What the server answers when it is asked (`has_table_privilege` and its kin).

use std::collections::{HashMap, HashSet};

use unisys_db::Session;
use unisys_db::roles::{Ability, Access, Class, Object, Oid, Privilege};

type Held = HashSet<(Oid, Oid, i16, String)>;

/// Compares all that the server can be asked with what `access` says.
pub(super) async fn asked(session: &Session, access: &Access<'_>, what: &str) {
    let live = access.live();
    let mut wrong = memberships(session, access).await;
    let mut of: HashMap<Class, Vec<&Object>> = HashMap::new();
    for object in &live.objects {
        of.entry(object.kind.class()).or_default().push(object);
    }
    let mut count = 0;
    for (class, objects) in of {
        let Some((function, by)) = function(class, live.server.version) else { continue };
        let privileges: Vec<Privilege> = class.privileges(live.server.version).iter().collect();
        let held = held(session, function, by, &objects, &privileges).await;
        let columns = match class {
            Class::Table => columns(session).await,
            _ => Held::new(),
        };
        for role in live.roles.values() {
            for object in &objects {
                for privilege in &privileges {
                    let has = |number| (role.oid, object.oid, number, privilege.word().to_owned());
                    let whole = held.contains(&has(0));
                    let each = !object.columns.is_empty()
                        && object.columns.iter().all(|column| columns.contains(&has(column.number)));
                    let said = access.has(role.oid, *privilege, object, None) == Ability::Automatic;
                    count += 1;
                    if (whole || each) != said {
                        wrong
                            .push(format!("{} {privilege} {object}: {whole} {each}, said {said}", role.name));
                    }
                    if !class.column_privileges().contains(*privilege) {
                        continue;
                    }
                    for column in &object.columns {
                        let said =
                            access.has(role.oid, *privilege, object, Some(column)) == Ability::Automatic;
                        count += 1;
                        if columns.contains(&has(column.number)) != said {
                            wrong.push(format!(
                                "{} {privilege} {object}.{}: said {said}",
                                role.name, column.name
                            ));
                        }
                    }
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{what}: {} of {count}:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(40)].join("\n")
    );
    assert!(count > 10_000, "{what}: {count} questions");
}

async fn memberships(session: &Session, access: &Access<'_>) -> Vec<String> {
    let live = access.live();
    let set = if live.server.version >= 160_000 { "SET" } else { "MEMBER" };
    let query = "select r.oid, g.oid, pg_has_role(r.oid, g.oid, 'USAGE'), pg_has_role(r.oid, g.oid, $1) from pg_roles r, pg_roles g";
    let mut wrong = Vec::new();
    for row in session.query(query, &[&set]).await.unwrap() {
        let (role, group): (Oid, Oid) = (row.get(0), row.get(1));
        let (role_name, group_name) = (live.role_name(role), live.role_name(group));
        let superuser = live.roles[&role].superuser;
        if !superuser && access.inherits(role, group) != row.get::<_, bool>(2) {
            wrong.push(format!("{role_name} inherits {group_name}"));
        }
        if access.may_set_role(role, group) != row.get::<_, bool>(3) {
            wrong.push(format!("{role_name} may become {group_name}"));
        }
    }
    wrong
}

/// The function that is asked, and whether by number or by name.
fn function(class: Class, version: u32) -> Option<(&'static str, &'static str)> {
    let by = "n.oid";
    Some(match class {
        Class::Database => ("has_database_privilege", by),
        Class::Schema => ("has_schema_privilege", by),
        Class::Table => ("has_table_privilege", by),
        Class::Sequence => ("has_sequence_privilege", by),
        Class::Routine => ("has_function_privilege", by),
        Class::Type => ("has_type_privilege", by),
        Class::Language => ("has_language_privilege", by),
        Class::ForeignDataWrapper => ("has_foreign_data_wrapper_privilege", by),
        Class::ForeignServer => ("has_server_privilege", by),
        Class::Tablespace => ("has_tablespace_privilege", by),
        Class::Parameter => ("has_parameter_privilege", "n.name"),
        Class::LargeObject if version >= 180_000 => ("has_largeobject_privilege", by),
        Class::LargeObject => return None,
    })
}

async fn held(
    session: &Session,
    function: &str,
    by: &str,
    objects: &[&Object],
    privileges: &[Privilege],
) -> Held {
    let (oids, names): (Vec<Oid>, Vec<&str>) =
        objects.iter().map(|object| (object.oid, object.name.as_str())).unzip();
    let words: Vec<&str> = privileges.iter().map(|privilege| privilege.word()).collect();
    let query = format!(
        "select r.oid, n.oid, p.word from pg_roles r, unnest($1::oid[], $2::text[]) n (oid, name), unnest($3::text[]) p (word)
         where {function}(r.oid, {by}, p.word)"
    );
    let rows = session.query(&query, &[&oids, &names, &words]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), 0, row.get(2))).collect()
}

async fn columns(session: &Session) -> Held {
    let query = "select r.oid, a.attrelid, a.attnum, p.word
        from pg_roles r, pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace,
            unnest('{select,insert,update,references}'::text[]) p (word)
        where a.attnum > 0 and not a.attisdropped
            and (n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
                or exists (select from pg_attribute g where g.attrelid = c.oid and g.attacl is not null))
            and c.relkind in ('r', 'p', 'v', 'm', 'f') and has_column_privilege(r.oid, c.oid, a.attnum, p.word)";
    let rows = session.query(query, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect()
}
