//! Signed evidence: who vouches for a manifest and for the record of a drill, verified with public keys alone.
//!
//! A signature stands beside the file it is of, as `NAME.sig`, in OpenSSH's form: `ssh-keygen -Y verify` verifies it where this
//! program is not. It is of the file's exact bytes and of a namespace, so that one made for a manifest never passes for one of a
//! drill's record. The form: <https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig>.

mod examine;
mod exhibit;
pub(crate) mod history;
mod key;
mod trust;

pub use examine::{Evidence, examine, newest, records};
pub use exhibit::{BackedUp, Exhibit, exhibits};
pub use history::{History, Kept, history};
pub use key::{PublicKey, SigningKey};
pub(crate) use trust::signature_of;
pub use trust::{Trust, Verdict};

/// What the names of signatures end with.
pub(crate) const SIGNATURE: &str = ".sig";

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A backup's manifest.
    Manifest,
    /// The record of a drill.
    Drill,
    /// A report for people.
    Report,
}

impl Subject {
    /// Returns the namespace of its signatures, which `ssh-keygen -Y verify` takes as `-n`.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Manifest => "unisys-dba-manifest",
            Self::Drill => "unisys-dba-drill",
            Self::Report => "unisys-dba-report",
        }
    }
}

/// Returns the name of the file a file's signature is in.
pub fn signature_name(name: &str) -> String {
    format!("{name}{SIGNATURE}")
}
