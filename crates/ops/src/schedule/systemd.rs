//! A service and a timer of systemd: systemd.service(5), systemd.timer(5).

use super::{Job, MARK, Zone};

/// Whose systemd it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The machine's.
    System,
    /// A person's, which runs while the person is logged in, or always where lingering is on.
    User,
}

/// Returns the service: what is run.
pub fn service(job: &Job, scope: Scope) -> String {
    let mut lines = vec![
        format!("# {MARK}; `unisys-dba schedule remove` takes it away."),
        "[Unit]".into(),
        format!("Description={}", unspecified(&job.description)),
    ];
    if scope == Scope::System {
        lines.extend(["Wants=network-online.target", "After=network-online.target"].map(String::from));
    }
    lines.extend([String::new(), "[Service]".into(), "Type=oneshot".into()]);
    lines.extend(job.account.iter().map(|account| format!("User={}", unspecified(account))));
    lines.push(format!("WorkingDirectory={}", unspecified(&job.directory.to_string_lossy())));
    let variable = |(name, value): (&String, &String)| {
        format!("Environment={}", word(&unspecified(&format!("{name}={value}"))))
    };
    lines.extend(job.variables.iter().map(variable));
    let program = job.program.to_string_lossy();
    let words = std::iter::once(program.as_ref()).chain(job.arguments.iter().map(String::as_str));
    let words: Vec<String> = words.map(|text| word(&unspecified(text).replace('$', "$$"))).collect();
    lines.push(format!("ExecStart={}", words.join(" ")));
    // it yields to the database beside it
    lines.extend(
        ["Nice=10", "IOSchedulingClass=best-effort", "IOSchedulingPriority=7", "UMask=0077"]
            .map(String::from),
    );
    lines.join("\n") + "\n"
}

/// Returns the timer: when it is run. A run that was missed is made up for; one that is still going on is not begun again.
pub fn timer(job: &Job) -> String {
    let zone = match &job.zone {
        Zone::Local => String::new(),
        zone => format!(" {zone}"),
    };
    [
        &format!("# {MARK}; `unisys-dba schedule remove` takes it away."),
        "[Unit]",
        &format!("Description={}, every day", unspecified(&job.description)),
        "",
        "[Timer]",
        &format!("OnCalendar=*-*-* {}:00{zone}", job.at),
        &format!("RandomizedDelaySec={}s", job.delay.as_secs()),
        "Persistent=true",
        "",
        "[Install]",
        "WantedBy=timers.target",
        "",
    ]
    .join("\n")
}

/// `%` begins a specifier everywhere in a unit.
fn unspecified(text: &str) -> String {
    text.replace('%', "%%")
}

/// Returns a text as one word of a list.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=+@,%$".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}
