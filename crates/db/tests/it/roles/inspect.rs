//! What `inspect` reads is what the server has.

use std::collections::BTreeSet;

use unisys_db::roles::{Acl, AclEntry, Class, Live, Oid};

use super::live;
use crate::support::{database_on, own_server, session};
use crate::zoo;

/// Class, number, column, grantee, grantor, privilege, whether it may be given on.
type Entry = (String, Oid, i16, Oid, Oid, String, bool);

fn exploded(class: &str, oid: Oid, number: i16, acl: &Acl, into: &mut BTreeSet<Entry>) {
    for AclEntry { grantee, grantor, privileges, grantable } in acl.iter().copied() {
        for privilege in privileges.iter() {
            let grantable = grantable.contains(privilege);
            into.insert((class.into(), oid, number, grantee, grantor, privilege.word().into(), grantable));
        }
    }
}

fn read(live: &Live) -> BTreeSet<Entry> {
    let mut entries = BTreeSet::new();
    for object in live.objects.iter().filter(|object| object.kind.class() != Class::Parameter) {
        let class = object.kind.class().keyword();
        exploded(class, object.oid, 0, &object.acl, &mut entries);
        for column in &object.columns {
            let acl = column.acl.clone().unwrap_or_default();
            exploded(class, object.oid, column.number, &acl, &mut entries);
        }
    }
    entries
}

#[tokio::test]
async fn every_access_list_is_what_the_server_takes_apart() {
    let (_server, target) = zoo::server().await;
    let session = session(&target).await;
    let live = live(&target).await;
    let read = read(&live);
    let known: BTreeSet<(&str, Oid)> =
        live.objects.iter().map(|object| (object.kind.class().keyword(), object.oid)).collect();
    let mut server = BTreeSet::new();
    let mut unread = BTreeSet::new();
    for row in session.query(include_str!("exploded.sql"), &[]).await.unwrap() {
        let (class, oid): (&str, Oid) = (row.get(0), row.get(1));
        match known.contains(&(class, oid)) {
            true => drop(server.insert((
                class.to_owned(),
                oid,
                row.get(2),
                row.get(3),
                row.get(4),
                row.get(5),
                row.get(6),
            ))),
            false => drop(unread.insert((class.to_owned(), oid))),
        }
    }
    assert!(server.len() > 500, "the zoo grants much: {}", server.len());
    let difference: Vec<_> = read.symmetric_difference(&server).collect();
    assert!(difference.is_empty(), "{difference:?}");
    // What is not read: the server's own routines that nobody changed, its types, toast, array and row types, untrusted languages
    // and the tablespaces of initdb.
    let classes: BTreeSet<&str> = unread.iter().map(|(class, _)| class.as_str()).collect();
    let schemas = unread.iter().filter(|(class, _)| class == "schema").count();
    assert!(
        classes.is_subset(&BTreeSet::from(["language", "routine", "schema", "table", "tablespace", "type"])),
        "{classes:?}"
    );
    assert!(schemas <= 3, "schemas of toast and temporary tables: {schemas}");
    let users = session
        .query(
            "select 'routine', p.oid from pg_proc p where p.proacl is not null
             union all select 'table', c.oid from pg_class c where c.relnamespace = 'zoo'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
             union all select 'sequence', c.oid from pg_class c where c.relkind = 'S'",
            &[],
        )
        .await
        .unwrap();
    for row in users {
        let (class, oid): (&str, Oid) = (row.get(0), row.get(1));
        assert!(known.contains(&(class, oid)), "{class} {oid} was not read");
    }
}

/// R28: nobody can say REVOKE for it, and it is seen all the same.
#[tokio::test]
async fn the_number_of_a_role_that_is_gone_stays_a_number() {
    let server = own_server();
    let target = database_on(&server, "left").await;
    let session = session(&target).await;
    session
        .batch_execute(
            "create table t ();
             update pg_class set relacl = array[makeaclitem(relowner, relowner, 'SELECT', false),
                 makeaclitem(424242, relowner, 'UPDATE', true)] where oid = 't'::regclass",
        )
        .await
        .unwrap();
    let live = live(&target).await;
    let table = live.objects.iter().find(|object| object.name == "t").unwrap();
    let left = table.acl.iter().find(|entry| entry.grantee == 424_242).unwrap();
    assert_eq!((left.privileges.words(), left.grantable.words()), ("update".into(), "update".into()));
    assert_eq!(live.role_name(424_242), "424242");
}
