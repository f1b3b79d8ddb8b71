//! Lists the files of `migrations/` for `migrate::builtin`, so that adding one needs no other change.
//!
//! Cargo watches the directory: a new or removed file rebuilds the crate (a plain `include_str!` list would not notice).

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let directory = manifest.join("../../migrations").canonicalize()?;
    println!("cargo::rerun-if-changed={}", directory.display());

    let mut names = Vec::new();
    for entry in fs::read_dir(&directory)? {
        let name = entry?.file_name().into_string().expect("a migration's name is ASCII");
        if name.ends_with(".sql") {
            names.push(name);
        }
    }
    names.sort();

    let mut list = String::from("&[\n");
    for name in names {
        let path = directory.join(&name);
        writeln!(list, "    ({name:?}, include_str!({path:?})),").expect("a string takes everything");
    }
    list.push_str("]\n");
    fs::write(PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("migrations.rs"), list)
}
