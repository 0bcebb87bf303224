//! Metrics: what the page says is what happened, and it is a page that Prometheus takes.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::daemon::{Configuration, Daemon, RULED, free_address};
use crate::server::Mailbox;
use crate::wire::{PATIENCE, eventually};

/// A daemon whose metrics are served at an address.
fn measured(settings: &str, servers: &[SocketAddr]) -> (Daemon, SocketAddr) {
    let address = free_address();
    let settings = format!(" metrics {address}\n{settings}");
    (Daemon::start(Configuration { settings: &settings, ..RULED }, servers), address)
}

/// Status and body of an answer.
fn get(address: SocketAddr, path: &str, accept: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: m\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

fn page(address: SocketAddr) -> String {
    let (status, page) = get(address, "/metrics", "*/*");
    assert_eq!(status, 200, "{page}");
    page
}

/// The value of a metric with these labels, among others.
fn value(page: &str, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let wanted: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    page.lines().find_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let of_name = series.split('{').next() == Some(name);
        (of_name && wanted.iter().all(|label| series.contains(label))).then(|| value.parse().unwrap())
    })
}

/// `promtool`, where there is one. With `MAILWARDEN_REQUIRE_SERVERS=1` there must be.
fn promtool() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(
        || Path::new(&std::env::var_os("HOME").unwrap_or_default()).join(".cache"),
        PathBuf::from,
    );
    let unpacked = cache.join("mailwarden-tests/prometheus/usr/bin/promtool");
    let candidates = [PathBuf::from("promtool"), unpacked];
    let runs = |program: &&PathBuf| {
        let mut asked = Command::new(program);
        asked.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    };
    let found = candidates.iter().find(runs).cloned();
    if found.is_none() {
        let required = std::env::var_os("MAILWARDEN_REQUIRE_SERVERS").is_some_and(|value| value == "1");
        assert!(!required, "missing: promtool (scripts/test-servers unpacks it)");
        println!("SKIPPED: promtool is missing (scripts/test-servers unpacks it)");
    }
    found
}

#[test]
fn the_page_says_what_happened() {
    let mailbox = Mailbox::start();
    let (daemon, address) = measured("", &[mailbox.address()]);
    daemon.passes_clean_mail();
    let mut refused = daemon.greeted();
    refused.says("MAIL FROM:<refused-word@example.test>", "550");
    refused.says("QUIT", "221");
    daemon.ended(2);
    let open = daemon.greeted();
    let page = page(address);
    let of = |name: &str, labels: &[(&str, &str)]| value(&page, name, labels);
    let proxy = ("proxy", "tested");
    assert_eq!(of("mailwarden_sessions_accepted_total", &[proxy]), Some(3.0), "{page}");
    assert_eq!(of("mailwarden_sessions_connected_total", &[proxy]), Some(3.0));
    assert_eq!(of("mailwarden_sessions", &[proxy, ("stage", "open")]), Some(1.0));
    assert_eq!(of("mailwarden_sessions_ended_total", &[proxy, ("reason", "closed")]), Some(1.0));
    assert_eq!(of("mailwarden_sessions_ended_total", &[proxy, ("reason", "refused")]), Some(1.0));
    assert_eq!(of("mailwarden_messages_total", &[proxy, ("outcome", "accepted")]), Some(1.0));
    let class = [("policy", "rules"), ("class", "refused"), ("action", "reset")];
    assert_eq!(of("mailwarden_matches_total", &class), Some(1.0));
    let ours = |code| of("mailwarden_replies_total", &[("by", "mailwarden"), ("code", code)]);
    assert_eq!((ours("550"), ours("221")), (Some(1.0), Some(1.0)), "{page}");
    assert_eq!(of("mailwarden_replies_total", &[("by", "server"), ("code", "354")]), Some(1.0));
    let server = mailbox.address().to_string();
    assert_eq!(of("mailwarden_server_up", &[proxy, ("server", &server)]), Some(1.0));
    assert_eq!(of("mailwarden_server_connect_seconds_count", &[proxy]), Some(3.0));
    assert!(of("mailwarden_hold_seconds_count", &[proxy]).is_some_and(|count| count > 5.0));
    drop(open);
}

