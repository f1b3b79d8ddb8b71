//! Schedules as texts, and as the systems' own tools read them.

use chrono::NaiveDate;

use super::place::{Change, Planned};
use super::systemd::Scope;
use super::*;

fn job() -> Job {
    Job {
        name: "unisys-dba-backup-app".into(),
        description: "Backup of app by unisys-dba".into(),
        program: "/usr/local/bin/unisys-dba".into(),
        arguments: [
            "--config",
            "/etc/unisys-dba/config.toml",
            "--database",
            "app",
            "backup",
            "run",
            "--nightly",
        ]
        .map(String::from)
        .to_vec(),
        directory: "/etc/unisys-dba".into(),
        account: Some("backup".into()),
        variables: BTreeMap::from([("PGPASSFILE".to_owned(), "/etc/unisys-dba/pgpass".to_owned())]),
        at: "02:00".parse().unwrap(),
        zone: "Europe/Berlin".parse().unwrap(),
        delay: Duration::from_secs(1800),
    }
}

/// A job with names that are hard on each of the formats.
fn odd() -> Job {
    let odd = r#"/a b/c"d'e\f%g$h&i<j>;k"#;
    Job {
        arguments: vec!["--config".into(), odd.into(), String::new()],
        directory: "/a b/%d".into(),
        variables: BTreeMap::from([("PGPASSFILE".to_owned(), odd.to_owned())]),
        zone: Zone::Local,
        ..job()
    }
}

