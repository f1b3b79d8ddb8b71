//! A server with the shipped schema and a house beside it that has one of each; privileges by chance.

use unisys_db::migrate::{MigrationSet, UpOptions, up};
use unisys_db::roles::{self, Class, Kind, Object};
use unisys_db::{Session, Target, quote_ident};
use unisys_ops::server::Scratch;

use crate::support::{database_on, own_server, session};

/// Roles of the house; the last is a superuser.
const ROLES: [&str; 12] =
    ["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "R \"9\"", "r_login", "r_super"];

pub(super) async fn shipped() -> (Scratch, Target) {
    let server = own_server();
    let target = database_on(&server, "unisys").await;
    up(&target, &MigrationSet::builtin().unwrap(), &UpOptions::default(), &|_| {}).await.unwrap();
    let session = session(&target).await;
    session.batch_execute("create tablespace house_space location ''").await.unwrap();
    session.batch_execute(include_str!("house.sql")).await.unwrap();
    let version: i32 =
        session.query_one("select current_setting('server_version_num')::int", &[]).await.unwrap().get(0);
    if version >= 150_000 {
        session.batch_execute(include_str!("house_15.sql")).await.unwrap();
    }
    (server, target)
}

/// The same chances for the same seed (xorshift64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }
}

/// Gives memberships and privileges by chance, in the transaction that is open.
pub(super) async fn chance(session: &Session, seed: u64) {
    session.batch_execute("set local search_path = ''").await.unwrap();
    let live = roles::inspect(session).await.unwrap();
    let mut chance = Chance(0x9E37_79B9_7F4A_7C15 ^ (seed + 1).wrapping_mul(0xD134_2543_DE82_EF95));
    let options = live.server.version >= 160_000;
    let mut sql = String::new();
    for (place, role) in ROLES.iter().enumerate() {
        let member = quote_ident(role);
        let inherit = if chance.one_in(3) { "noinherit" } else { "inherit" };
        sql.push_str(&format!("alter role {member} {inherit};\n"));
        for group in &ROLES[..place] {
            if *role != "r_super" && chance.one_in(6) {
                sql.push_str(&join(&quote_ident(group), &member, options, &mut chance));
            }
        }
    }
    let groups = [
        "d_analyst",
        "app_owner",
        "analysis_owner",
        "pg_read_all_data",
        "pg_write_all_data",
        "r_super",
        "pg_monitor",
    ];
    for group in groups {
        let member = quote_ident(chance.of(&ROLES[..11]));
        if group != "r_super" || seed > 0 {
            sql.push_str(&join(&quote_ident(group), &member, options, &mut chance));
        }
    }
    sql.push_str(&format!("alter database unisys owner to {};\n", quote_ident(chance.of(&ROLES[..11]))));
    for object in live.objects.iter().filter(|object| {
        !object.system && object.name != "probe" && object.schema.as_deref() != Some("probe")
    }) {
        grant(object, &live.role_name(object.owner), live.server.version, &mut chance, &mut sql);
    }
    session.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{error:?}\n{sql}"));
}

fn join(group: &str, member: &str, options: bool, chance: &mut Chance) -> String {
    let inherit = ["true", "false"][usize::from(chance.one_in(2))];
    let set = ["true", "false"][usize::from(chance.one_in(3))];
    match options {
        // a circle of memberships is refused by the server; here groups come before members
        true => format!("grant {group} to {member} with inherit {inherit}, set {set};\n"),
        false => format!("grant {group} to {member};\n"),
    }
}

fn grant(object: &Object, owner: &str, version: u32, chance: &mut Chance, sql: &mut String) {
    let class = object.kind.class();
    if matches!(class, Class::Parameter) || object.kind == Kind::Database && chance.one_in(2) {
        return;
    }
    let all: Vec<_> = class.privileges(version).iter().collect();
    let on = format!("{} {}", class.keyword(), object.sql());
    if chance.one_in(3) {
        sql.push_str(&format!("revoke all on {on} from public;\n"));
    }
    let schemas = if class == Class::Schema { 2 } else { 5 };
    for role in ROLES.iter().copied().map(quote_ident).chain(["public".into()]) {
        let rare = if role == "public" { 12 } else { schemas };
        for privilege in &all {
            if chance.one_in(rare * 2) {
                sql.push_str(&format!("grant {privilege} on {on} to {role};\n"));
            }
        }
        let columns: Vec<String> = object.columns.iter().map(|column| quote_ident(&column.name)).collect();
        if columns.is_empty() || !chance.one_in(rare * 2) {
            continue;
        }
        for privilege in class.column_privileges().iter() {
            let everything = chance.one_in(4);
            let some = columns.iter().filter(|_| everything || chance.one_in(3)).cloned().collect::<Vec<_>>();
            if !some.is_empty() {
                sql.push_str(&format!("grant {privilege} ({}) on {on} to {role};\n", some.join(", ")));
            }
        }
    }
    // what an owner takes from itself it has no more
    if object.oid.is_multiple_of(7) && class != Class::Database {
        sql.push_str(&format!("revoke {} on {on} from {};\n", all[0], quote_ident(owner)));
    }
}
