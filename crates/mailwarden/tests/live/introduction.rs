//! Servers that are told who their client is, and balancers that say so.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::daemon::{Configuration, Daemon};
use crate::server::{Host, Mailbox, Server};
use crate::wire::{End, PATIENCE, Wire, eventually};

/// Every test's client has an address in it.
const BEHIND_BALANCER: Configuration<'_> = Configuration {
    maps: "parameter-map type inspect impatient\n tcp synwait-time 1\n",
    settings: " workers 1\n",
    proxy: " accept-proxy 127.0.0.0/8\n parameter-map impatient\n",
};

const SIGNATURE: &str = "\r\n\r\n\0\r\nQUIT\n";

/// A server that is sent a header of version 1 first, and tells of each.
fn reads_a_header() -> (Server, Receiver<String>) {
    let (tells, headers) = mpsc::channel();
    let server = Server::start(move |mut wire, _| {
        let header = wire.line().unwrap_or_default();
        tells.send(header).expect("a listener");
        Host::new(wire).serve();
    });
    (server, headers)
}

fn proxy(proxy: &str) -> Configuration<'_> {
    Configuration { proxy, ..Configuration::default() }
}

/// The addresses of client and server in all events of one name.
fn clients(events: &[Value]) -> Vec<(&str, u64)> {
    events
        .iter()
        .map(|event| {
            let client = &event["client"];
            (client["address"].as_str().unwrap_or("?"), client["port"].as_u64().unwrap_or_default())
        })
        .collect()
}

#[test]
fn a_server_reads_first_who_its_client_is_and_where_it_connected() {
    let (server, headers) = reads_a_header();
    let daemon = Daemon::start(proxy(" send-proxy v1\n"), &[server.address()]);
    let mut client = daemon.greeted();
    let (from, to) = (client.stream().local_addr().unwrap(), daemon.address());
    let expected = format!("PROXY TCP4 {} {} {} {}", from.ip(), to.ip(), from.port(), to.port());
    assert_eq!(headers.recv_timeout(PATIENCE).unwrap(), expected);
    client.says("QUIT", "221");
}

#[test]
fn a_header_of_version_2_is_in_front_of_what_the_client_said() {
    let (tells, heard) = mpsc::channel();
    let server = Server::start(move |mut wire, _| {
        let mut octets = Vec::new();
        while octets.len() < 28 + 5 {
            octets.extend(wire.octets().expect("a header and a word"));
        }
        tells.send(octets).expect("a listener");
    });
    // Nothing is inspected: the client may speak first.
    let daemon = Daemon::start(proxy(" no inspect esmtp\n send-proxy v2\n"), &[server.address()]);
    let mut client = daemon.connect();
    client.send("hello");
    let (SocketAddr::V4(from), SocketAddr::V4(to)) =
        (client.stream().local_addr().unwrap(), daemon.address())
    else {
        panic!("IPv4 was expected")
    };
    let mut expected = [SIGNATURE.as_bytes(), b"\x21\x11\x00\x0c"].concat();
    expected.extend([from.ip().octets(), to.ip().octets()].concat());
    expected.extend([from.port().to_be_bytes(), to.port().to_be_bytes()].concat());
    expected.extend(b"hello");
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap(), expected);
}

#[test]
fn the_client_that_a_balancer_names_is_the_client_in_events_and_to_the_server() {
    let (server, headers) = reads_a_header();
    let lines = format!("{} send-proxy v1\n", BEHIND_BALANCER.proxy);
    let daemon = Daemon::start(Configuration { proxy: &lines, ..BEHIND_BALANCER }, &[server.address()]);
    for (said, passed_on, client) in [
        (
            "PROXY TCP4 192.0.2.7 198.51.100.25 40112 25\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.25 40112 25",
            ("192.0.2.7", 40112),
        ),
        (
            "PROXY TCP6 2001:db8::7 2001:db8::25 40113 25\r\n",
            "PROXY TCP6 2001:db8::7 2001:db8::25 40113 25",
            ("2001:db8::7", 40113),
        ),
        (
            "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\x01\x02\x03\x0a\x01\x02\x04\x01\x02\0\x19",
            "PROXY TCP4 10.1.2.3 10.1.2.4 258 25",
            ("10.1.2.3", 258),
        ),
    ] {
        let before = daemon.named("session_start").len();
        let mut balancer = daemon.connect();
        // Octet by octet, and with a command of a client that does not wait.
        said.bytes().for_each(|octet| assert!(balancer.send([octet])));
        assert!(balancer.reply().starts_with("220"));
        balancer.says("EHLO client.test", "250");
        balancer.says("QUIT", "221");
        assert_eq!(headers.recv_timeout(PATIENCE).unwrap(), passed_on);
        daemon.ended(before + 1);
        for name in ["session_start", "session_end"] {
            assert_eq!(clients(&daemon.named(name))[before], client, "{name}");
        }
    }
}

