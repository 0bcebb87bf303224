//! Failed logins, of one client and to one account, by POP3, IMAP and SMTP.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::daemon::{Configuration, Daemon};
use crate::limits::{client_at, tells};
use crate::server::Server;
use crate::wire::{End, Wire};

/// A protocol, by its login command and what is said of it.
#[derive(Clone, Copy)]
struct Protocol {
    name: &'static str,
    greeting: &'static str,
    /// What a client says before it logs in, each line answered.
    before: &'static [&'static str],
    /// What a server answers to all but a login.
    fine: &'static str,
    accepted: &'static str,
    refused: &'static str,
    /// What is said to a login to an account that is blocked.
    blocked: &'static str,
    /// What a client that is blocked is told.
    away: &'static str,
}

const POP3: Protocol = Protocol {
    name: "pop3",
    greeting: "+OK mx",
    before: &[],
    fine: "+OK fine",
    accepted: "+OK in",
    refused: "-ERR [AUTH] no",
    blocked: "-ERR [AUTH] Too many failed logins, try again later",
    away: "-ERR [SYS/TEMP] Too many sessions, try again later",
};

const IMAP: Protocol = Protocol {
    name: "imap",
    greeting: "* OK mx",
    before: &[],
    fine: "a OK fine",
    accepted: "a OK in",
    refused: "a NO [AUTHENTICATIONFAILED] no",
    blocked: "a NO [AUTHENTICATIONFAILED] Too many failed logins, try again later",
    away: "* BYE [UNAVAILABLE] Too many sessions, try again later",
};

const SMTP: Protocol = Protocol {
    name: "smtp",
    greeting: "220 mx",
    before: &["EHLO client.test"],
    fine: "250 AUTH PLAIN",
    accepted: "235 2.7.0 in",
    refused: "535 5.7.8 no",
    blocked: "535 5.7.8 Too many failed logins, try again later",
    away: "421 4.3.2 Too many sessions, try again later",
};

impl Protocol {
    /// The lines of a login; the last is the one that is answered by its outcome.
    fn login(self, account: &str, password: &str) -> Vec<String> {
        match self.name {
            "pop3" => vec![format!("USER {account}"), format!("PASS {password}")],
            "imap" => vec![format!("a LOGIN {account} {password}")],
            _ => vec![format!("AUTH PLAIN {}", base64(format!("\0{account}\0{password}").as_bytes()))],
        }
    }
}

/// RFC 4648 §4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |group: &[u8]| {
        let bits =
            group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        let digit = |place: usize| char::from(DIGITS[(bits >> (18 - 6 * place)) as usize & 63]);
        (0..4).map(|place| if place <= group.len() { digit(place) } else { '=' }).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

/// A server whose only password is `right`, and the logins it heard.
fn server(protocol: Protocol) -> (Server, Arc<Mutex<Vec<String>>>) {
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let server = Server::start({
        let heard = Arc::clone(&heard);
        move |mut wire, _| {
            wire.send(format!("{}\r\n", protocol.greeting));
            while let Some(line) = wire.line() {
                let last = protocol.login("", "").last().expect("a line").clone();
                let verb = |line: &str| line.trim_start_matches("a ").split(' ').next().map(str::to_owned);
                let answer = if verb(&line) != verb(&last) {
                    protocol.fine
                } else {
                    heard.lock().expect("no server panics").push(line.clone());
                    let is_login_to = |account: &&str| protocol.login(account, "right").contains(&line);
                    let is_right = ["victim", "another", "own"].iter().any(is_login_to);
                    if is_right { protocol.accepted } else { protocol.refused }
                };
                wire.send(format!("{answer}\r\n"));
            }
        }
    });
    (server, heard)
}

fn start(protocol: Protocol, server: &Server) -> Daemon {
    let maps = "parameter-map type inspect guarded\n login maximum-failures 3 block-time 5\n";
    let proxy = format!(" protocol {}\n parameter-map guarded\n", protocol.name);
    Daemon::start(Configuration { maps, settings: " workers 2\n", proxy: &proxy }, &[server.address()])
}