#[test]
fn a_service_names_all_it_needs() {
    insta::assert_snapshot!(systemd::service(&job(), Scope::System), @"
    # Written by `unisys-dba schedule install`; `unisys-dba schedule remove` takes it away.
    [Unit]
    Description=Backup of app by unisys-dba
    Wants=network-online.target
    After=network-online.target

    [Service]
    Type=oneshot
    User=backup
    WorkingDirectory=/etc/unisys-dba
    Environment=PGPASSFILE=/etc/unisys-dba/pgpass
    ExecStart=/usr/local/bin/unisys-dba --config /etc/unisys-dba/config.toml --database app backup run --nightly
    Nice=10
    IOSchedulingClass=best-effort
    IOSchedulingPriority=7
    UMask=0077
    ");
    let user = systemd::service(&Job { account: None, ..job() }, Scope::User);
    assert!(!user.contains("network-online") && !user.contains("User="), "{user}");
}

#[test]
fn a_timer_makes_up_for_what_was_missed() {
    insta::assert_snapshot!(systemd::timer(&job()), @"
    # Written by `unisys-dba schedule install`; `unisys-dba schedule remove` takes it away.
    [Unit]
    Description=Backup of app by unisys-dba, every day

    [Timer]
    OnCalendar=*-*-* 02:00:00 Europe/Berlin
    RandomizedDelaySec=1800s
    Persistent=true

    [Install]
    WantedBy=timers.target
    ");
    let utc = systemd::timer(&Job { zone: Zone::Utc, ..job() });
    assert!(utc.contains("OnCalendar=*-*-* 02:00:00 UTC\n"), "{utc}");
    let local = systemd::timer(&Job { zone: Zone::Local, ..job() });
    assert!(local.contains("OnCalendar=*-*-* 02:00:00\n"), "{local}");
}

#[test]
fn a_line_of_cron_names_all_it_needs() {
    let local = Job { zone: Zone::Local, ..job() };
    insta::assert_snapshot!(cron::line(&local, 17).unwrap(), @"17 2 * * * backup cd /etc/unisys-dba && PGPASSFILE=/etc/unisys-dba/pgpass /usr/local/bin/unisys-dba --config /etc/unisys-dba/config.toml --database app backup run --nightly --quiet >/dev/null");
    assert!(cron::line(&local, 0).unwrap().starts_with("0 2 * * * backup cd "));
    let late = Job { at: "23:50".parse().unwrap(), account: None, ..local };
    assert!(cron::line(&late, 17).unwrap().starts_with("7 0 * * * cd "));
    assert!(cron::line(&job(), 0).unwrap_err().to_string().contains("does not know Europe/Berlin"));
}

/// Runs the command of a line of cron as cron does: unescaped, by the shell.
#[cfg(unix)]
#[test]
fn the_shell_reads_a_line_of_cron_as_it_was_meant() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("a b'%d");
    std::fs::create_dir(&place).unwrap();
    let script = "printf '%s\\n' \"$PWD\" \"$PGPASSFILE\" \"$@\" >&2";
    let mut arguments = vec!["-c".to_owned(), script.to_owned(), "sh".to_owned()];
    arguments.extend(odd().arguments);
    let job = Job { program: "/bin/sh".into(), arguments, directory: place.clone(), account: None, ..odd() };
    let line = cron::line(&job, 0).unwrap();
    let command = line.strip_prefix("0 2 * * * ").unwrap().replace("\\%", "%");
    let output = std::process::Command::new("/bin/sh").args(["-c", &command]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = said.split('\n').collect();
    let odd = &odd().variables["PGPASSFILE"];
    assert_eq!(lines, [place.to_str().unwrap(), odd, "--config", odd, "", "--quiet", ""]);
}

/// cron's own judgement, where its `crontab` can be asked for one: of a file, no crontab is changed.
#[cfg(unix)]
#[test]
fn cron_finds_nothing_wrong_with_a_line() {
    let crontab =
        |arguments: &[&std::ffi::OsStr]| std::process::Command::new("crontab").args(arguments).output();
    let Ok(usage) = crontab(&["-h".as_ref()]) else {
        return eprintln!("crontab is not installed: its judgement is not asked");
    };
    let usage = String::from_utf8_lossy(&[usage.stdout, usage.stderr].concat()).into_owned();
    // the same letter means something else to another cron
    let flag = if usage.contains("-n\t(dry run") { "-n" } else { "-T" };
    if !usage.contains("dry run") && !usage.contains("-T") {
        return eprintln!("this crontab judges nothing: {usage}");
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("crontab");
    let judged = |text: &str| {
        std::fs::write(&file, text).unwrap();
        crontab(&[flag.as_ref(), file.as_os_str()]).unwrap()
    };
    let line = cron::line(&Job { account: None, ..odd() }, 0).unwrap();
    let text = cron::with("# mine\n5 5 * * 1 true\n", "unisys-dba-backup-app", &line);
    let sound = judged(&text);
    assert!(sound.status.success(), "{text}: {}", String::from_utf8_lossy(&sound.stderr));
    assert!(!judged(&text.replace("0 2 * * *", "0 25 * * *")).status.success(), "it does look");
}

#[test]
fn a_crontab_keeps_every_line_that_is_not_ours() {
    let theirs = "MAILTO=dba\n5 4 * * * /usr/bin/theirs # unisys-dba";
    let one = cron::with(theirs, "unisys-dba-backup-app", "1 2 * * * x");
    let two = cron::with(&one, "unisys-dba-backup-app2", "3 2 * * * y");
    let again = cron::with(&two, "unisys-dba-backup-app", "9 2 * * * z");
    insta::assert_snapshot!(again, @"
    MAILTO=dba
    5 4 * * * /usr/bin/theirs # unisys-dba
    # unisys-dba-backup-app2: Written by `unisys-dba schedule install`
    3 2 * * * y
    # unisys-dba-backup-app: Written by `unisys-dba schedule install`
    9 2 * * * z
    ");
    let names: Vec<String> = cron::jobs(&again).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["unisys-dba-backup-app2", "unisys-dba-backup-app"]);
    let none = cron::without(&cron::without(&again, "unisys-dba-backup-app"), "unisys-dba-backup-app2");
    assert_eq!(none, format!("{theirs}\n"));
    assert_eq!(cron::without(theirs, "unisys-dba-backup-app"), theirs);
}

#[test]
fn a_task_of_windows_names_all_it_needs() {
    let job = Job {
        program: r"C:\Program Files\unisys-dba\unisys-dba.exe".into(),
        arguments: [
            "--config",
            r"C:\ProgramData\unisys dba\config.toml",
            "backup",
            "run",
            "--nightly",
            "--log",
            r"C:\l\",
        ]
        .map(String::from)
        .to_vec(),
        directory: r"C:\ProgramData\unisys dba".into(),
        account: Some(r"EXAMPLE\backup".into()),
        variables: BTreeMap::new(),
        zone: Zone::Local,
        ..job()
    };
    let day = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
    insta::assert_snapshot!(windows::task(&job, day).unwrap(), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
      <RegistrationInfo>
        <Description>Backup of app by unisys-dba. Written by `unisys-dba schedule install`.</Description>
        <URI>\unisys-dba-backup-app</URI>
      </RegistrationInfo>
      <Triggers>
        <CalendarTrigger>
          <Enabled>true</Enabled>
          <StartBoundary>2026-11-21T02:00:00</StartBoundary>
          <RandomDelay>PT1800S</RandomDelay>
          <ScheduleByDay>
            <DaysInterval>1</DaysInterval>
          </ScheduleByDay>
        </CalendarTrigger>
      </Triggers>
      <Principals>
        <Principal id="Author">
          <UserId>EXAMPLE\backup</UserId>
          <LogonType>S4U</LogonType>
          <RunLevel>LeastPrivilege</RunLevel>
        </Principal>
      </Principals>
      <Settings>
        <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
        <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
        <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
        <StartWhenAvailable>true</StartWhenAvailable>
        <RunOnlyIfNetworkAvailable>false</RunOnlyIfNetworkAvailable>
        <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
        <Priority>7</Priority>
      </Settings>
      <Actions Context="Author">
        <Exec>
          <Command>C:\Program Files\unisys-dba\unisys-dba.exe</Command>
          <Arguments>--config "C:\ProgramData\unisys dba\config.toml" backup run --nightly --log C:\l\</Arguments>
          <WorkingDirectory>C:\ProgramData\unisys dba</WorkingDirectory>
        </Exec>
      </Actions>
    </Task>
    "#);
    let service =
        windows::task(&Job { account: Some("system".into()), zone: Zone::Utc, ..job.clone() }, day).unwrap();
    assert!(!service.contains("LogonType") && service.contains("T02:00:00Z</StartBoundary>"), "{service}");
    assert!(windows::task(&Job { zone: "Europe/Berlin".parse().unwrap(), ..job }, day).is_err());
    assert!(windows::task(&odd(), day).unwrap_err().to_string().contains("PGPASSFILE"));
}

/// The elements of MS-TSCH section 2.5 that we use, each with what may stand in it; those of a trigger in this order.
const TASK: &[(&str, &[&str])] = &[
    ("Task", &["RegistrationInfo", "Triggers", "Principals", "Settings", "Actions"]),
    ("RegistrationInfo", &["Description", "URI"]),
    ("Triggers", &["CalendarTrigger"]),
    ("CalendarTrigger", &["Enabled", "StartBoundary", "RandomDelay", "ScheduleByDay"]),
    ("ScheduleByDay", &["DaysInterval"]),
    ("Principals", &["Principal"]),
    ("Principal", &["UserId", "LogonType", "RunLevel"]),
    (
        "Settings",
        &[
            "MultipleInstancesPolicy",
            "DisallowStartIfOnBatteries",
            "StopIfGoingOnBatteries",
            "StartWhenAvailable",
            "RunOnlyIfNetworkAvailable",
            "ExecutionTimeLimit",
            "Priority",
        ],
    ),
    ("Actions", &["Exec"]),
    ("Exec", &["Command", "Arguments", "WorkingDirectory"]),
];

#[test]
fn a_task_of_windows_is_sound_xml_of_its_schema_whatever_stands_in_it() {
    let job = Job { variables: BTreeMap::new(), account: Some("A&B\\\"<c>".into()), ..odd() };
    let text = windows::task(&job, NaiveDate::from_ymd_opt(2026, 11, 21).unwrap()).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    let elements = || document.descendants().filter(roxmltree::Node::is_element);
    for element in elements() {
        assert_eq!(
            element.tag_name().namespace(),
            Some("http://schemas.microsoft.com/windows/2004/02/mit/task")
        );
        let name = element.tag_name().name();
        let found: Vec<&str> = element
            .children()
            .filter(roxmltree::Node::is_element)
            .map(|child| child.tag_name().name())
            .collect();
        match TASK.iter().find(|(parent, _)| *parent == name) {
            Some((_, allowed)) => assert_eq!(found, *allowed, "{name}"),
            None => assert!(found.is_empty() && element.text().is_some(), "{name}"),
        }
    }
    let text_of = |name: &str| {
        elements()
            .find(|element| {
                element.has_tag_name(("http://schemas.microsoft.com/windows/2004/02/mit/task", name))
            })
            .unwrap()
            .text()
            .unwrap()
    };
    assert_eq!(text_of("UserId"), "A&B\\\"<c>");
    assert_eq!(text_of("Arguments"), r#"--config "/a b/c\"d'e\f%g$h&i<j>;k" """#);
    let context = elements().find_map(|element| element.attribute("Context"));
    assert_eq!(context, elements().find_map(|element| element.attribute("id")));
}

/// systemd's own judgement, on jobs plain and odd.
#[cfg(target_os = "linux")]
#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let odd =
        Job { program: "/bin/true".into(), account: Some("root".into()), directory: "/".into(), ..odd() };
    for (job, scope) in [
        (
            Job { program: "/bin/true".into(), account: Some("root".into()), directory: "/".into(), ..job() },
            Scope::System,
        ),
        (Job { zone: Zone::Utc, ..odd.clone() }, Scope::System),
        (Job { account: None, ..odd }, Scope::User),
    ] {
        let unit =
            |ending: &str, content| Planned { path: format!("/x/{}.{ending}", job.name).into(), content };
        let units = [unit("service", systemd::service(&job, scope)), unit("timer", systemd::timer(&job))];
        let verified =
            place::verify_units(&units, scope == Scope::User).unwrap_or_else(|error| panic!("{error}"));
        assert!(verified.is_some(), "systemd-analyze is not installed; scripts/test installs it");
        let wrong = Planned { content: units[1].content.replace("02:00", "25:00"), ..units[1].clone() };
        assert!(
            place::verify_units(&[units[0].clone(), wrong], scope == Scope::User).is_err(),
            "it does look"
        );
    }
}

#[test]
fn a_file_that_is_not_ours_is_never_written_over_or_listed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sub").join("unisys-dba-backup-app.timer");
    let planned = Planned { path: path.clone(), content: systemd::timer(&job()) };
    assert_eq!(planned.change().unwrap(), Change::Create);
    planned.write().unwrap();
    assert_eq!(planned.change().unwrap(), Change::Nothing);
    let other = Planned { content: systemd::timer(&Job { zone: Zone::Utc, ..job() }), ..planned.clone() };
    assert_eq!(other.change().unwrap(), Change::Replace);
    other.write().unwrap();
    assert_eq!(place::ours(path.parent().unwrap(), PREFIX).unwrap(), [other]);
    std::fs::write(&path, "[Timer]\nOnCalendar=daily\n").unwrap();
    assert!(planned.write().unwrap_err().to_string().contains("was not written by"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "[Timer]\nOnCalendar=daily\n");
    assert_eq!(place::ours(path.parent().unwrap(), PREFIX).unwrap(), []);
    assert_eq!(place::ours(&directory.path().join("missing"), PREFIX).unwrap(), []);
}

#[test]
fn times_and_zones_are_read_strictly() {
    for text in ["02:00", "23:59", "00:00"] {
        assert_eq!(text.parse::<TimeOfDay>().unwrap().to_string(), text);
    }
    for text in ["2:00", "24:00", "02:60", "0200", "02:00:00", "+2:00", "", "02:0a"] {
        assert!(text.parse::<TimeOfDay>().is_err(), "{text}");
    }
    for text in ["local", "UTC", "Europe/Berlin", "Etc/GMT+5"] {
        assert_eq!(text.parse::<Zone>().unwrap().to_string(), text);
    }
    for text in ["", "berlin", "Europe/Berlin\nX", "../etc", "Europe Berlin"] {
        assert!(text.parse::<Zone>().is_err(), "{text}");
    }
    assert!(Job { directory: "/a\nExecStart=/bin/evil".into(), ..job() }.check().is_err());
    assert!(job().check().is_ok());
}