#[test]
fn what_a_client_says_behind_the_header_in_one_segment_is_not_lost() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(BEHIND_BALANCER, &[mailbox.address()]);
    let mut balancer = daemon.connect();
    balancer.send("PROXY TCP4 192.0.2.7 198.51.100.25 40112 25\r\nEHLO early.test\r\n");
    assert!(balancer.reply().starts_with("220"));
    assert!(balancer.reply().starts_with("250"));
    balancer.says("QUIT", "221");
    assert_eq!(mailbox.visits(1)[0].commands, ["EHLO early.test", "QUIT"]);
}

#[test]
fn a_connection_of_the_balancer_itself_has_the_balancer_for_its_client() {
    let (server, headers) = reads_a_header();
    let lines = format!("{} send-proxy v1\n", BEHIND_BALANCER.proxy);
    let daemon = Daemon::start(Configuration { proxy: &lines, ..BEHIND_BALANCER }, &[server.address()]);
    for own in ["PROXY UNKNOWN\r\n".to_owned(), format!("{SIGNATURE}\x20\0\0\0")] {
        let mut balancer = daemon.connect();
        balancer.send(own);
        assert!(balancer.reply().starts_with("220"));
        let (from, to) = (balancer.stream().local_addr().unwrap(), daemon.address());
        let expected = format!("PROXY TCP4 {} {} {} {}", from.ip(), to.ip(), from.port(), to.port());
        assert_eq!(headers.recv_timeout(PATIENCE).unwrap(), expected);
    }
}

/// A header that is no good ends the session, is named, and no server hears of the connection.
fn ends(configuration: Configuration<'_>, said: &str, and: impl Fn(&Wire), kind: &str) -> (String, End) {
    let connections = Arc::new(Mutex::new(0));
    let server = Server::start({
        let connections = Arc::clone(&connections);
        move |wire, _| {
            *connections.lock().unwrap() += 1;
            Host::new(wire).serve();
        }
    });
    let daemon = Daemon::start(configuration, &[server.address()]);
    let mut client = daemon.connect();
    client.send(said);
    and(&client);
    let rest = client.rest();
    daemon.tells_anomaly(kind);
    drop(client);
    assert_eq!(daemon.ended(1), ["refused"]);
    assert_eq!(*connections.lock().unwrap(), 0, "the server was connected");
    rest
}

#[test]
fn a_header_that_lies_ends_the_session() {
    let lies = [
        "EHLO client.test\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.25 40112 65536\r\n",
        "PROXY TCP4 2001:db8::7 2001:db8::25 40112 25\r\n",
        "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0b\x0a\x01\x02\x03\x0a\x01\x02\x04\x01\x02\0",
        "\r\n\r\n\0\r\nQUIT\n\x21\x11\x02\x09",
        "\x16\x03\x01",
    ];
    for lie in lies {
        let (said, end) = ends(BEHIND_BALANCER, lie, |_| {}, "bad-proxy-header");
        assert!(said.starts_with("421 4.7.0 No valid PROXY header"), "{said}");
        assert_eq!(end, End::Fin, "{}", lie.escape_debug());
    }
}

#[test]
fn a_header_that_is_cut_ends_the_session() {
    let fin = |wire: &Wire| wire.fin();
    for cut in
        ["P", "PROXY TCP4 192.0.2.7 198.51.100.25 40112 25\r", "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a"]
    {
        let (said, end) = ends(BEHIND_BALANCER, cut, fin, "cut-proxy-header");
        assert!(said.starts_with("421 4.7.0 "), "{said}");
        assert_eq!(end, End::Fin);
    }
}

