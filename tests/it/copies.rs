//! Copies as the stores they are: pruned by rules of their own, given other keys, and never in the way of the first store.

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use unisys_testkit::faults::Trouble;

use crate::buckets::{Site, stderr};

const SMALL: &str = "create table small (id integer); insert into small values (1)";

/// Rules by which the newest stays, and the newest proven one.
const NEWEST: &str = "[retention]\nkeep-last = 1\nkeep-daily = 0\nkeep-weekly = 0\nkeep-monthly = 0\n\
                      keep-yearly = 0\nkeep-proven = 1\n";

/// Returns a place whose first store is a directory, or the bucket.
async fn site(first: &str, copies: &str, retention: &str) -> Site {
    let site = Site::new(SMALL, &format!("{copies}\n{NEWEST}{retention}")).await;
    let config = fs::read_to_string(site.path("unisys-dba.toml")).unwrap();
    fs::write(site.path("unisys-dba.toml"), config.replace("s3://nightly/app", first)).unwrap();
    site
}

fn made(document: &Value) -> String {
    document["backup"]["id"].as_str().unwrap().to_owned()
}

/// Returns the complete backups in a store of this machine, or below a prefix of the bucket.
fn ids(site: &Site, store: &str) -> BTreeSet<String> {
    let root = match store.strip_prefix("s3://nightly/") {
        Some(prefix) => site.server.objects().join(prefix),
        None => site.path(store),
    };
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let complete = entries.filter(|entry| entry.path().join("manifest.json").exists());
    complete.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn set<'a>(ids: impl IntoIterator<Item = &'a String>) -> BTreeSet<String> {
    ids.into_iter().cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_pruned_by_its_own_rules_and_by_the_proofs_of_the_first_store() {
    let site = site("first", "copies = [\"near\", \"s3://nightly/far\"]", "copies = [\"last 2\"]\n").await;
    let run = || made(&site.json(&["backup", "run"], 0));
    let a = run();
    site.json(&["drill"], 0);
    let (b, c) = (run(), run());
    assert_eq!(ids(&site, "first"), set([&a, &c]));
    let last = site.json(&["backup", "run"], 0);
    let d = made(&last);
    for (number, copy) in ["near", "s3://nightly/far"].into_iter().enumerate() {
        assert_eq!(ids(&site, copy), set([&a, &c, &d]), "{copy}");
        assert_eq!(last["copies"][number]["retention"]["removals"][0]["id"], b, "{last}");
    }
    assert_eq!(ids(&site, "first"), set([&a, &d]));

    // proven after it was copied: the first store alone knows
    site.json(&["drill", &d], 0);
    let planned = site.json(&["backup", "prune", "--dry-run"], 0);
    let copies: Vec<bool> =
        planned["stores"].as_array().unwrap().iter().map(|store| store["copy"].as_bool().unwrap()).collect();
    assert_eq!(copies, [false, true, true]);
    let pruned = site.json(&["backup", "prune", "--yes"], 0);
    assert_eq!(pruned["removed"], 3);
    assert_eq!(ids(&site, "first"), set([&d]));
    assert_eq!(ids(&site, "near"), set([&c, &d]));
    assert_eq!(ids(&site, "s3://nightly/far"), set([&c, &d]));

    // a proof is of the bytes: another manifest of that name is not proven by it
    let manifest = site.path("near").join(&d).join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, format!("{text}\n")).unwrap();
    for entry in fs::read_dir(site.path("near").join(&d)).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("drill-") {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    let judged = site.json(&["backup", "prune", "--dry-run"], 0);
    let states: Vec<&str> = (0..3)
        .map(|store| judged["stores"][store]["databases"][0]["backups"][0]["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["proven", "unproven", "proven"]);

    // what is pinned in the first store stays in its copies
    let pinned = site.run(&["backup", "pin", &d, "--reason", "audit"]);
    assert_eq!(pinned.status.code(), Some(0), "{}", stderr(&pinned));
    let judged = site.json(&["backup", "prune", "--dry-run"], 0).to_string();
    assert_eq!(judged.matches("\"why\":\"pinned\"").count(), 3, "{judged}");
    let text = String::from_utf8(site.run(&["backup", "prune", "--dry-run"]).stdout).unwrap();
    assert!(text.contains(", copies in s3://nightly/far"), "{text}");
    let e = run();
    assert!(site.path("near").join(&d).join("pin.json").exists(), "it is copied");
    assert_eq!(site.run(&["backup", "unpin", &d]).status.code(), Some(0));
    assert!(!site.path("near").join(&d).join("pin.json").exists() && ids(&site, "near").contains(&e));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_out_of_reach_keeps_no_other_store_from_being_pruned() {
    let mut site = site("first", "copies = [\"s3://nightly/far\", \"near\"]", "").await;
    let run = |site: &Site, code| made(&site.json(&["backup", "run"], code));
    let a = run(&site, 0);
    site.json(&["drill"], 0);
    let b = run(&site, 0);
    site.server.stop();
    let c = run(&site, 5);
    for store in ["first", "near"] {
        assert_eq!(ids(&site, store), set([&a, &c]), "{store}");
    }
    let again = run(&site, 5);
    let pruned = site.json(&["backup", "prune", "--yes"], 5);
    assert_eq!(pruned["outcome"], "failed");
    let problem = pruned["stores"][1]["problem"].as_str().unwrap();
    assert!(problem.contains("s3://nightly/far"), "{problem}");
    let told = stderr(&site.run(&["backup", "prune", "--dry-run"]));
    assert!(told.contains("the copies in s3://nightly/far were not pruned"), "{told}");

    site.server.resume();
    assert_eq!(ids(&site, "s3://nightly/far"), set([&a, &b]), "it is as it was");
    let last = run(&site, 0);
    for store in ["first", "near", "s3://nightly/far"] {
        assert_eq!(ids(&site, store), set([&a, &last]), "{store}, and not {again}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_copy_delays_neither_pruning_nor_the_next_backup() {
    let site = site("first", "copies = [\"s3://nightly/far\"]", "").await;
    let a = made(&site.json(&["backup", "run"], 0));
    site.json(&["drill"], 0);
    let b = made(&site.json(&["backup", "run"], 0));
    site.proxy.trouble(usize::MAX, Trouble::Delay(Duration::from_secs(3600)), |line| {
        line.starts_with("PUT ") && line.contains("/far/")
    });
    let mut command = site.command(&["backup", "run"]);
    let mut slow = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    Site::wait_for(&mut slow, || site.proxy.troubled() > 0);
    let held = ids(&site, "first");
    assert!(held.contains(&a) && !held.contains(&b) && held.len() == 2, "{held:?}");

    let next = site.json(&["backup", "run"], 5);
    let problem = next["copies"][0]["problem"].as_str().unwrap();
    assert!(problem.contains("another run"), "{problem}");
    let mut expected = held; // what is copied is in use
    expected.insert(made(&next));
    assert_eq!(ids(&site, "first"), expected);
    slow.kill().unwrap();
    slow.wait().unwrap();
}

/// Lets the bucket refuse what an object lock and a policy of "append only" refuse.
fn lock_objects(site: &Site, aborts_too: bool) {
    let objects = site.server.objects();
    site.proxy.trouble(usize::MAX, Trouble::Deny, move |line| {
        let mut words = line.split(' ');
        let (verb, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        match verb {
            "DELETE" => aborts_too || !path.contains("uploadId="),
            "PUT" => path.strip_prefix("/nightly/").is_some_and(|name| objects.join(name).exists()),
            _ => false,
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_lets_nothing_be_removed_or_written_over_will_do() {
    let site = site("s3://nightly/app", "copies = [\"s3://nightly/far\"]", "").await;
    lock_objects(&site, true);
    let run = |code| made(&site.json(&["backup", "run"], code));
    let a = run(0);
    assert_eq!(site.json(&["drill"], 0)["outcome"], "proven");
    assert_eq!(site.run(&["backup", "pin", &a]).status.code(), Some(0));
    let b = run(0);
    assert_eq!(ids(&site, "s3://nightly/far"), set([&a, &b]));
    assert_eq!(site.json(&["drill"], 0)["outcome"], "proven");

    let output = site.run(&["backup", "run", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "the newest proven one stays: {}", stderr(&output));
    let c = made(&serde_json::from_slice(&output.stdout).unwrap());
    let refused = site.json(&["backup", "run"], 5);
    let d = made(&refused);
    let problems = refused["problems"].to_string();
    assert!(problems.contains(&format!("{c} could not be removed: ")), "{problems}");
    assert!(
        problems.contains(&format!("{c} could not be removed from the copy in s3://nightly/far")),
        "{problems}"
    );
    assert!(problems.contains("403 Forbidden") && problems.contains("Denied by policy"), "{problems}");

    let before = site.server.names();
    let pruned = site.run(&["backup", "prune", "--yes"]);
    assert_eq!(pruned.status.code(), Some(1), "{}", stderr(&pruned));
    assert!(stderr(&pruned).contains("could not be removed: ") && stderr(&pruned).contains("403 Forbidden"));
    assert_eq!(site.server.names(), before, "nothing is half removed");
    assert_eq!(site.json(&["backup", "check", "--all"], 0)["backups"].as_array().unwrap().len(), 4);
    assert_eq!(site.json(&["backup", "run", "--no-prune"], 0)["outcome"], "ok");

    site.proxy.calm();
    assert_eq!(site.run(&["backup", "unpin", &a]).status.code(), Some(0));
    let last = run(0);
    for store in ["s3://nightly/app", "s3://nightly/far"] {
        assert_eq!(ids(&site, store), set([&b, &last]), "{store}, and not {d}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_failed_backup_leaves_in_such_a_bucket_goes_when_it_may() {
    let bulk = "create table large (id integer, filler text); insert into large select g,
        (select string_agg(md5(random()::text), '') from generate_series(1, 20) where g > 0)
        from generate_series(1, 40000) g";
    let site = Site::new(bulk, NEWEST).await;
    for aborts_too in [false, true] {
        lock_objects(&site, aborts_too);
        site.proxy.trouble(usize::MAX, Trouble::Refuse, |line| line.contains("partNumber=2&"));
        let failed = site.run(&["backup", "run"]);
        assert_eq!(failed.status.code(), Some(1), "{}", stderr(&failed));
        assert_eq!(site.server.stray_parts().is_empty(), !aborts_too, "{:?}", site.server.stray_parts());
        assert_eq!(ids(&site, "s3://nightly/app").len(), 0);
        site.proxy.calm();
    }
    lock_objects(&site, true);
    let id = made(&site.json(&["backup", "run"], 0));
    site.proxy.calm();
    assert_eq!(site.json(&["backup", "run"], 0)["outcome"], "ok");
    assert!(site.server.stray_parts().is_empty(), "{:?}", site.server.stray_parts());
    assert!(ids(&site, "s3://nightly/app").contains(&id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_in_a_bucket_and_its_copies_get_other_keys() {
    let site = site("s3://nightly/app", "copies = [\"near\", \"s3://nightly/far\"]", "").await;
    let stores = ["s3://nightly/app", "near", "s3://nightly/far"];
    let a = made(&site.json(&["backup", "run"], 0));
    let old = unisys_ops::keys::KeyPair::generate();
    let new = unisys_ops::keys::KeyPair::generate();
    old.write(&site.path("old.txt"), "a test").unwrap();
    new.write(&site.path("new.txt"), "a test").unwrap();
    let keys = ["--identity", "identity.txt", "--identity", "old.txt", "--identity", "new.txt", "--yes"];
    let rekey = |words: &[&str], to: &str, code: i32| {
        site.json(&[&["backup", "rekey"], words, &["--to", to, "--through-here"], &keys].concat(), code)
    };
    let (old, new) = (old.recipient(), new.recipient());
    let refused = site.run(&[&["backup", "rekey", &a, "--to", &old][..], &keys].concat());
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("--through-here"), "{}", stderr(&refused));

    let done = rekey(&[&a], &old, 0);
    let b = done["rekeyed"][0]["to"].as_str().unwrap().to_owned();
    assert_eq!(done["copies"].as_array().unwrap().len(), 2, "{done}");
    for store in stores {
        assert_eq!(ids(&site, store), set([&b]), "{store}");
    }
    assert!(site.server.stray_parts().is_empty());
    let checked = site.json(&["backup", "check", &b], 0);
    assert_eq!(checked["backups"][0]["findings"], Value::Array(vec![]));
    assert_eq!(site.json(&["drill", &b, "--identity", "old.txt"], 0)["outcome"], "proven");

    // a copy that cannot be reached keeps the old one, and gets the new one when it can
    site.proxy.trouble(usize::MAX, Trouble::Deny, |line| line.starts_with("PUT ") && line.contains("/far/"));
    let words = [&["backup", "rekey", &b, "--to", &new, "--through-here"][..], &keys].concat();
    let partly = site.run(&words);
    assert_eq!(partly.status.code(), Some(5), "{}", stderr(&partly));
    let c = ids(&site, "s3://nightly/app").pop_first().unwrap();
    let told = stderr(&partly);
    assert!(told.contains(&format!("the copy of {b} in s3://nightly/far is still there")), "{told}");
    assert!(told.contains(&format!("Run it for {c}")), "{told}");
    assert_eq!((ids(&site, "near"), ids(&site, "s3://nightly/far")), (set([&c]), set([&b])));
    site.proxy.calm();
    let done = rekey(&[&c], &new, 0);
    assert_eq!(done["rekeyed"], Value::Array(vec![]));
    for store in stores {
        assert_eq!(ids(&site, store), set([&c]), "{store}");
    }

    // what a copy alone holds is found with --all
    fs::remove_dir_all(site.server.objects().join("app").join(&c)).unwrap();
    fs::remove_dir_all(site.server.objects().join("far").join(&c)).unwrap();
    let done = rekey(&["--all"], &old, 0);
    assert_eq!(done["rekeyed"][0]["from"], c, "{done}");
    assert_eq!(ids(&site, "near").len(), 1);
}
