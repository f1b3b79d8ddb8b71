//! Known holes of PostgreSQL that a backup meets, and the minors that close them.

use crate::program::PgVersion;

/// Which side has the hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// pg_dump, pg_restore, psql, libpq.
    Client,
    /// The server.
    Server,
}

/// One hole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hole {
    /// Its number.
    pub(super) cve: &'static str,
    /// What it lets somebody do.
    pub(super) what: &'static str,
    side: Side,
    /// The first minor without it, for each major that ever had it. A major above all of these never had it.
    fixed: &'static [(u32, u32)],
}

/// The minors of August 2026.
const AUGUST_2026: &[(u32, u32)] = &[(14, 24), (15, 19), (16, 15), (17, 11), (18, 6)];
/// The minors of August 2025.
const AUGUST_2025: &[(u32, u32)] = &[(14, 19), (15, 14), (16, 10), (17, 6)];

/// The holes on the path of a backup; sources: `https://www.postgresql.org/support/security/CVE-…/` and the release notes
/// of the minors named.
const HOLES: [Hole; 6] = [
    Hole {
        cve: "CVE-2024-7348",
        what: "an object exchanged during a dump runs code as the dumping login",
        side: Side::Client,
        fixed: &[(14, 13), (15, 8), (16, 4)],
    },
    Hole {
        cve: "CVE-2025-8714",
        what: "a dump of a hostile server runs commands where psql restores it",
        side: Side::Client,
        fixed: AUGUST_2025,
    },
    Hole {
        cve: "CVE-2025-8715",
        what: "a newline in an object's name runs commands where psql restores the dump",
        side: Side::Client,
        fixed: AUGUST_2025,
    },
    Hole {
        cve: "CVE-2026-18408",
        what: "a dump can lift psql's restrictions by \\unrestrict",
        side: Side::Client,
        fixed: AUGUST_2026,
    },
    Hole {
        cve: "CVE-2026-6477",
        what: "a hostile server overflows libpq's buffer for large objects",
        side: Side::Client,
        fixed: AUGUST_2026,
    },
    Hole {
        cve: "CVE-2026-15741",
        what: "an EXTRACT in a view comes out of the dump as other SQL",
        side: Side::Server,
        fixed: AUGUST_2026,
    },
];

/// Returns the holes of `version` on one side, and the lowest minor of its major without any of them.
pub(super) fn open_holes(side: Side, version: PgVersion) -> (Vec<&'static Hole>, Option<u32>) {
    let floor =
        |hole: &Hole| hole.fixed.iter().find(|(major, _)| *major == version.major).map(|(_, minor)| *minor);
    let open: Vec<_> = HOLES
        .iter()
        .filter(|hole| hole.side == side && floor(hole).is_some_and(|minor| version.minor < minor))
        .collect();
    let needed = open.iter().filter_map(|hole| floor(hole)).max();
    (open, needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(Side::Client, 15, 7, 5, Some(19))]
    #[case(Side::Client, 15, 8, 4, Some(19))]
    #[case(Side::Client, 15, 18, 2, Some(19))]
    #[case(Side::Client, 15, 19, 0, None)]
    #[case(Side::Client, 17, 0, 4, Some(11))]
    #[case(Side::Client, 18, 5, 2, Some(6))]
    #[case(Side::Client, 19, 0, 0, None)]
    #[case(Side::Server, 14, 23, 1, Some(24))]
    #[case(Side::Server, 16, 15, 0, None)]
    fn a_minor_has_the_holes_closed_after_it(
        #[case] side: Side,
        #[case] major: u32,
        #[case] minor: u32,
        #[case] count: usize,
        #[case] needed: Option<u32>,
    ) {
        let (open, floor) = open_holes(side, PgVersion { major, minor });
        assert_eq!((open.len(), floor), (count, needed), "{open:?}");
    }
}
