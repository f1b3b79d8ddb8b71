//! Formats for years: a stored backup of every format there was is checked, decrypted and restored by this build.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use unisys_db::Target;
use unisys_ops::backup::FORMAT;
use unisys_testkit::{free_port, own_server};

use crate::place::{Said, conninfo, value};

/// What the source of the fixture holds, asked of the restored database: none of it is our own fingerprint.
const FACTS: [(&str, &str); 16] = [
    ("select string_agg(name, '|' order by id) from app.students", "Ada|tab\tnew\nline\\|日本語 🎓"),
    ("select scores::text from app.students where id = 1", "{1.5,NaN,Infinity}"),
    (
        "select encode(picture, 'hex') || note || mood || code from app.students where id = 1",
        "00ff5c{\"a\": [1, null]}glädAB1",
    ),
    ("select string_agg(price::numeric::text, ' ' order by id) from app.students", "3.00 -12345.00"),
    ("select born::text || ' ' || touched::text from app.students where id = 2", "infinity -infinity"),
    (
        "select count(*) || ' ' || sum(number) || ' ' || max(course) from app.enrolments",
        "500 125250 course 99",
    ),
    ("select last_value || ' ' || is_called from app.numbers", "107 true"),
    ("select nextval('app.enrolments_id_seq')", "501"),
    ("select count(*) || ' ' || (select count(*) from only app.payments_2025) from app.payments", "400 213"),
    (
        "select count(*) || ' ' || sum(id) || ' ' || sum(length(filler)) from app.large",
        "4600 10582300 36340000",
    ),
    (
        "select count(*) || ' ' || md5(string_agg(filler, '' order by id)) from app.middling",
        "6000 e35326a633437ff37b82c03c85136c9a",
    ),
    ("select convert_from(lo_get(4711), 'UTF8')", "a large object"),
    ("select students from app.totals", "3"),
    (
        "select pg_get_userbyid(relowner) || ' ' || obj_description(oid) from pg_class where oid = 'app.students'::regclass",
        "fixture_owner it's the students",
    ),
    ("select string_agg(polname || pg_get_expr(polqual, polrelid), ' ') from pg_policy", "own(number < 100)"),
    ("select count(*) from pg_constraint where contype = 'f' and convalidated", "1"),
];

/// A copy of a stored fixture: a drill writes beside the backup.
struct Stored {
    directory: TempDir,
    port: u16,
}

impl Stored {
    fn of(format: u32) -> Self {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/format-{format}"));
        assert!(fixture.is_dir(), "format {format} has no fixture: scripts/make-format-fixture");
        let directory = tempfile::tempdir().unwrap();
        copy(&fixture, directory.path());
        let scratch = directory.path().join("scratch");
        fs::create_dir(&scratch).unwrap();
        #[cfg(unix)]
        for path in [directory.path(), &scratch] {
            unisys_ops::platform::create_passable_dir(path).unwrap();
        }
        let port = free_port();
        let text = format!(
            "[backup]\nstore = \"store\"\n[drill]\nidentities = [\"identity.txt\"]\ndirectory = \"scratch\"\nport = {port}\n"
        );
        fs::write(directory.path().join("unisys-dba.toml"), text).unwrap();
        Self { directory, port }
    }

    fn run(&self, args: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unisys-dba"));
        command.args(args).current_dir(&self.directory).env_clear().env("HOME", self.directory.path());
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        if let Some(programs) = unisys_testkit::search().directory {
            command.env("UNISYS_DBA_PROGRAMS_DIRECTORY", programs);
        }
        let output = command.stdin(Stdio::null()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs what must succeed.
    fn done(&self, args: &[&str]) -> Said {
        let said = self.run(args);
        assert_eq!(said.code, Some(0), "{args:?}: {said:?}");
        said
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target: PathBuf = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

async fn assert_facts(database: &Target, format: u32) {
    for (sql, expected) in FACTS {
        let found = value(database, sql).await.unwrap_or_default();
        assert_eq!(found, expected, "format {format}: {sql}");
    }
}

/// Restores each format into a server of this test run's version; on the version that wrote it, it is drilled too.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_every_format_is_listed_checked_decrypted_and_restored() {
    for format in 1..=FORMAT {
        let stored = Stored::of(format);
        let listed = stored.done(&["backup", "list", "--format", "json"]);
        let backups = listed.json()["backups"].as_array().unwrap().clone();
        assert_eq!(backups.len(), 1, "{listed:?}");
        let shown = stored.done(&["backup", "show", "latest", "--format", "json"]).stdout;
        assert!(shown.contains("\"Odd 'table' \\\\name\""), "{shown}");
        let major = shown.split("\"server_version\": \"").nth(1).unwrap().split('.').next().unwrap();
        let (major, ours): (u32, u32) = (major.parse().unwrap(), unisys_testkit::programs().version().major);
        if ours < major {
            continue; // an older server cannot take it
        }
        stored.done(&["backup", "check", "latest", "--read-data"]);
        stored.done(&["backup", "decrypt", "latest", "--output", "all.sql"]);
        let script = fs::read_to_string(stored.directory.path().join("all.sql")).unwrap();
        assert!(script.contains("CREATE TABLE app.students") && script.contains("日本語 🎓"));

        let server = own_server(free_port(), &[]).unwrap();
        let url = conninfo(&server.server().target("postgres"));
        stored.done(&["restore", "latest", "--to", "copy", "--server", &url, "--verify", "--yes"]);
        assert_facts(&server.server().target("copy"), format).await;
        if ours == major {
            let drilled = stored.done(&["drill", "--format", "json"]);
            assert_eq!(drilled.json()["outcome"], "proven", "port {}", stored.port);
        }
    }
}

/// Tells a reader of a fixture's manifest from one of the future.
#[test]
fn a_format_of_the_future_is_refused_by_name() {
    let stored = Stored::of(FORMAT);
    let store = stored.directory.path().join("store");
    let backup = fs::read_dir(&store).unwrap().flatten().map(|entry| entry.path());
    let manifest = backup.map(|path| path.join("manifest.json")).find(|path| path.is_file()).unwrap();
    let text = fs::read_to_string(&manifest).unwrap();
    let newer = text.replacen(&format!("\"format\": {FORMAT}"), "\"format\": 99, \"of_the_future\": true", 1);
    assert_ne!(newer, text);
    fs::write(&manifest, newer).unwrap();
    for args in [&["drill"][..], &["backup", "check", "latest"], &["open", "latest"]] {
        let said = stored.run(args);
        assert!(matches!(said.code, Some(1 | 4)), "{args:?}: {said:?}");
        let all = said.stdout + &said.stderr;
        assert!(all.contains("is of format 99") && all.contains("use a newer one"), "{args:?}: {all}");
    }
}
