//! PostgreSQL's own programs: where they are, which version they are, how they are run.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::OpsError;

/// A version as `--version` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PgVersion {
    /// The major, such as 15.
    pub major: u32,
    /// The minor, such as 18; 0 for a beta.
    pub minor: u32,
}

impl PgVersion {
    /// Returns the version in text such as `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` or `PostgreSQL 17beta1`.
    pub fn parse(text: &str) -> Option<Self> {
        let word = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
        let mut numbers = word.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
        let major = numbers.next()?.parse().ok()?;
        let release = word.chars().all(|c| c.is_ascii_digit() || c == '.');
        let minor =
            if release { numbers.next().and_then(|minor| minor.parse().ok()).unwrap_or(0) } else { 0 };
        Some(Self { major, minor })
    }

    /// Returns the version in a `server_version_num` such as 150018.
    pub fn from_num(num: u32) -> Self {
        Self { major: num / 10_000, minor: num % 10_000 }
    }
}

impl fmt::Display for PgVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The variables that a program needs to run at all; nothing else of an environment reaches it.
const INHERITED: [&str; 7] =
    ["PATH", "SYSTEMROOT", "TEMP", "TMP", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"];

/// Where to look for PostgreSQL's programs, and what they are given to run.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The only directory to look in, where one is configured.
    pub directory: Option<PathBuf>,
    /// The value of `PATH`.
    pub path: Option<OsString>,
    /// The variables the programs inherit.
    pub inherited: Vec<(String, OsString)>,
}

impl Search {
    /// Returns the search of `directory`, else of the `PATH` of an environment, of which the programs inherit what they need.
    pub fn new(
        directory: Option<PathBuf>,
        environment: impl IntoIterator<Item = (impl Into<String>, impl Into<OsString>)>,
    ) -> Self {
        // Windows' own spelling is `Path` and `SystemRoot`, and any other is the same there
        let same = |a: &str, b: &str| if cfg!(windows) { a.eq_ignore_ascii_case(b) } else { a == b };
        let all = environment.into_iter().map(|(name, value)| (name.into(), value.into()));
        let inherited: Vec<(String, OsString)> =
            all.filter(|(name, _): &(String, _)| INHERITED.iter().any(|known| same(name, known))).collect();
        let path = inherited.iter().find(|(name, _)| same(name, "PATH")).map(|(_, value)| value.clone());
        Self { directory, path, inherited }
    }
}

/// One installation: a directory with `pg_dump` and its kin, all of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    bin: PathBuf,
    version: PgVersion,
    inherited: Vec<(String, OsString)>,
}