#[test]
fn a_header_that_does_not_come_in_time_ends_the_session() {
    for late in ["", "PROXY TCP4 192.0.2.7 "] {
        let (said, end) = ends(BEHIND_BALANCER, late, |_| {}, "cut-proxy-header");
        assert!(said.starts_with("421 4.7.0 "), "{said}");
        assert_eq!(end, End::Fin);
    }
}

#[test]
fn a_relay_without_inspection_closes_at_once() {
    let lines = format!("{} no inspect esmtp\n", BEHIND_BALANCER.proxy);
    let relay = Configuration { proxy: &lines, ..BEHIND_BALANCER };
    let (said, end) = ends(relay, "PROXY TCP4 192.0.2.7\r\n", |_| {}, "bad-proxy-header");
    assert_eq!((said.as_str(), end), ("", End::Reset));
}

#[test]
fn a_stranger_that_sends_a_header_is_reset() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(proxy(" accept-proxy 192.0.2.0/24\n"), &[mailbox.address()]);
    daemon.passes_clean_mail();
    let mut stranger = daemon.connect();
    stranger.send("PROXY TCP4 192.0.2.7 198.51.100.25 40112 25\r\n");
    let (said, _) = stranger.rest();
    assert!(said.starts_with("220 server.test ESMTP\r\n554 5.5.0 "), "{said}");
    daemon.tells_anomaly("stray-proxy-header");
    assert_eq!(mailbox.visits(2)[1].commands, [""; 0]);
}

#[test]
fn a_health_check_that_says_nothing_is_no_session() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(BEHIND_BALANCER, &[mailbox.address()]);
    let check = TcpStream::connect(daemon.address()).unwrap();
    check.shutdown(Shutdown::Write).unwrap();
    assert_eq!(Wire::of(check).rest(), (String::new(), End::Fin));
    let mut next = TcpStream::connect(daemon.address()).unwrap();
    next.write_all(b"PROXY TCP4 192.0.2.7 198.51.100.25 40112 25\r\nQUIT\r\n").unwrap();
    Wire::of(next).rest();
    daemon.ended(1);
    assert_eq!(clients(&daemon.named("session_end")), [("192.0.2.7", 40112)]);
    assert_eq!(daemon.named("anomaly").iter().filter(|event| event["kind"] != "early-talker").count(), 0);
}

#[test]
fn a_server_hears_by_xclient_who_a_balancer_says_the_client_is() {
    let (tells, told) = mpsc::channel();
    let server = Server::start(move |mut wire, _| {
        wire.send("220 server.test ESMTP\r\n");
        let ehlo = wire.line();
        wire.send("250-server.test\r\n250 XCLIENT NAME ADDR PORT\r\n");
        tells.send((ehlo, wire.line())).expect("a listener");
        Host::new(wire).serve();
    });
    let lines = format!("{} send-xclient\n", BEHIND_BALANCER.proxy);
    let daemon = Daemon::start(Configuration { proxy: &lines, ..BEHIND_BALANCER }, &[server.address()]);
    let mut balancer = daemon.connect();
    balancer.send("PROXY TCP6 2001:db8::7 2001:db8::25 40113 25\r\n");
    assert_eq!(balancer.line().as_deref(), Some("220 server.test ESMTP"));
    let told = told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(told.0.as_deref(), Some("EHLO [IPv6:2001:db8::7]"));
    assert_eq!(told.1.as_deref(), Some("XCLIENT ADDR=IPV6:2001:db8::7 PORT=40113 NAME=[UNAVAILABLE]"));
    balancer.says("EHLO client.test", "250");
    balancer.says("QUIT", "221");
}

#[test]
fn without_xclient_the_client_gets_no_service_and_the_log_says_why() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(proxy(" send-xclient\n"), &[mailbox.address()]);
    let (said, end) = daemon.connect().rest();
    assert!(said.starts_with("421 4.3.2 Service not available (ref "), "{said}");
    assert_eq!(end, End::Fin);
    daemon.tells_anomaly("xclient-refused");
    let logged = eventually(|| daemon.stderr().contains("xclient-refused").then_some(()));
    assert!(logged.is_some(), "{}", daemon.stderr());
}
