//! SIGHUP: new sessions get the new configuration, old ones keep theirs, and nobody is lost.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::daemon::{Configuration, Daemon, RULED, free_address, is_listening};
use crate::server::Mailbox;
use crate::wire::{Wire, eventually};

const RULELESS: Configuration<'_> = Configuration { maps: "", settings: "", proxy: "" };

#[test]
fn new_sessions_get_the_new_policy_within_half_a_second_and_old_ones_keep_theirs() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(RULELESS, &[mailbox.address()]);
    let mut old = daemon.greeted();
    daemon.write(RULED, &[daemon.address()]);
    let asked = Instant::now();
    assert_eq!(daemon.reload(), "applied");
    let refused = eventually(|| {
        let reply = daemon.greeted().command("MAIL FROM:<refused-word@example.test>");
        reply.starts_with("550 5.7.1").then_some(())
    });
    assert!(refused.is_some() && asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
    old.says("MAIL FROM:<refused-word@example.test>", "250");
}

#[test]
fn a_file_that_is_no_configuration_changes_nothing() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(RULED, &[mailbox.address()]);
    let good = "proxy tested\n listen 127.0.0.1:1\n server 127.0.0.1:2\n";
    let cases = [
        String::new(),
        "hostname edge\n".to_owned(),
        format!("{good} service-policy type inspect undefined\n"),
        format!("{good} nonsense\n"),
        "\0\u{7f}ELF\x02\x01\x01\0\0\0".repeat(1000),
        "x".repeat(1 << 20),
        // An address of somebody else.
        "proxy tested\n listen 192.0.2.1:25\n server 127.0.0.1:2\n".to_owned(),
    ];
    for text in cases {
        daemon.write_text(&text);
        let result = daemon.reload();
        assert_ne!(result, "applied", "{}", text.get(..60).unwrap_or(&text));
        daemon.greeted().says("MAIL FROM:<refused-word@example.test>", "550");
        daemon.passes_clean_mail();
    }
    assert!(daemon.stderr().contains("%SYS-5-CONFIG_I"), "{}", daemon.stderr());
}

#[test]
fn files_that_were_moved_away_are_opened_anew() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(RULED, &[mailbox.address()]);
    daemon.passes_clean_mail();
    daemon.ended(1);
    let moved = daemon.file("events.jsonl.1");
    fs::rename(daemon.file("events.jsonl"), &moved).expect("events to move");
    // The file of the configuration is none of a rotation's business.
    daemon.write_text("nonsense");
    assert_ne!(daemon.reload(), "applied");
    daemon.passes_clean_mail();
    assert_eq!(daemon.ended(1), ["closed"]);
    let before = fs::read_to_string(moved).expect("the events before");
    assert_eq!(before.matches("session_end").count(), 1, "{before}");
}

#[test]
fn where_reports_go_is_changed_by_a_reload_or_nothing_is() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(RULELESS, &[mailbox.address()]);
    let elsewhere = "logging file /nowhere/log\n";
    daemon.write(Configuration { maps: elsewhere, ..RULELESS }, &[daemon.address()]);
    assert!(daemon.reload().contains("/nowhere/log"), "{}", daemon.stderr());
    let log = daemon.file("log");
    let here = format!("logging file {}\n", log.display());
    daemon.write(Configuration { maps: &here, ..RULELESS }, &[daemon.address()]);
    assert_eq!(daemon.reload(), "applied");
    let text = eventually(|| fs::read_to_string(&log).ok().filter(|text| text.ends_with('\n')));
    assert!(text.is_some_and(|text| text.contains("%SYS-5-CONFIG_I")), "{}", daemon.stderr());
}

#[test]
fn a_number_of_workers_that_has_to_wait_for_a_restart_is_told() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(RULED, &[mailbox.address()]);
    daemon.write(Configuration { settings: " workers 1000\n", ..RULED }, &[daemon.address()]);
    assert_eq!(daemon.reload(), "applied, except `workers`, which requires a restart");
    daemon.passes_clean_mail();
}

#[test]
fn listeners_come_and_go_and_their_sessions_stay() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(RULED, &[mailbox.address()]);
    let mut session = daemon.greeted();
    let other = free_address();
    daemon.write(RULED, &[daemon.address(), other]);
    assert_eq!(daemon.reload(), "applied");
    let mut new = Wire::connect(other);
    assert!(new.reply().starts_with("220"));
    daemon.write(RULED, &[other]);
    assert_eq!(daemon.reload(), "applied");
    assert!(eventually(|| (!is_listening(daemon.address())).then_some(())).is_some());
    assert!(session.message("s@example.test", "Subject: x\r\n\r\nx").starts_with("250"));
    new.says("EHLO client.test", "250");
    assert!(Wire::connect(other).reply().starts_with("220"));
    daemon.write(RULED, &[daemon.address()]);
    assert_eq!(daemon.reload(), "applied");
    daemon.passes_clean_mail();
    assert!(new.message("s@example.test", "Subject: x\r\n\r\nx").starts_with("250"));
}

#[test]
fn a_listener_may_widen_to_every_address_and_go_back() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(RULED, &[mailbox.address()]);
    let mut session = daemon.greeted();
    let port = daemon.address().port();
    let mut everywhere: Vec<SocketAddr> = vec![(Ipv4Addr::UNSPECIFIED, port).into()];
    let mut reached: Vec<SocketAddr> = vec![daemon.address(), (Ipv4Addr::new(127, 0, 0, 2), port).into()];
    // Not every machine has IPv6.
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
        everywhere.push((Ipv6Addr::UNSPECIFIED, port).into());
        reached.push((Ipv6Addr::LOCALHOST, port).into());
    }
    daemon.write(RULED, &everywhere);
    assert_eq!(daemon.reload(), "applied");
    for address in reached {
        assert!(Wire::connect(address).reply().starts_with("220"), "{address}");
    }
    daemon.write(RULED, &[daemon.address()]);
    assert_eq!(daemon.reload(), "applied");
    daemon.passes_clean_mail();
    assert!(session.message("s@example.test", "Subject: x\r\n\r\nx").starts_with("250"));
}

#[test]
fn an_address_of_another_daemon_is_not_shared_though_its_port_is_ours() {
    let mailbox = Mailbox::start();
    let [other, daemon] = [(); 2].map(|()| Daemon::start(RULED, &[mailbox.address()]));
    let elsewhere = SocketAddr::from(([127, 0, 0, 3], daemon.address().port()));
    other.write(RULED, &[other.address(), elsewhere]);
    assert_eq!(other.reload(), "applied");
    daemon.write(RULED, &[daemon.address(), elsewhere]);
    let said = daemon.reload();
    assert!(said.starts_with(&format!("cannot listen on {elsewhere}")), "{said}");
    daemon.passes_clean_mail();
}

#[test]
fn ten_reloads_lose_no_connection() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(RULED, &[mailbox.address()]);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..50).for_each(|_| daemon.passes_clean_mail()));
        }
        for number in 0..10 {
            let configuration = if number % 2 == 0 { RULELESS } else { RULED };
            daemon.write(configuration, &[daemon.address()]);
            assert_eq!(daemon.reload(), "applied");
        }
        // One that nobody waits for.
        daemon.signal(Signal::HUP);
    });
    assert_eq!(mailbox.visits(200).iter().map(|visit| visit.messages.len()).sum::<usize>(), 200);
}
