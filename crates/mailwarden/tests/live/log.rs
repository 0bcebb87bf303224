//! What the daemon says of itself: at start, reload and stop, and to the journal.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

use crate::control::{has_line, shown};
use crate::daemon::{Configuration, Daemon, RULED, free_address};
use crate::server::Mailbox;
use crate::wire::eventually;

/// The messages about proxies so far, without their time.
fn proxies(daemon: &Daemon) -> Vec<String> {
    let said = daemon.stderr();
    let messages =
        said.lines().filter_map(|line| line.split_once("-MAILWARDEN: Proxy ").map(|(_, rest)| rest));
    messages.map(str::to_owned).collect()
}

#[test]
fn one_line_for_each_proxy_says_what_is_in_force_and_where() {
    let mailbox = Mailbox::start();
    let mut daemon = Daemon::start(RULED, &[mailbox.address()]);
    let (here, there) = (daemon.address(), mailbox.address());
    let ruled = "smtp, policy rules of 1 class, conformance standard, starttls pass";
    let started = format!("tested: listening on {here}; server {there}; {ruled}");
    assert!(
        eventually(|| (proxies(&daemon) == [started.clone()]).then_some(())).is_some(),
        "{}",
        daemon.stderr()
    );

    let relay = free_address();
    daemon.write_text(&format!(
        "mailwarden\n events json {}\nproxy other\n listen {relay}\n listen {here}\n server {there}\n server \
         192.0.2.1:25\n protocol tcp\n",
        daemon.file("events.jsonl").display()
    ));
    assert_eq!(daemon.reload(), "applied");
    let other =
        format!("other: listening on {relay}, {here}; servers {there}, 192.0.2.1:25; tcp, not inspected");
    let removed = "tested: removed, its sessions go on to their end".to_owned();
    let reloaded = [started, other, removed];
    assert!(eventually(|| (proxies(&daemon) == reloaded).then_some(())).is_some(), "{}", daemon.stderr());

    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0));
    let stopped =
        [format!("other: draining 0 sessions, {relay}, {here} closed"), "other: stopped".to_owned()];
    assert_eq!(proxies(&daemon), [&reloaded[..], &stopped].concat());
}

#[test]
fn a_reload_that_is_refused_says_so_first_and_then_why() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(RULED, &[mailbox.address()]);
    assert!(eventually(|| (proxies(&daemon).len() == 1).then_some(())).is_some(), "{}", daemon.stderr());
    let before = daemon.stderr().len();
    daemon.write_text("proxy tested\n listen 127.0.0.1:1\n server 127.0.0.1:2\n service-policy type inspect gone\n protocol smtb\n");
    assert_eq!(daemon.reload(), "2 errors, not applied");
    let said = eventually(|| {
        daemon.stderr().get(before..).filter(|said| said.lines().count() == 3).map(str::to_owned)
    });
    let said = said.unwrap_or_else(|| panic!("{}", daemon.stderr()));
    let messages: Vec<&str> =
        said.lines().filter_map(|line| line.split_once("%FW-").map(|(_, text)| text)).collect();
    let starts = ["3-MAILWARDEN: Not configured from ", "3-MAILWARDEN: ", "3-MAILWARDEN: "];
    assert!(messages.iter().zip(starts).all(|(line, start)| line.starts_with(start)), "{said}");
    assert!(messages[0].ends_with("mailwarden.conf: 2 errors, not applied"), "{said}");
    assert!(messages[1].contains(":4:") && messages[1].contains("[undefined-name]"), "{said}");
    assert!(messages[2].contains(":5:") && messages[2].contains("did you mean `smtp`?"), "{said}");

    let event = daemon.named("config").pop().expect("an event");
    assert_eq!((event["ok"].as_bool(), event["errors"].as_u64()), (Some(false), Some(2)), "{event}");
    assert_eq!(event["diagnostics"][0]["line"], 4, "{event}");
    daemon.passes_clean_mail();
}

#[test]
fn the_journal_gets_priorities_and_no_second_time() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start_for_journal(RULED, &[mailbox.address()]);
    daemon.write_text("nonsense\n");
    daemon.reload();
    let said = eventually(|| {
        Some(daemon.stderr()).filter(|said| said.contains("<3>%FW-3-MAILWARDEN: Not configured from "))
    });
    let said = said.unwrap_or_else(|| panic!("{}", daemon.stderr()));
    let has_priority = |line: &str| matches!(line.as_bytes(), [b'<', b'0'..=b'7', b'>', b'%', ..]);
    assert!(said.lines().all(has_priority), "{said}");
    assert!(said.starts_with("<5>%SYS-5-CONFIG_I: Configured from "), "{said}");
}

#[test]
fn files_for_reports_are_nobody_elses_business() {
    let mailbox = Mailbox::start();
    let log = std::env::temp_dir().join(format!("mailwarden-live-log-{}", std::process::id()));
    let maps = format!("logging file {}\n", log.display());
    let daemon =
        Daemon::start(Configuration { maps: &maps, ..Configuration::default() }, &[mailbox.address()]);
    for file in [daemon.file("events.jsonl"), log.clone()] {
        let mode = fs::metadata(&file).expect("a file").permissions().mode();
        // The umask of whoever runs the tests may take more.
        assert_eq!(mode & 0o137, 0, "{}: {mode:o}", file.display());
        assert_eq!(mode & 0o600, 0o600, "{}: {mode:o}", file.display());
    }
    drop(daemon);
    let _ = fs::remove_file(log);
}

#[test]
fn what_a_class_drops_is_logged_where_it_says_so_and_counted() {
    let mailbox = Mailbox::start();
    let dropping = |log: &str| {
        format!(
            "class-map type inspect match-all MAIL\n match protocol smtp\npolicy-map type inspect TOP\n class type inspect \
             MAIL\n  drop{log}\n"
        )
    };
    for (log, told) in [(" log", true), ("", false)] {
        let maps = dropping(log);
        let policy = Configuration {
            maps: &maps,
            settings: " control-socket FOLDER/control.sock\n",
            proxy: " service-policy type inspect TOP\n",
        };
        let daemon = Daemon::start(policy, &[mailbox.address()]);
        let client = daemon.connect();
        let from = client.stream().local_addr().unwrap();
        let (heard, _) = { client }.rest();
        assert_eq!(heard, "");
        let line = format!(
            "%FW-6-DROP_PKT: Dropping tcp session {from} {} on zone-pair tested class MAIL due to DROP action found in \
             policy-map with ip ident 0",
            mailbox.address()
        );
        let counted = eventually(|| {
            let screen = shown(&daemon, "show policy-map type inspect zone-pair");
            has_line(&screen, "1 packets, 0 bytes").then_some(())
        });
        assert!(counted.is_some(), "{}", shown(&daemon, "show policy-map type inspect zone-pair"));
        let is_told = || daemon.stderr().contains(&line);
        assert!(eventually(|| (is_told() == told).then_some(())).is_some(), "{}", daemon.stderr());
    }
}
