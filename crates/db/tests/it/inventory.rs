//! The inventory on a live server: the zoo comes back equal, and whatever is changed in it is told, and nothing else.

use std::collections::BTreeSet;

use unisys_db::Session;
use unisys_db::inventory::{Difference, Inventory, Kind, NOT_READABLE, diff, load};

use crate::inventory_changes::CHANGES;
use crate::support::{own_server, session};
use crate::zoo;

/// What the server writes differently once it has read its own writing, however it was restored.
const DEPARSED_OTHERWISE: [&str; 3] =
    ["between_them on zoo.checked", "trap on zoo.checked", "code_check on zoo.code"];

fn lines(expected: &Inventory, found: &Inventory) -> Vec<String> {
    diff(expected, found).iter().map(|difference| portable(&difference.to_string())).collect()
}

/// The line as it reads on every major version and every time: a stored password is salted, so its hash is another one each
/// time; MAINTAIN came with PostgreSQL 17, a membership's options with 16.
fn portable(line: &str) -> String {
    let options = [", inherit true", ", inherit false", ", set true", ", granted by postgres", "MAINTAIN,"];
    let line = options.iter().fold(line.to_owned(), |line, option| line.replace(option, ""));
    let mut parts = line.split("sha256:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts
        .fold(first, |text, part| text + "sha256:" + part.trim_start_matches(|c: char| c.is_ascii_hexdigit()))
}

fn attribute<'a>(inventory: &'a Inventory, kind: Kind, name: &str, attribute: &str) -> Option<&'a str> {
    let item = inventory.items.iter().find(|item| item.kind == kind && item.name == name);
    item.unwrap_or_else(|| panic!("no {kind} {name}")).detail.get(attribute)
}

#[tokio::test]
async fn the_zoo_comes_back_equal_through_dump_and_restore() {
    let (source, target) = zoo::server().await;
    let copy = own_server();
    zoo::copy(&source, &copy);
    let expected = load(&session(&target).await).await.unwrap();
    let found = load(&session(&copy.server().target(zoo::NAME)).await).await.unwrap();
    let deparsed = |difference: &Difference| {
        matches!(difference, Difference::Changed { name, attribute, .. }
            if attribute == "definition" && DEPARSED_OTHERWISE.contains(&name.as_str()))
    };
    let (known, unknown): (Vec<_>, Vec<_>) = diff(&expected, &found).into_iter().partition(deparsed);
    assert_eq!(unknown, []);
    assert_eq!(known.len(), DEPARSED_OTHERWISE.len());
}

#[tokio::test]
async fn the_zoo_has_every_kind_of_object() {
    let (_server, target) = zoo::server().await;
    let inventory = load(&session(&target).await).await.unwrap();
    let kinds: BTreeSet<Kind> = inventory.items.iter().map(|item| item.kind).collect();
    let absent: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| !kinds.contains(kind)).collect();
    assert_eq!(absent, []);
}

/// Each change is made and taken back in a transaction, in which the inventory sees it.
#[tokio::test]
async fn every_change_is_told_and_nothing_else() {
    let (_server, target) = zoo::server().await;
    let session = session(&target).await;
    let before = load(&session).await.unwrap();
    let mut wrong = Vec::new();
    for (sql, expected) in CHANGES {
        session
            .batch_execute(&format!("begin; {sql}"))
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let found = lines(&before, &load(&session).await.unwrap());
        session.batch_execute("rollback").await.unwrap();
        if found != *expected {
            wrong.push(format!("{sql}\n    {}", found.join("\n    ")));
        }
    }
    assert!(wrong.is_empty(), "{} of {} changes:\n{}", wrong.len(), CHANGES.len(), wrong.join("\n"));
    assert_eq!(lines(&before, &load(&session).await.unwrap()), Vec::<String>::new());
}

#[tokio::test]
async fn settings_of_the_session_change_nothing_and_are_left_alone() {
    let (_server, target) = zoo::server().await;
    let session = session(&target).await;
    let before = load(&session).await.unwrap();
    let odd = "set search_path = zoo, public; set DateStyle = 'SQL, DMY'; set TimeZone = 'Asia/Tokyo'; set IntervalStyle = 'iso_8601';
        set bytea_output = 'escape'; set quote_all_identifiers = on; set extra_float_digits = 0";
    session.batch_execute(odd).await.unwrap();
    assert_eq!(lines(&before, &load(&session).await.unwrap()), Vec::<String>::new());
    for transaction in ["", "begin read only; set local search_path = zoo_ext"] {
        session.batch_execute(transaction).await.unwrap();
        let settings = "select string_agg(name || '=' || setting, ' ' order by name) from pg_settings where name ~
            'search_path|Style|TimeZone$|bytea_output|quote_all|extra_float|jit$|lc_monetary|conforming|xmloption'";
        let set: String = session.query_one(settings, &[]).await.unwrap().get(0);
        assert_eq!(lines(&before, &load(&session).await.unwrap()), Vec::<String>::new());
        assert_eq!(session.query_one(settings, &[]).await.unwrap().get::<_, String>(0), set);
    }
    session.batch_execute("commit").await.unwrap();
    let path: String = session.query_one("show search_path", &[]).await.unwrap().get(0);
    assert_eq!(path, "zoo, public");
}

#[tokio::test]
async fn what_a_login_may_not_read_is_marked_and_the_rest_is_equal() {
    let (_server, target) = zoo::server().await;
    let all = load(&session(&target).await).await.unwrap();
    let make = "create role stranger login; create role reader login; grant pg_read_all_data to reader";
    let session = session(&target).await;
    session.batch_execute(make).await.unwrap();
    let all_now = load(&session).await.unwrap();
    assert_eq!(lines(&all, &all_now), ["extra: role reader", "extra: role stranger"]);

    let as_login =
        async |login: &str| load(&Session::open(&target.with_user(login)).await.unwrap()).await.unwrap();
    let reader = as_login("reader").await;
    assert_eq!((lines(&reader, &all_now), reader.not_readable().count()), (vec![], 0));

    let stranger = as_login("stranger").await;
    assert_eq!(lines(&stranger, &all_now), Vec::<String>::new());
    let marked = |kind: Kind| stranger.not_readable().filter(|(item, _)| item.kind == kind).count();
    let roles = all_now
        .items
        .iter()
        .filter(|item| item.kind == Kind::Role && item.detail.get("attributes").is_some())
        .count();
    assert_eq!((marked(Kind::Role), marked(Kind::UserMapping)), (roles, 2));
    assert!(
        lines(&all_now, &stranger)
            .iter()
            .any(|line| line.starts_with("changed: role zoo_login: password: expected sha256:")
                && line.ends_with(NOT_READABLE))
    );
}

#[tokio::test]
async fn no_secret_is_in_it_in_the_clear() {
    let (_server, target) = zoo::server().await;
    let session = session(&target).await;
    session.batch_execute("alter role zoo_owner set zoo.api_token = 'zoo secret'").await.unwrap();
    let inventory = load(&session).await.unwrap();
    let text = serde_json::to_string(&inventory).unwrap();
    assert!(
        !text.contains("zoo secret") && !text.contains("SCRAM-SHA-256") && !text.contains("password=zoo"),
        "a secret"
    );
    let options =
        attribute(&inventory, Kind::UserMapping, "zoo_writer on server zoo_far", "options").unwrap();
    assert!(options.starts_with("password=sha256:") && options.ends_with(", user=far"), "{options}");
}
