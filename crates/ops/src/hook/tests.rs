//! Hooks as real processes.

use std::sync::Mutex;
use std::time::Instant;

use super::*;

fn hook(script: &str) -> Hook {
    Hook {
        command: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        variables: BTreeMap::from([
            ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
            ("WORD".into(), "ä b".into()),
        ]),
        directory: None,
        input: b"{\"a\":1}\n".to_vec(),
        limit: Duration::from_secs(20),
    }
}

async fn said(hook: &Hook) -> (Result<(), OpsError>, Vec<String>) {
    let lines = Mutex::new(Vec::new());
    let result =
        run(hook, &|_, line: &str| lines.lock().expect("nobody panicked").push(line.to_owned())).await;
    (result, lines.into_inner().expect("nobody panicked"))
}

#[tokio::test]
async fn a_hook_reads_its_input_and_its_variables_and_no_others() {
    let (result, mut lines) = said(&hook("cat; echo \"$WORD\" >&2; env | grep -c ^HOME=; printf tail")).await;
    assert!(matches!(result, Ok(())), "{result:?}");
    lines.sort();
    assert_eq!(lines, ["0", "tail", "{\"a\":1}", "ä b"]);
}

#[tokio::test]
async fn a_hook_that_does_not_read_its_input_is_no_failure() {
    let deaf = Hook { input: vec![b'x'; 1 << 20], ..hook("exec 0<&-; sleep 0.2; exit 0") };
    assert!(said(&deaf).await.0.is_ok());
}

#[tokio::test]
async fn a_failure_names_the_program_and_its_status() {
    let error = said(&hook("exit 3")).await.0.unwrap_err().to_string();
    assert!(error.starts_with("/bin/sh failed (exit status: 3)"), "{error}");
    let missing = Hook { command: vec!["/nonexistent/hook".into()], ..hook("") };
    assert_eq!(said(&missing).await.0.unwrap_err().to_string(), "could not start /nonexistent/hook");
}

/// Whether a process with this command line runs.
fn runs(mark: &str) -> bool {
    let all = std::fs::read_dir("/proc").expect("Linux").flatten();
    all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .any(|line| String::from_utf8_lossy(&line).replace('\0', " ").trim_end() == mark)
}

/// Waits until no such process runs any more: a signal needs a moment.
async fn gone(mark: &str) {
    let begun = Instant::now();
    while runs(mark) {
        assert!(begun.elapsed() < Duration::from_secs(5), "{mark} still runs");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_hook_that_hangs_is_ended_with_all_it_has_started() {
    let begun = Instant::now();
    let hanging = Hook { limit: Duration::from_millis(500), ..hook("sleep 98765 & sleep 98766") };
    let (result, _) = said(&hanging).await;
    assert!(matches!(result, Err(OpsError::TimedOut { .. })), "{result:?}");
    assert!(begun.elapsed() < GRACE, "it listened to the first word");
    gone("sleep 98765").await;
    gone("sleep 98766").await;
}

#[tokio::test]
async fn a_hook_that_will_not_end_is_killed() {
    let stubborn = Hook {
        limit: Duration::from_millis(300),
        ..hook("trap '' TERM; sleep 98767 & while :; do sleep 1; done")
    };
    assert!(matches!(said(&stubborn).await.0, Err(OpsError::TimedOut { .. })));
    gone("sleep 98767").await;
}

#[tokio::test]
async fn a_hook_that_leaves_something_running_has_ended_all_the_same() {
    let begun = Instant::now();
    let (result, lines) = said(&hook("sleep 98 & echo $!")).await;
    assert!(result.is_ok() && begun.elapsed() < Duration::from_secs(10));
    let left = lines[0].parse().unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(left), nix::sys::signal::Signal::SIGKILL).unwrap();
}

#[tokio::test]
async fn a_hook_ends_when_we_are_interrupted() {
    let running = tokio::spawn(async { said(&hook("sleep 98768 & sleep 98768")).await });
    while !runs("sleep 98768") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running.abort();
    let _ = running.await;
    gone("sleep 98768").await;
}
