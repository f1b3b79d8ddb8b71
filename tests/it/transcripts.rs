//! The transcripts of `tests/cmd`: what is typed, and what is seen.
//!
//! Each `NAME.trycmd` runs in `NAME.in`. `TRYCMD=overwrite cargo test --test it transcripts` writes them anew.

/// Variables of the person who runs the tests, which the transcripts must not see.
const OTHERS: [&str; 6] =
    ["PGHOST", "PGPORT", "PGDATABASE", "PGSERVICE", "UNISYS_DBA_CONFIG", "UNISYS_DBA_DATABASE"];

#[test]
fn what_a_person_sees() {
    let cases = trycmd::TestCases::new();
    for name in OTHERS {
        cases.env(name, "");
    }
    cases.env("HOME", "/nonexistent").env("XDG_CONFIG_HOME", "/nonexistent").env("NO_COLOR", "1");
    cases.case("tests/cmd/*.trycmd");
}