#[test]
fn prometheus_takes_the_page_and_the_alerts() {
    let mailbox = Mailbox::start();
    let (daemon, address) = measured("", &[mailbox.address()]);
    daemon.passes_clean_mail();
    let Some(promtool) = promtool() else { return };
    let mut check = Command::new(&promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    check.stdin.take().unwrap().write_all(page(address).as_bytes()).unwrap();
    let checked = check.wait_with_output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contrib/prometheus/mailwarden.rules.yml");
    let checked = Command::new(&promtool).args(["check", "rules"]).arg(rules).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
}

#[test]
fn health_and_readiness_follow_the_servers_and_the_end() {
    let nobody = free_address();
    let (mut daemon, address) = measured("", &[nobody]);
    assert_eq!(get(address, "/healthz", "*/*"), (200, "ok\n".to_owned()));
    assert_eq!(get(address, "/readyz", "*/*").0, 200, "nothing has failed yet");
    assert!(daemon.connect().reply().starts_with("421"));
    assert_eq!(get(address, "/readyz", "*/*"), (503, "proxy tested: no server answers\n".to_owned()));
    assert_eq!(value(&page(address), "mailwarden_server_up", &[]), Some(0.0));
    assert_eq!(get(address, "/nonsense", "*/*").0, 404);
    daemon.signal(Signal::TERM);
    assert!(daemon.wait().success());

    let mailbox = Mailbox::start();
    let (daemon, address) = measured("", &[mailbox.address()]);
    let mut client = daemon.greeted();
    client.says("MAIL FROM:<a@example.test>", "250");
    client.says("RCPT TO:<r@example.test>", "250");
    client.says("DATA", "354");
    daemon.signal(Signal::TERM);
    let stopping = (503, "stopping\n".to_owned());
    assert!(eventually(|| (get(address, "/readyz", "*/*") == stopping).then_some(())).is_some());
    client.says("Subject: s\r\n\r\nx\r\n.", "250");
}

#[test]
fn a_reload_moves_the_metrics_or_changes_nothing() {
    let mailbox = Mailbox::start();
    let (daemon, address) = measured("", &[mailbox.address()]);
    assert_eq!(value(&page(address), "mailwarden_configuration_generation", &[]), Some(1.0));
    let text = std::fs::read_to_string(daemon.file("mailwarden.conf")).unwrap();
    let old = format!(" metrics {address}\n");

    let taken = std::net::TcpListener::bind(free_address()).unwrap();
    let taken_address = taken.local_addr().unwrap();
    daemon.write_text(&text.replace(&old, &format!(" metrics {taken_address}\n")));
    assert!(daemon.reload().contains("cannot serve metrics"));
    let refused = page(address);
    assert_eq!(value(&refused, "mailwarden_configuration_last_reload_successful", &[]), Some(0.0));
    assert_eq!(value(&refused, "mailwarden_configuration_reloads_refused_total", &[]), Some(1.0));

    let other = free_address();
    daemon.write_text(&text.replace(&old, &format!(" metrics {other}\n")));
    assert_eq!(daemon.reload(), "applied");
    let moved = page(other);
    assert_eq!(value(&moved, "mailwarden_configuration_generation", &[]), Some(2.0));
    assert_eq!(value(&moved, "mailwarden_configuration_last_reload_successful", &[]), Some(1.0));
    assert!(eventually(|| TcpStream::connect(address).is_err().then_some(())).is_some());

    daemon.write_text(&text.replace(&old, ""));
    assert_eq!(daemon.reload(), "applied");
    assert!(eventually(|| TcpStream::connect(other).is_err().then_some(())).is_some());
    daemon.passes_clean_mail();
}

#[test]
fn scrapers_that_say_nothing_or_garbage_delay_nobody() {
    let mailbox = Mailbox::start();
    let (daemon, address) = measured("", &[mailbox.address()]);
    let silent: Vec<_> = (0..50).map(|_| TcpStream::connect(address).unwrap()).collect();
    for garbage in [&b"\x16\x03\x01\0\0"[..], b"\r\n\r\n", b"GET /metrics\r\n\r\n", &[b'x'; 20_000]] {
        let mut stream = TcpStream::connect(address).unwrap();
        let _ = stream.write_all(garbage);
    }
    assert!(page(address).contains("mailwarden_build_info"));
    daemon.passes_clean_mail();
    drop(silent);
}
