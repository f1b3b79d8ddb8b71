//! Who listens on a port of this machine.

use std::path::Path;

/// Returns the process that listens on a TCP port, as `name (process 123)`, where the system tells: Linux's `/proc`, and
/// another user's process to root alone.
pub(super) fn listener(port: u16) -> Option<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let inode = tables.iter().find_map(|table| inode_of(&std::fs::read_to_string(table).ok()?, port))?;
    let socket = format!("socket:[{inode}]");
    for process in std::fs::read_dir("/proc").ok()?.flatten() {
        let pid = process.file_name().to_string_lossy().into_owned();
        if pid.bytes().all(|byte| byte.is_ascii_digit()) && holds(&process.path(), &socket) {
            let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some(format!("{} (process {pid})", name.trim()));
        }
    }
    None
}

fn holds(process: &Path, socket: &str) -> bool {
    let descriptors = std::fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    descriptors
        .map(|entry| std::fs::read_link(entry.path()))
        .any(|link| link.is_ok_and(|l| l.as_os_str() == socket))
}

/// Returns the inode of the listening socket on `port` in a table of `/proc/net/tcp`'s form.
fn inode_of(table: &str, port: u16) -> Option<String> {
    const LISTEN: &str = "0A";
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let here = fields.get(1)?.rsplit(':').next()?;
        let matches = u16::from_str_radix(here, 16) == Ok(port) && *fields.get(3)? == LISTEN;
        matches.then(|| fields.get(9).map(|&inode| inode.to_owned())).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listening_socket_is_found_by_its_port() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:14D5 0100007F:A000 01 00000000:00000000 00:00000000 00000000     0        0 11 1\n\
            1: 0100007F:14D5 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101        0 42 1\n";
        assert_eq!(inode_of(table, 5333), Some("42".into()));
        assert_eq!(inode_of(table, 5334), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn our_own_socket_is_ours() {
        let socket = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let found = listener(socket.local_addr().unwrap().port()).unwrap();
        assert!(found.ends_with(&format!("(process {})", std::process::id())), "{found}");
    }
}
