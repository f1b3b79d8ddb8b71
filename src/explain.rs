//! What to do next about an error of the libraries: one sentence, the same in every command.
//!
//! A library says what failed on what; it does not know our flags and files. [`Failure`] asks here when it is made from an
//! error, and the doctor asks for its repairs.

use std::error::Error;

use unisys_db::DbError;
use unisys_db::connect::Obstacle;
use unisys_db::run_lock::RunLockError;
use unisys_db::selection::SelectionError;
use unisys_db::snapshot::SnapshotError;
use unisys_db::standby::StandbyError;
use unisys_ops::OpsError;
use unisys_ops::store::Fault;

use crate::failure::Failure;

/// Returns the failure of an operation on backups, which ends in the doctor: it tries each step alone.
pub(crate) fn with_doctor(error: OpsError) -> Failure {
    Failure::from(error).hint("Run `unisys-dba doctor`: it tries each step and says what to change.")
}

/// Returns what to do about an error of a library, where that is known.
pub(crate) fn next_step(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<OpsError>() {
        return of_ops(error);
    }
    if let Some(error) = error.downcast_ref::<SnapshotError>() {
        return of_snapshot(error);
    }
    error.downcast_ref::<DbError>().and_then(of_db)
}

/// Returns what to do about an error of files, processes and backups.
pub(crate) fn of_ops(error: &OpsError) -> Option<String> {
    match error {
        OpsError::Db(error) => of_db(error),
        OpsError::Snapshot(error) => of_snapshot(error),
        OpsError::Incomplete { repair, .. } => repair.clone(),
        OpsError::Standby(error) => of_standby(error),
        OpsError::PortBusy { port } => {
            Some(format!("End what listens on port {port}, or set drill.port or server.port to another one."))
        }
        OpsError::ProgramMissing(_) => {
            Some("Install PostgreSQL's programs of the server's version, or set programs.directory.".into())
        }
        OpsError::NoSuchUser(_) => {
            Some("Make it with `useradd --system NAME`, or configure another one.".into())
        }
        OpsError::NoRoom { .. } => Some("Free some space, or name a larger place as store; where it is wrong, try with --no-space-check.".into()),
        OpsError::Bucket { fault, .. } => of_bucket(*fault).map(str::to_owned),
        OpsError::Signature { .. } => Some(
            "Compare with another copy: somebody has changed it, or signed it with a key that is missing in evidence.trusted."
                .into(),
        ),
        OpsError::InUse { .. } => Some("Wait until the drill, the restore or the copy has ended.".into()),
        OpsError::NoIdentity(_) => {
            Some("Name an identity file with --identity FILE or drill.identities.".into())
        }
        OpsError::PluginMissing { program } => {
            Some(format!("Install {program} where the PATH finds it; its name is that of the kind of key."))
        }
        OpsError::RunLock(error) => of_run_lock(error),
        OpsError::Limit(_) => Some(
            "Run it when less else runs, or raise the limit: backup.max-runtime, max-snapshot-age or max-replication-lag.".into(),
        ),
        OpsError::MomentLost => {
            Some("Run it again; where the network is bad, see backup.network-timeout and keepalives_idle in the url.".into())
        }
        OpsError::Locked { .. } => Some("Wait until the other run has ended.".into()),
        OpsError::Program { stderr, .. } if stderr.contains("No space left on device") => {
            Some("Free some space, or name a larger place.".into())
        }
        _ => None,
    }
}

fn of_bucket(fault: Fault) -> Option<&'static str> {
    match fault {
        Fault::NoCredentials => Some(
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile: s3://PROFILE@bucket/prefix.",
        ),
        Fault::Credentials => {
            Some("Correct the key: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile.")
        }
        Fault::Denied => Some(
            "Let the key list the bucket, and get, put and delete objects in it: s3:ListBucket, s3:GetObject, s3:PutObject, s3:DeleteObject.",
        ),
        Fault::NoBucket => {
            Some("Check the bucket's name and s3.endpoint, or make the bucket; it is not made here.")
        }
        Fault::Region => Some("Set s3.region, or AWS_REGION, to the bucket's region."),
        Fault::Clock => Some("Set this machine's clock: requests are dated."),
        Fault::Tls => Some("Name the authority of the server's certificate with s3.ca or AWS_CA_BUNDLE."),
        Fault::Unreachable => {
            Some("Check s3.endpoint (or AWS_ENDPOINT_URL), the network, and the firewalls in between.")
        }
        Fault::Unavailable => {
            Some("Try again later, or set s3.patience higher: the server is there, and fails.")
        }
        Fault::Other => None,
    }
}

fn of_run_lock(error: &RunLockError) -> Option<String> {
    match error {
        RunLockError::Held { holder, .. } if holder.pid != 0 => Some(format!(
            "Wait until it has ended; if its host is gone, end its session: select pg_terminate_backend({});",
            holder.pid
        )),
        RunLockError::Held { .. } => Some("Run it again.".into()),
        RunLockError::Db(error) => of_db(error),
        RunLockError::Snapshot(error) => of_snapshot(error),
    }
}

fn of_snapshot(error: &SnapshotError) -> Option<String> {
    match error {
        SnapshotError::Db(error) => of_db(error),
        SnapshotError::Contended { .. } => Some(
            "Run it when no DDL runs, or set backup.lock-timeout and backup.lock-attempts higher.".into(),
        ),
        SnapshotError::Selection(error) => of_selection(error),
        SnapshotError::Pooler { .. } => {
            Some("Name the server's own port in the url, or a pool in session mode.".into())
        }
    }
}

