//! Servers that go and come, and servers with names.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use serde_json::Value;

use crate::daemon::{Configuration, Daemon, free_address, is_listening};
use crate::server::Mailbox;
use crate::wire::{End, eventually};

/// The `server` events so far: address and state.
fn told(daemon: &Daemon) -> Vec<(SocketAddr, String)> {
    let of = |event: &Value| {
        let server = &event["server"];
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let port = server["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
        (SocketAddr::new(text(&server["address"]).parse().expect("an address"), port), text(&event["state"]))
    };
    daemon.named("server").iter().map(of).collect()
}

/// Waits until so much was told of servers, and that is all.
fn tells(daemon: &Daemon, wanted: &[(SocketAddr, &str)]) {
    let wanted: Vec<_> = wanted.iter().map(|(address, state)| (*address, (*state).to_owned())).collect();
    eventually(|| (told(daemon).len() >= wanted.len()).then_some(()));
    assert_eq!(told(daemon), wanted, "{}", daemon.stderr());
    // Every event has its line in the log.
    let lines = || daemon.stderr().lines().filter(|line| line.contains("-MAILWARDEN: Server ")).count();
    assert!(eventually(|| (lines() == wanted.len()).then_some(())).is_some(), "{}", daemon.stderr());
}

/// Stops a server, and waits until nobody can connect to it.
fn stop<S>(server: S, address: SocketAddr) {
    drop(server);
    assert!(eventually(|| (!is_listening(address)).then_some(())).is_some(), "{address} goes on");
}

#[test]
fn a_server_that_failed_costs_no_later_session_anything_and_is_asked_when_no_other_answers() {
    let first = free_address();
    let second = Mailbox::start();
    let daemon = Daemon::start(Configuration::default(), &[first, second.address()]);
    daemon.passes_clean_mail();
    tells(&daemon, &[(first, "down")]);

    // It is back; until it is due nobody asks it, as long as the second answers.
    let mailbox = Mailbox::start_at(first);
    (0..20).for_each(|_| daemon.passes_clean_mail());
    assert_eq!((second.visits(21).len(), mailbox.visits(0).len()), (21, 0));
    tells(&daemon, &[(first, "down")]);

    // The second goes: the first is asked after all, and serves everybody from then on.
    let gone = second.address();
    stop(second, gone);
    (0..3).for_each(|_| daemon.passes_clean_mail());
    assert_eq!(mailbox.visits(3).len(), 3);
    tells(&daemon, &[(first, "down"), (gone, "down"), (first, "up")]);
}

#[test]
fn a_client_is_never_refused_while_any_server_may_be_back() {
    let servers = [free_address(), free_address()];
    let daemon = Daemon::start(Configuration::default(), &servers);
    for _ in 0..3 {
        assert_eq!(daemon.connect().rest(), ("421 4.3.2 Service not available\r\n".to_owned(), End::Fin));
    }
    tells(&daemon, &[(servers[0], "down"), (servers[1], "down")]);
    let mailbox = Mailbox::start_at(servers[1]);
    daemon.passes_clean_mail();
    assert_eq!(mailbox.visits(1).len(), 1);
    tells(&daemon, &[(servers[0], "down"), (servers[1], "down"), (servers[1], "up")]);
}

/// A server that `localhost` leads to.
fn at_localhost() -> (Mailbox, u16) {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener on loopback");
    let address = free.local_addr().expect("its address");
    drop(free);
    (Mailbox::start_at(address), address.port())
}

#[test]
fn a_server_may_have_a_name() {
    let (mailbox, port) = at_localhost();
    let server = format!(" server localhost:{port}\n");
    let daemon = Daemon::start(Configuration { proxy: &server, ..Configuration::default() }, &[]);
    daemon.passes_clean_mail();
    assert_eq!(mailbox.visits(1)[0].messages.len(), 1);
    let log = daemon.stderr();
    let line = log.lines().find(|line| line.contains("-MAILWARDEN: Proxy tested: "));
    assert!(
        line.is_some_and(
            |line| line.contains(&format!("server localhost:{port} (")) && line.contains("127.0.0.1")
        ),
        "{log}"
    );
}

#[test]
fn a_name_that_cannot_be_resolved_is_said_and_clients_are_told_until_it_can() {
    let unknown = " server nowhere.invalid:25\n";
    let daemon = Daemon::start(Configuration { proxy: unknown, ..Configuration::default() }, &[]);
    assert_eq!(daemon.connect().rest(), ("421 4.3.2 Service not available\r\n".to_owned(), End::Fin));
    assert!(daemon.stderr().contains("server nowhere.invalid:25 (no address yet)"), "{}", daemon.stderr());
    let said = "%FW-3-MAILWARDEN: name nowhere.invalid cannot be resolved, which is tried again: ";
    assert!(eventually(|| daemon.stderr().contains(said).then_some(())).is_some(), "{}", daemon.stderr());

    // A reload names another one.
    let (_mailbox, port) = at_localhost();
    let server = format!("{unknown} server localhost:{port}\n");
    daemon.write(Configuration { proxy: &server, ..Configuration::default() }, &[daemon.address()]);
    assert_eq!(daemon.reload(), "applied");
    daemon.passes_clean_mail();
    assert_eq!(daemon.stderr().matches(said).count(), 1, "{}", daemon.stderr());
}

#[test]
fn a_server_that_was_down_before_a_reload_is_left_alone_after_it() {
    let (first, second) = (free_address(), Mailbox::start());
    let daemon = Daemon::start(Configuration::default(), &[first, second.address()]);
    daemon.passes_clean_mail();
    tells(&daemon, &[(first, "down")]);
    let mailbox = Mailbox::start_at(first);
    daemon.write(
        Configuration { settings: " conformance strict\n", ..Configuration::default() },
        &[daemon.address()],
    );
    assert_eq!(daemon.reload(), "applied");
    daemon.passes_clean_mail();
    assert_eq!((second.visits(2).len(), mailbox.visits(0).len()), (2, 0));
    tells(&daemon, &[(first, "down")]);
}