/// A client that has been greeted.
fn greeted(protocol: Protocol, number: u8, daemon: &Daemon) -> Wire {
    let mut client = client_at(Ipv4Addr::new(127, 201, 0, number), daemon.address());
    assert_eq!(client.line().as_deref(), Some(protocol.greeting), "{}", protocol.name);
    for line in protocol.before {
        client.command(line);
    }
    client
}

/// What comes of a login.
fn log_in(protocol: Protocol, client: &mut Wire, account: &str, password: &str) -> String {
    let lines = protocol.login(account, password);
    lines.iter().map(|line| client.command(line)).last().expect("a line")
}

fn an_account_is_blocked(protocol: Protocol) {
    let (server, heard) = server(protocol);
    let daemon = start(protocol, &server);
    // Three clients, each of which fails once; the case of a name makes no other account.
    for (number, account) in [(1, "Victim"), (2, "victim"), (3, "VICTIM")] {
        let mut client = greeted(protocol, number, &daemon);
        assert_eq!(log_in(protocol, &mut client, account, "wrong"), protocol.refused);
    }
    let blocked = tells(&daemon, "account-logins", "blocked");
    assert_eq!((&blocked["count"], &blocked["minutes"]), (&json!(3), &json!(5)));
    // Now even the right password is refused, and the server is not asked.
    let mut owner = greeted(protocol, 4, &daemon);
    let answer = log_in(protocol, &mut owner, "victim", "right");
    assert_eq!(answer, protocol.blocked);
    assert_eq!(heard.lock().expect("no server panics").len(), 3);
    let mut other = greeted(protocol, 4, &daemon);
    assert_eq!(log_in(protocol, &mut other, "another", "right"), protocol.accepted);
    tells(&daemon, "account-logins", "refused");
    // Nobody reads whose it is.
    let events = std::fs::read_to_string(daemon.file("events.jsonl")).expect("its events").to_lowercase();
    assert!(!events.contains("victim") && !daemon.stderr().to_lowercase().contains("victim"));
}

fn a_client_is_blocked(protocol: Protocol) {
    let (server, heard) = server(protocol);
    let daemon = start(protocol, &server);
    let fails = |number: u8, account: &str| {
        let mut client = greeted(protocol, number, &daemon);
        assert_eq!(log_in(protocol, &mut client, account, "wrong"), protocol.refused);
    };
    // Whoever knows a password may mistype another.
    fails(1, "a");
    fails(1, "b");
    let mut client = greeted(protocol, 1, &daemon);
    assert_eq!(log_in(protocol, &mut client, "own", "right"), protocol.accepted);
    fails(1, "c");
    fails(1, "d");
    let before = heard.lock().expect("no server panics").len();
    fails(1, "e");
    tells(&daemon, "client-logins", "blocked");
    let mut refused = client_at(Ipv4Addr::new(127, 201, 0, 1), daemon.address());
    assert_eq!(refused.rest(), (format!("{}\r\n", protocol.away), End::Fin));
    assert_eq!(heard.lock().expect("no server panics").len(), before + 1);
    let mut other = greeted(protocol, 2, &daemon);
    assert_eq!(log_in(protocol, &mut other, "own", "right"), protocol.accepted);
}

#[test]
fn an_account_to_which_logins_fail_is_blocked_by_pop3() {
    an_account_is_blocked(POP3);
}

#[test]
fn an_account_to_which_logins_fail_is_blocked_by_imap() {
    an_account_is_blocked(IMAP);
}

#[test]
fn an_account_to_which_logins_fail_is_blocked_by_smtp() {
    an_account_is_blocked(SMTP);
}

#[test]
fn a_client_whose_logins_fail_is_blocked_by_pop3() {
    a_client_is_blocked(POP3);
}

#[test]
fn a_client_whose_logins_fail_is_blocked_by_imap() {
    a_client_is_blocked(IMAP);
}

#[test]
fn a_client_whose_logins_fail_is_blocked_by_smtp() {
    a_client_is_blocked(SMTP);
}