fn of_selection(error: &SelectionError) -> Option<String> {
    let step = match error {
        SelectionError::Db(error) => return of_db(error),
        SelectionError::Nothing { .. } => {
            "Correct the pattern: schema.table, with * and ?; capitals matter. Or take it out, if it is for what is gone."
        }
        SelectionError::Needs(_) => {
            "Choose what is needed too, or leave out what needs it too; --exclude-table-data leaves out a table's rows alone."
        }
        SelectionError::References(_) => {
            "Leave out the rows of the tables with these foreign keys too, or keep the rows they point to."
        }
        SelectionError::Empty => "Choose a schema, or take a pattern out of --exclude-schema.",
    };
    Some(step.into())
}

fn of_standby(error: &StandbyError) -> Option<String> {
    let step = match error {
        StandbyError::Db(error) => return of_db(error),
        StandbyError::Primary(_) | StandbyError::NoPrimary(_) | StandbyError::Other { .. } => {
            "Name the primary in url and one of its standbys in dump-from."
        }
        StandbyError::Behind { .. } => {
            "Find out what holds up replay (pg_stat_replication on the primary), or raise backup.max-replay-lag."
        }
    };
    Some(step.into())
}

/// Returns what to do about an error of a connection or a statement.
pub(crate) fn of_db(error: &DbError) -> Option<String> {
    let step = match error {
        DbError::Connect { source, .. } => {
            let by_state = source.sqlstate().and_then(|state| of_sqlstate(state.code()));
            by_state.or_else(|| of_obstacle(source.obstacle()))
        }
        DbError::Tls { .. } => of_obstacle(Obstacle::Tls),
        DbError::Query { .. } => of_sqlstate(error.sqlstate()?.code()),
        DbError::Silent { .. } | DbError::Unexpected(_) => None,
    };
    step.map(str::to_owned)
}

fn of_obstacle(obstacle: Obstacle) -> Option<&'static str> {
    match obstacle {
        Obstacle::UnknownHost => Some("Check the host's name in the url."),
        Obstacle::Refused => {
            Some("Check host and port in the url, and that the server runs: `pg_isready -h HOST -p PORT`.")
        }
        Obstacle::NoSocket => Some(
            "Check that the server runs here, and name its socket's directory or host=localhost in the url.",
        ),
        Obstacle::TimedOut => Some("Check host and port in the url, and the firewalls in between."),
        Obstacle::NoPassword => {
            Some("Put a line host:port:database:user:password into ~/.pgpass, and run `chmod 600 ~/.pgpass`.")
        }
        Obstacle::Tls => Some(
            "Name the authority of the server's certificate with sslrootcert=FILE in the url, and the host as the certificate does.",
        ),
        Obstacle::Unsuitable => Some("Name other hosts, or change target_session_attrs in the url."),
        Obstacle::Server | Obstacle::Other => None,
    }
}

/// By SQLSTATE: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn of_sqlstate(code: &str) -> Option<&'static str> {
    match code {
        "28P01" => Some("Correct the password's line in the passfile: host:port:database:user:password."),
        "28000" => Some(
            "Ask the server's administrator for a line in pg_hba.conf that lets this login in from here, or try another user or sslmode.",
        ),
        "40001" => Some(
            "On the standby, raise max_standby_streaming_delay or set hot_standby_feedback = on; or take the backup from the primary.",
        ),
        "3D000" => Some("Check the database's name in the url; `psql -l` lists those there are."),
        "42501" => Some("Run `unisys-dba doctor`: it names what this login may not read, with the GRANT."),
        "53300" => Some("Wait until sessions have ended, or use fewer with --jobs."),
        "57P03" => Some("Wait until the server has started, then try again."),
        "53200" => Some("Raise max_locks_per_transaction on the server; `unisys-dba doctor` says to what."),
        "53100" => Some("Free some space on the server's disk."),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use unisys_db::connect::HostAddress;
    use unisys_db::{Session, Target};

    use super::*;

    #[test]
    fn every_refusal_of_a_login_has_a_next_step() {
        for code in ["28P01", "28000", "3D000", "53300", "57P03"] {
            assert!(of_sqlstate(code).is_some_and(|step| step.ends_with('.')), "{code}");
        }
        assert_eq!(of_sqlstate("XX000"), None);
    }

    #[tokio::test]
    async fn a_closed_port_a_missing_socket_and_an_unknown_host_are_told_apart() {
        let port = {
            let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
            listener.local_addr().unwrap().port()
        };
        let directory = tempfile::tempdir().unwrap();
        for (address, part) in [
            (HostAddress::Tcp("127.0.0.1".into()), "pg_isready"),
            (HostAddress::Socket(directory.path().into()), "socket's directory"),
            (HostAddress::Tcp("no-such-host.invalid".into()), "host's name"),
        ] {
            let Err(error) = Session::open(&Target::local(address, port, "u", "d")).await else {
                panic!("nothing listens there")
            };
            let failure = Failure::from(error);
            assert!(failure.hints.iter().any(|hint| hint.contains(part)), "{part}: {:?}", failure.hints);
        }
    }
}
