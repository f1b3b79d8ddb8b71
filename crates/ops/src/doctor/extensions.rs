//! Whether the drill's server can make the database's extensions.

use unisys_db::preflight::Extension;

use super::Finding;
use super::finding::few;

pub(super) const EXTENSIONS: &str = "extensions";

/// Judges the extensions of a database against those a drill's server of this major has.
pub(super) fn judge(wanted: &[Extension], available: &[Extension], major: u32) -> Vec<Finding> {
    let offered = |name: &str| available.iter().find(|extension| extension.name == name);
    let missing: Vec<String> =
        wanted.iter().filter(|w| offered(&w.name).is_none()).map(|w| w.name.clone()).collect();
    let differing: Vec<String> = wanted
        .iter()
        .filter_map(|w| {
            let here = offered(&w.name).filter(|here| here.version != w.version)?;
            Some(format!("{} {} (here {})", w.name, w.version, here.version))
        })
        .collect();
    let mut findings = Vec::new();
    if !missing.is_empty() {
        let text = format!("not installed for the drill's PostgreSQL {major}: {}", few(&missing));
        findings.push(Finding::fail(EXTENSIONS, text, install(&missing, major)).about(missing));
    }
    if !differing.is_empty() {
        let text =
            format!("of another version here, which a drill will call a difference: {}", few(&differing));
        let repair =
            "Bring both servers to the same packages, then run alter extension NAME update; on the source.";
        findings.push(Finding::warn(EXTENSIONS, text, repair).about(differing));
    }
    if findings.is_empty() {
        let names: Vec<String> = wanted.iter().map(|w| w.name.clone()).collect();
        findings.push(Finding::ok(EXTENSIONS, format!("installed for the drill: {}", few(&names))));
    }
    findings
}

/// The extensions that come with PostgreSQL itself, which Debian has in the server's own package since 10.
const CONTRIB: [&str; 12] = [
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "fuzzystrmatch",
    "hstore",
    "intarray",
    "ltree",
    "pg_stat_statements",
    "pg_trgm",
    "pgcrypto",
    "unaccent",
];

fn install(missing: &[String], major: u32) -> String {
    if missing.iter().all(|name| CONTRIB.contains(&name.as_str())) {
        return format!("apt-get install postgresql-{major} # or postgresql{major}-contrib");
    }
    let first = missing[0].replace('_', "-");
    format!(
        "apt-cache search postgresql-{major} | grep -i '{}' # then install it on this machine",
        first.replace('\'', "")
    )
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    fn extension(name: &str, version: &str) -> Extension {
        Extension { name: name.into(), version: version.into() }
    }

    #[rstest::rstest]
    #[case("1.6", &[("pg_trgm", "1.6")], Level::Ok)]
    #[case("1.5", &[("pg_trgm", "1.6")], Level::Warn)]
    #[case("1.6", &[("hstore", "1.6")], Level::Fail)]
    fn an_extension_must_be_there_in_the_same_version(
        #[case] version: &str,
        #[case] available: &[(&str, &str)],
        #[case] level: Level,
    ) {
        let available: Vec<_> = available.iter().map(|(name, version)| extension(name, version)).collect();
        let findings = judge(&[extension("pg_trgm", version)], &available, 15);
        assert_eq!(findings.iter().map(|f| f.level).collect::<Vec<_>>(), [level], "{findings:?}");
    }
}
