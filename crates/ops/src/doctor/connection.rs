//! The connection: how it is protected, and whose clock is right.

use chrono::TimeDelta;
use unisys_db::Target;
use unisys_db::connect::{HostAddress, SslMode};

use super::Finding;

const TLS: &str = "encryption in transit";
const CLOCK: &str = "clock";

/// How far apart the clocks may be: beyond that, the age of a backup is told wrongly.
const TOLERANCE: TimeDelta = TimeDelta::seconds(5);

/// Judges the protection of a connection on its way.
pub(super) fn judge_tls(target: &Target, encrypted: bool) -> Finding {
    let Some(HostAddress::Tcp(host)) = target.hosts.first().map(|host| &host.address) else {
        return Finding::ok(TLS, "a Unix socket: nothing leaves this machine");
    };
    let mode = target.tls.mode;
    if is_loopback(host) {
        return Finding::ok(TLS, "the loopback address: nothing leaves this machine");
    }
    let repair = "Add sslmode=verify-full&sslrootcert=/path/to/ca.crt to the url (sslrootcert=system for a public authority).";
    if !encrypted {
        return Finding::warn(TLS, "no TLS: rows and password hashes travel in the clear", repair);
    }
    if mode < SslMode::VerifyFull {
        let text = format!("TLS with sslmode={}: nobody checks who the server is", mode.as_str());
        let text = if mode == SslMode::VerifyCa {
            "TLS with sslmode=verify-ca: any server of the same authority would do".into()
        } else {
            text
        };
        return Finding::warn(TLS, text, repair);
    }
    Finding::ok(TLS, "TLS, and the certificate was checked (verify-full)")
}

/// Whether a host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether the server runs on this machine, so that its files can be looked for here.
pub(super) fn is_local(target: &Target) -> bool {
    target.hosts.first().is_some_and(|host| match &host.address {
        HostAddress::Socket(_) => true,
        HostAddress::Tcp(name) => is_loopback(name),
    })
}

/// Judges how far the server's clock is ahead of ours.
pub(super) fn judge_clock(ahead: TimeDelta) -> Finding {
    let seconds = ahead.num_milliseconds() as f64 / 1000.0;
    if ahead.abs() <= TOLERANCE {
        return Finding::ok(CLOCK, "the server's clock agrees with ours");
    }
    let side = if seconds > 0.0 { "ahead of" } else { "behind" };
    Finding::warn(
        CLOCK,
        format!(
            "the server's clock is {:.0} s {side} ours: ages of backups will be told wrongly",
            seconds.abs()
        ),
        "timedatectl set-ntp true",
    )
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    fn target(host: &str, mode: SslMode) -> Target {
        let mut target = Target::local(HostAddress::Tcp(host.into()), 5432, "u", "d");
        target.tls.mode = mode;
        target
    }

    #[rstest::rstest]
    #[case("db.example.edu", SslMode::Prefer, false, Level::Warn, "in the clear")]
    #[case("db.example.edu", SslMode::Require, true, Level::Warn, "sslmode=require")]
    #[case("db.example.edu", SslMode::VerifyCa, true, Level::Warn, "same authority")]
    #[case("db.example.edu", SslMode::VerifyFull, true, Level::Ok, "checked")]
    #[case("127.0.0.1", SslMode::Prefer, false, Level::Ok, "loopback")]
    #[case("::1", SslMode::Prefer, false, Level::Ok, "loopback")]
    #[case("127.0.0.1.example.edu", SslMode::Prefer, false, Level::Warn, "in the clear")]
    fn only_verify_full_is_enough_over_a_network(
        #[case] host: &str,
        #[case] mode: SslMode,
        #[case] encrypted: bool,
        #[case] level: Level,
        #[case] part: &str,
    ) {
        let finding = judge_tls(&target(host, mode), encrypted);
        assert_eq!(finding.level, level, "{finding:?}");
        assert!(finding.text.contains(part), "{finding:?}");
    }

    #[test]
    fn a_socket_needs_no_tls() {
        let target = Target::local(HostAddress::Socket("/tmp".into()), 5432, "u", "d");
        assert_eq!(judge_tls(&target, false).level, Level::Ok);
        assert!(is_local(&target));
    }

    #[rstest::rstest]
    #[case(0, Level::Ok)]
    #[case(5, Level::Ok)]
    #[case(6, Level::Warn)]
    #[case(-3600, Level::Warn)]
    fn clocks_may_differ_by_five_seconds(#[case] ahead: i64, #[case] level: Level) {
        assert_eq!(judge_clock(TimeDelta::seconds(ahead)).level, level);
    }
}