impl Programs {
    /// Returns every installation found, the newest version first: the configured directory alone, or those on `PATH`,
    /// named by `pg_config`, and in the places Debian, Red Hat, Homebrew and the Windows installer use.
    pub fn all(search: &Search) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        for bin in candidates(search) {
            let Ok(bin) = bin.canonicalize() else { continue };
            if found.iter().all(|programs| programs.bin != bin)
                && let Some(version) = version_in(&bin)
            {
                found.push(Self { bin, version, inherited: search.inherited.clone() });
            }
        }
        found.sort_by_key(|programs| std::cmp::Reverse(programs.version));
        found
    }

    /// Returns the newest installation with a server, or the newest of `major`.
    ///
    /// # Errors
    /// [`OpsError::ProgramMissing`] naming what was found instead.
    pub fn with_server(search: &Search, major: Option<u32>) -> Result<Self, OpsError> {
        let all = Self::all(search);
        let fits =
            |p: &&Self| p.has("postgres") && p.has("initdb") && major.is_none_or(|m| p.version.major == m);
        all.iter().find(fits).cloned().ok_or_else(|| {
            let wanted =
                major.map_or("a PostgreSQL server".into(), |major| format!("a PostgreSQL {major} server"));
            missing(&format!("{wanted} (initdb, postgres)"), &all)
        })
    }

    /// Returns the client programs to dump a server of this major with: the same major where it is installed, else the
    /// oldest newer one. pg_dump refuses servers newer than itself.
    ///
    /// # Errors
    /// [`OpsError::ProgramMissing`] naming what was found instead.
    pub fn client_for(search: &Search, major: u32) -> Result<Self, OpsError> {
        let all = Self::all(search);
        let fits = |p: &&Self| p.has("pg_dump") && p.has("pg_restore") && p.version.major >= major;
        all.iter()
            .rev()
            .find(fits)
            .cloned()
            .ok_or_else(|| missing(&format!("pg_dump and pg_restore {major} or newer"), &all))
    }

    /// Returns the version.
    pub fn version(&self) -> PgVersion {
        self.version
    }

    /// Returns the directory.
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// Whether this installation has a program; many have the clients alone.
    pub fn has(&self, program: &str) -> bool {
        self.path(program).is_file()
    }

    /// Returns the path of a program.
    pub fn path(&self, program: &str) -> PathBuf {
        self.bin.join(format!("{program}{}", std::env::consts::EXE_SUFFIX))
    }

    /// Returns a command for a program with a clean environment: nothing of ours reaches it but what it needs to run, and
    /// its messages are in English, to be read by us.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.path(program));
        command.env_clear().env("LC_MESSAGES", "C").env("LC_CTYPE", "C.UTF-8");
        command.envs(self.inherited.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Returns the error for a program that no installation has, with what there is.
fn missing(wanted: &str, all: &[Programs]) -> OpsError {
    let found =
        all.iter().map(|p| format!("{} in {}", p.version, p.bin.display())).collect::<Vec<_>>().join(", ");
    let found = if found.is_empty() { "no PostgreSQL programs at all".to_owned() } else { found };
    OpsError::ProgramMissing(format!("{wanted} is needed, found {found}"))
}

/// Returns the directories to look in, in order.
fn candidates(search: &Search) -> Vec<PathBuf> {
    if let Some(directory) = &search.directory {
        return vec![directory.clone()];
    }
    let mut dirs: Vec<PathBuf> = Vec::new();
    for dir in search.path.iter().flat_map(std::env::split_paths) {
        dirs.extend(real_bin(&dir));
        dirs.extend(bindir_of(&dir));
    }
    for (parent, below) in [
        ("/usr/lib/postgresql", "bin"),
        ("/usr/local/opt", "bin"),
        ("/opt/homebrew/opt", "bin"),
        ("/usr", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "bin"),
        ("C:\\Program Files\\PostgreSQL", "bin"),
    ] {
        let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
        let named = |name: &OsStr| {
            let name = name.to_string_lossy();
            parent == "/usr/lib/postgresql"
                || name.starts_with(|c: char| c.is_ascii_digit())
                || name.starts_with("postgresql")
                || name.starts_with("pgsql-")
        };
        dirs.extend(entries.filter(|e| named(&e.file_name())).map(|e| e.path().join(below)));
    }
    dirs
}

/// Returns where the pg_dump in `dir` really lives: Debian's is a wrapper in Perl, Homebrew's a link.
fn real_bin(dir: &Path) -> Option<PathBuf> {
    let program = dir.join(format!("pg_dump{}", std::env::consts::EXE_SUFFIX)).canonicalize().ok()?;
    if program.file_stem()? != "pg_dump" { None } else { program.parent().map(Path::to_owned) }
}

/// Returns what the `pg_config` in `dir` says.
fn bindir_of(dir: &Path) -> Option<PathBuf> {
    let program = dir.join(format!("pg_config{}", std::env::consts::EXE_SUFFIX));
    if !program.is_file() {
        return None;
    }
    let output = Command::new(program).arg("--bindir").output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

/// Returns the version of the programs in `bin`, asked of pg_dump or of the server.
fn version_in(bin: &Path) -> Option<PgVersion> {
    ["pg_dump", "postgres"].iter().find_map(|name| {
        let program = bin.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        let output = program.is_file().then(|| Command::new(program).arg("--version").output())?.ok()?;
        PgVersion::parse(&String::from_utf8_lossy(&output.stdout))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", 15, 18)]
    #[case("postgres (PostgreSQL) 9.6.24", 9, 6)]
    #[case("pg_dump (PostgreSQL) 17beta1", 17, 0)]
    #[case("pg_dump (PostgreSQL) 19devel", 19, 0)]
    fn versions_are_read(#[case] text: &str, #[case] major: u32, #[case] minor: u32) {
        assert_eq!(PgVersion::parse(text), Some(PgVersion { major, minor }));
    }

    #[test]
    fn text_without_a_number_is_no_version() {
        assert_eq!(PgVersion::parse("pg_dump: not found"), None);
    }

    #[test]
    fn a_program_inherits_what_it_needs_and_nothing_else() {
        let search = Search::new(None, [("PATH", "/bin"), ("PGPASSWORD", "sesame"), ("TZ", "UTC")]);
        assert_eq!(search.path.as_deref(), Some(OsStr::new("/bin")));
        let names: Vec<&str> = search.inherited.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["PATH", "TZ"]);
    }

    #[test]
    fn a_missing_program_names_what_was_found() {
        let search = Search { directory: Some("/nonexistent".into()), ..Search::default() };
        let error = Programs::with_server(&search, Some(99)).unwrap_err().to_string();
        assert_eq!(
            error,
            "a PostgreSQL 99 server (initdb, postgres) is needed, found no PostgreSQL programs at all"
        );
    }
}
