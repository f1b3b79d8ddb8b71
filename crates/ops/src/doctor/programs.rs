//! PostgreSQL's programs on this machine, and the server's own version: do they fit, and which known holes do they have?

use super::cve::{Side, open_holes};
use super::finding::few;
use super::{Finding, finding};
use crate::OpsError;
use crate::program::{PgVersion, Programs};

const CLIENT: &str = "pg_dump";
const SERVER: &str = "server version";
const DRILL: &str = "drill's programs";

/// The oldest major whose catalogs we read.
const OLDEST: u32 = 14;

/// Judges the server's version.
pub(super) fn judge_server(version: PgVersion) -> Finding {
    if version.major < OLDEST {
        return Finding::fail(
            SERVER,
            format!("PostgreSQL {version} is older than {OLDEST}, the oldest major that is supported"),
            "Upgrade the server; until then, use its own pg_dump.",
        );
    }
    let (holes, floor) = open_holes(Side::Server, version);
    match floor {
        None => Finding::ok(SERVER, format!("PostgreSQL {version}")),
        Some(minor) => {
            let numbers: Vec<String> = holes.iter().map(|hole| hole.cve.to_owned()).collect();
            let text = format!("PostgreSQL {version} has {}: {}", few(&numbers), holes[0].what);
            Finding::warn(
                SERVER,
                text,
                format!(
                    "Install the minor {}.{minor} or newer on the server, and restart it.",
                    version.major
                ),
            )
            .about(numbers)
        }
    }
}

/// Judges the client programs for a server of this major.
pub(super) fn judge_client(found: &Result<Programs, OpsError>, major: u32) -> Finding {
    let programs = match found {
        Ok(programs) => programs,
        Err(error) => return Finding::fail(CLIENT, finding::reason(error), install_client(major)),
    };
    let version = programs.version();
    let place = programs.bin().display();
    let (holes, floor) = open_holes(Side::Client, version);
    if let Some(minor) = floor {
        let numbers: Vec<String> = holes.iter().map(|hole| hole.cve.to_owned()).collect();
        let text = format!("{version} in {place} has {}: {}", few(&numbers), holes[0].what);
        let package =
            if version.major == major { install_client(major) } else { install_client(version.major) };
        return Finding::warn(CLIENT, text, format!("{package} # {}.{minor} or newer", version.major))
            .about(numbers);
    }
    if version.major > major {
        return Finding::warn(
            CLIENT,
            format!(
                "{version} in {place} is newer than the server's {major}: a drill cannot read its archives"
            ),
            install_client(major),
        );
    }
    Finding::ok(CLIENT, format!("{version} in {place}"))
}

fn install_client(major: u32) -> String {
    format!("apt-get update && apt-get install postgresql-client-{major}")
}

/// Judges the server programs a drill starts.
pub(super) fn judge_drill(found: &Result<Programs, OpsError>, major: u32) -> Finding {
    match found {
        Ok(programs) => Finding::ok(DRILL, format!("{} in {}", programs.version(), programs.bin().display())),
        Err(error) => Finding::fail(
            DRILL,
            finding::reason(error),
            format!("apt-get update && apt-get install postgresql-{major} # or set programs.directory"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[rstest::rstest]
    #[case(13, 23, Level::Fail)]
    #[case(15, 18, Level::Warn)]
    #[case(15, 19, Level::Ok)]
    #[case(19, 0, Level::Ok)]
    fn an_old_server_is_refused_and_one_with_a_hole_is_named(
        #[case] major: u32,
        #[case] minor: u32,
        #[case] level: Level,
    ) {
        assert_eq!(judge_server(PgVersion { major, minor }).level, level);
    }

    #[test]
    fn missing_programs_say_what_to_install() {
        let missing = || Err(OpsError::ProgramMissing("pg_dump is needed".into()));
        assert_eq!(
            judge_client(&missing(), 16).repair.as_deref(),
            Some("apt-get update && apt-get install postgresql-client-16")
        );
        assert!(judge_drill(&missing(), 16).repair.is_some_and(|repair| repair.contains("postgresql-16")));
    }
}
