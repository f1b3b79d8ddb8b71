//! The connection service file: named sets of parameters in an INI-like file.
//!
//! Which file: `servicefile` or `PGSERVICEFILE`, else the user's `.pg_service.conf`; then the system's `pg_service.conf`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::conninfo::Parameters;
use super::{ConninfoError, Environment, keywords};

/// Returns the parameters of the service `name`.
///
/// # Errors
/// [`ConninfoError::ServiceNotFound`], and what is wrong with a file on the way to it.
pub(crate) fn lookup(name: &str, file: Option<&str>, env: &Environment) -> Result<Parameters, ConninfoError> {
    for (path, required) in candidates(file, env) {
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !required => continue,
            Err(source) => return Err(ConninfoError::File { path, source }),
        };
        if let Some(parameters) = parse(&text, name, &path)? {
            return Ok(parameters);
        }
    }
    Err(ConninfoError::ServiceNotFound(name.into()))
}

/// The files to look in, and whether each must exist.
fn candidates(file: Option<&str>, env: &Environment) -> Vec<(PathBuf, bool)> {
    let own = match file.filter(|f| !f.is_empty()) {
        Some(file) => Some((PathBuf::from(file), true)),
        None => env.user_file(".pg_service.conf", ".pg_service.conf").map(|path| (path, false)),
    };
    let system = env.var("PGSYSCONFDIR").map(PathBuf::from).or_else(|| env.sysconf_directory.clone());
    own.into_iter().chain(system.map(|dir| (dir.join("pg_service.conf"), false))).collect()
}

/// Returns the parameters of `[name]`, if the text has such a section. The first setting of a parameter counts.
fn parse(text: &str, name: &str, path: &Path) -> Result<Option<Parameters>, ConninfoError> {
    let mut found: Option<Parameters> = None;
    for (index, line) in text.lines().map(str::trim).enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with('[') {
            if found.is_some() {
                break;
            }
            found = (line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) == Some(name))
                .then(Parameters::default);
        } else if let Some(parameters) = &mut found {
            read_line(line, parameters).map_err(|reason| ConninfoError::ServiceLine {
                path: path.into(),
                line: index + 1,
                reason,
            })?;
        }
    }
    Ok(found)
}

/// Reads `keyword=value`; there is no quoting, and the value goes to the end of the line.
fn read_line(line: &str, parameters: &mut Parameters) -> Result<(), String> {
    if line.starts_with("ldap") {
        return Err("services from LDAP are not supported".into());
    }
    let (keyword, value) = line.split_once('=').ok_or("there is no \"=\"")?;
    let keyword = keywords::known(keyword).map_err(|error| error.to_string())?;
    if keyword == "service" || keyword == "servicefile" {
        return Err("a service cannot refer to another".into());
    }
    parameters.fill(keyword, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const FILE: &str = "# ours\n[first]\nhost=a\n\n[second]\n# c\nhost=b\nhost=later\noptions=-c a=b\n[third]\nhots=x\n[second]\nport=9\n";

    #[test]
    fn only_the_named_section_counts() {
        let found = parse(FILE, "second", Path::new("f")).unwrap().unwrap();
        assert_eq!(found.iter().collect::<Vec<_>>(), [("host", "b"), ("options", "-c a=b")]);
        assert!(parse(FILE, "fourth", Path::new("f")).unwrap().is_none());
    }

    #[rstest]
    #[case(
        "[s]\nhots=x",
        "could not read line 2 of service file f: unknown connection parameter \"hots\", did you mean \"host\"?"
    )]
    #[case("[s]\n\nhost", "could not read line 3 of service file f: there is no \"=\"")]
    #[case("[s]\nservice=t", "could not read line 2 of service file f: a service cannot refer to another")]
    #[case("[s]\nldap://x", "could not read line 2 of service file f: services from LDAP are not supported")]
    fn a_broken_section_says_where(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(parse(text, "s", Path::new("f")).unwrap_err().to_string(), expected);
    }
}
