//! Limits on the number of sessions, with hundreds of clients.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};

use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use crate::daemon::{Configuration, Daemon, free_address};
use crate::server::{Mailbox, Server};
use crate::wire::{End, Wire, eventually};

const REFUSED: &str = "421 4.3.2 Too many sessions, try again later\r\n";

/// What a client without a session gets to read, and how its connection ends.
fn refusal() -> (String, End) {
    (REFUSED.to_owned(), End::Fin)
}

/// A server that the kernel does not connect anybody with: its queue is full. How long it stays so.
fn silent_server() -> (SocketAddr, impl Sized) {
    let server = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    server.bind(&free_address().into()).expect("a free port");
    server.listen(0).expect("a listener");
    let address = server.local_addr().expect("its address").as_socket().expect("an address of IP");
    let queued = TcpStream::connect(address).expect("the one that has room");
    (address, (server, queued))
}

/// The limits of a parameter-map, and no rules.
fn limited(maps: &str, workers: u8) -> (String, String) {
    let map = format!("parameter-map type inspect limited\n tcp synwait-time 120\n{maps}");
    (map, format!(" workers {workers}\n"))
}

const PROXY: &str = " parameter-map limited\n";

fn start(maps: &str, workers: u8, server: SocketAddr) -> Daemon {
    let (maps, settings) = limited(maps, workers);
    Daemon::start(Configuration { maps: &maps, settings: &settings, proxy: PROXY }, &[server])
}

/// So many clients, one after the other.
fn clients(daemon: &Daemon, count: usize) -> Vec<Wire> {
    (0..count).map(|_| daemon.connect()).collect()
}

/// Those who have heard something, or whose connection is over.
fn heard(clients: &[Wire]) -> Vec<usize> {
    let has_heard = |client: &Wire| {
        let stream = client.stream();
        stream.set_nonblocking(true).expect("a socket that does not block");
        let heard = stream.peek(&mut [0]).is_ok();
        stream.set_nonblocking(false).expect("a socket that blocks");
        heard
    };
    (0..clients.len()).filter(|&number| has_heard(&clients[number])).collect()
}

/// Waits until so many have heard something, which is told of them.
fn all_heard(clients: &[Wire], count: usize, daemon: &Daemon) -> Vec<usize> {
    let found = eventually(|| Some(heard(clients)).filter(|heard| heard.len() >= count));
    let found = found.unwrap_or_else(|| panic!("{} of {count}; {}", heard(clients).len(), daemon.stderr()));
    assert_eq!(found.len(), count);
    found
}

/// The `limit` events so far: limit, state, count and threshold.
fn told(daemon: &Daemon) -> Vec<(String, String, Value, Value)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of = |event: &Value| {
        (text(&event["limit"]), text(&event["state"]), event["count"].clone(), event["threshold"].clone())
    };
    daemon.named("limit").iter().map(of).collect()
}

/// Waits for a `limit` event.
pub(crate) fn tells(daemon: &Daemon, limit: &str, state: &str) -> Value {
    let found = eventually(|| {
        let mut events = daemon.named("limit").into_iter();
        events.find(|event| event["limit"] == limit && event["state"] == state)
    });
    found.unwrap_or_else(|| panic!("no `{limit}` {state} in {:?}; {}", told(daemon), daemon.stderr()))
}

#[test]
fn above_max_incomplete_the_oldest_opening_session_goes() {
    let (server, _silent) = silent_server();
    let daemon = start(" max-incomplete high 100\n max-incomplete low 50\n", 1, server);
    let mut clients = clients(&daemon, 300);
    // One worker accepts them in their order.
    let gone = all_heard(&clients, 200, &daemon);
    assert_eq!(gone, (0..200).collect::<Vec<_>>());
    for client in &mut clients[..200] {
        assert_eq!(client.rest(), refusal());
    }
    assert_eq!(tells(&daemon, "max-incomplete", "on")["count"], 101);
    assert_eq!(tells(&daemon, "max-incomplete", "evicted")["times"], 1);
    let alert = "%FW-4-ALERT_ON: getting aggressive, count (101/100) current 1-min rate: 101\n";
    assert!(eventually(|| daemon.stderr().contains(alert).then_some(())).is_some(), "{}", daemon.stderr());
    // A flood is told of once.
    assert_eq!(told(&daemon).len(), 2, "{:?}", told(&daemon));
    assert_eq!(heard(&clients[200..]), [0; 0]);
}

#[test]
fn two_workers_count_opening_sessions_together() {
    let (server, _silent) = silent_server();
    let daemon = start(" max-incomplete high 100\n", 2, server);
    let clients = clients(&daemon, 250);
    all_heard(&clients, 150, &daemon);
    drop(clients);
}

#[test]
fn a_domain_calms_down_when_its_opening_sessions_are_over() {
    let (server, _silent) = silent_server();
    let maps = "parameter-map type inspect limited\n tcp synwait-time 1\n max-incomplete high 20\n";
    let daemon = Daemon::start(Configuration { maps, settings: "", proxy: PROXY }, &[server]);
    let _clients = clients(&daemon, 30);
    tells(&daemon, "max-incomplete", "on");
    tells(&daemon, "max-incomplete", "off");
    assert!(daemon.stderr().contains("%FW-4-ALERT_OFF: calming down, count ("), "{}", daemon.stderr());
}

#[test]
fn above_one_minute_high_a_domain_gets_aggressive() {
    let mailbox = Mailbox::start();
    let daemon = start(" one-minute high 150\n one-minute low 100\n", 2, mailbox.address());
    let greeted = |count: usize| (0..count).for_each(|_| drop(daemon.greeted()));
    greeted(150);
    assert_eq!(told(&daemon), []);
    greeted(1);
    let on = tells(&daemon, "one-minute", "on");
    assert_eq!((&on["count"], &on["threshold"], &on["rate"]), (&json!(151), &json!(150), &json!(151)));
    // Who is served at once is no opening session for long.
    greeted(20);
}

#[test]
fn a_host_with_too_many_half_open_sessions_is_blocked() {
    let (server, _silent) = silent_server();
    let daemon = start(" tcp max-incomplete host 20 block-time 1\n", 2, server);
    let mut clients = clients(&daemon, 220);
    all_heard(&clients, 220, &daemon);
    for client in &mut clients {
        assert_eq!(client.rest(), refusal());
    }
    let blocked = tells(&daemon, "max-incomplete-host", "blocked");
    let host = json!(server.ip().to_string());
    assert_eq!(
        (&blocked["host"], &blocked["minutes"], &blocked["threshold"]),
        (&host, &json!(1), &json!(20))
    );
    let line = format!(
        "%FW-4-BLOCK_HOST: Blocking new TCP connections to host {} for 1 minutes (half-open count 20 exceeded)\n",
        server.ip()
    );
    assert!(eventually(|| daemon.stderr().contains(&line).then_some(())).is_some(), "{}", daemon.stderr());
    tells(&daemon, "max-incomplete-host", "refused");
    assert_eq!(told(&daemon).len(), 3, "{:?}", told(&daemon));
}

#[test]
fn without_block_time_only_the_oldest_half_open_session_of_a_host_goes() {
    let (server, _silent) = silent_server();
    let daemon = start(" tcp max-incomplete host 20\n", 1, server);
    let clients = clients(&daemon, 120);
    assert_eq!(all_heard(&clients, 100, &daemon), (0..100).collect::<Vec<_>>());
    tells(&daemon, "max-incomplete-host", "exceeded");
    let line = format!(
        "%FW-4-HOST_TCP_ALERT_ON: Max tcp half-open connections (20) exceeded for host {}.\n",
        server.ip()
    );
    assert!(eventually(|| daemon.stderr().contains(&line).then_some(())).is_some(), "{}", daemon.stderr());
}

#[test]
fn two_workers_have_exactly_as_many_sessions_as_there_may_be_and_a_reload_counts_on() {
    let server = Server::start(|mut wire, _| {
        wire.send("220 server.test\r\n");
        wire.rest();
    });
    let daemon = start(" sessions maximum 100\n", 2, server.address());
    let mut greeted = Vec::new();
    let mut come = |count: usize| {
        let mut refused = 0;
        for mut client in clients(&daemon, count) {
            match client.reply() {
                line if line.starts_with("220") => greeted.push(client),
                line => {
                    assert_eq!(format!("{line}\r\n"), REFUSED);
                    assert_eq!(client.rest(), (String::new(), End::Fin));
                    refused += 1;
                }
            }
        }
        (greeted.len(), refused)
    };
    assert_eq!(come(250), (100, 150));
    let reload = |most: &str| {
        let (maps, settings) = limited(most, 2);
        let configuration = Configuration { maps: &maps, settings: &settings, proxy: PROXY };
        daemon.write(configuration, &[daemon.address()]);
        assert_eq!(daemon.reload(), "applied");
    };
    reload(" sessions maximum 120\n");
    assert_eq!(come(50), (120, 30));
    reload(" sessions maximum 60\n");
    assert_eq!(come(50), (120, 50));
    // Whoever leaves makes room only below the limit.
    greeted.truncate(59);
    let ended = 120 - 59;
    assert_eq!(daemon.ended(ended).len(), ended);
    let mut last = daemon.connect();
    assert!(last.reply().starts_with("220"));
    assert_eq!(daemon.connect().rest(), refusal());
    let refused = tells(&daemon, "sessions-maximum", "refused");
    assert_eq!((&refused["threshold"], &refused["proxy"]), (&json!(100), &json!("tested")));
    let of_refused = |event: &Value| event["state"] == "refused";
    assert_eq!(daemon.named("limit").iter().filter(|event| of_refused(event)).count(), 1);
}

#[test]
fn a_session_that_is_not_limited_is_not_counted() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(
        Configuration { settings: " workers 2\n", ..Configuration::default() },
        &[mailbox.address()],
    );
    let mut before: Vec<Wire> = (0..20).map(|_| daemon.greeted()).collect();
    let (maps, settings) = limited(" sessions maximum 1\n", 2);
    daemon.write(Configuration { maps: &maps, settings: &settings, proxy: PROXY }, &[daemon.address()]);
    assert_eq!(daemon.reload(), "applied");
    let _one = daemon.greeted();
    assert_eq!(daemon.connect().rest(), refusal());
    before.iter_mut().for_each(|client| client.says("NOOP", "250"));
}

#[test]
fn a_classic_rule_has_the_thresholds_of_ios_without_being_told() {
    let (server, _silent) = silent_server();
    let maps = "ip inspect name R esmtp max-data 1000000\n";
    let configuration = Configuration { maps, settings: " workers 1\n", proxy: " ip inspect R in\n" };
    let daemon = Daemon::start(configuration, &[server]);
    let clients = clients(&daemon, 60);
    assert_eq!(all_heard(&clients, 10, &daemon), (0..10).collect::<Vec<_>>());
    assert_eq!(tells(&daemon, "max-incomplete-host", "exceeded")["threshold"], 50);
}

/// A client of 127/8.
pub(crate) fn client_at(host: Ipv4Addr, to: SocketAddr) -> Wire {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from((host, 0)).into()).expect("an address of loopback");
    socket.connect(&to.into()).expect("a connection");
    Wire::of(socket.into())
}

fn asa(limits: &str) -> String {
    format!("policy-map P\n class inspection_default\n  inspect esmtp\n  set connection {limits}\n")
}

fn start_asa(limits: &str, server: SocketAddr) -> Daemon {
    let configuration =
        Configuration { maps: &asa(limits), settings: " platform asa\n", proxy: " service-policy P\n" };
    Daemon::start(configuration, &[server])
}

#[test]
fn per_client_max_is_exact_for_each_of_many_clients() {
    let server = Server::start(|mut wire, _| {
        wire.send("220 server.test\r\n");
        wire.rest();
    });
    let daemon = start_asa("per-client-max 3", server.address());
    let hosts = (1..=60).map(|number| Ipv4Addr::new(127, 200, 0, number));
    let mut open = Vec::new();
    for host in hosts {
        let mut clients: Vec<Wire> = (0..5).map(|_| client_at(host, daemon.address())).collect();
        let served =
            clients.iter_mut().map(|client| client.reply().starts_with("220")).filter(|is| *is).count();
        assert_eq!(served, 3, "{host}");
        open.extend(clients);
    }
    let refused = tells(&daemon, "per-client-max", "refused");
    assert_eq!((&refused["policy"], &refused["class"]), (&json!("P"), &json!("inspection_default")));
    let line = "%ASA-3-201013: Per-client connection limit exceeded 3/3 for input packet from 127.200.0.1/";
    assert!(eventually(|| daemon.stderr().contains(line).then_some(())).is_some(), "{}", daemon.stderr());
}

#[test]
fn conn_max_and_embryonic_conn_max_refuse_who_comes_beyond() {
    let mailbox = Mailbox::start();
    let daemon = start_asa("conn-max 50", mailbox.address());
    let mut clients = clients(&daemon, 150);
    let served =
        clients.iter_mut().filter_map(|client| client.line()).filter(|line| line.starts_with("220")).count();
    assert_eq!(served, 50);
    let of = |limit: &str| tells(&daemon, limit, "refused")["count"].clone();
    assert_eq!(of("conn-max"), 50);

    let (silent, _silent) = silent_server();
    let daemon = start_asa("embryonic-conn-max 30", silent);
    let clients: Vec<Wire> = (0..130).map(|_| daemon.connect()).collect();
    all_heard(&clients, 100, &daemon);
    assert_eq!(tells(&daemon, "embryonic-conn-max", "refused")["count"], 30);
}

#[test]
fn a_client_behind_a_balancer_is_counted_by_its_own_address() {
    let server = Server::start(|mut wire, _| {
        wire.send("220 server.test\r\n");
        wire.rest();
    });
    let proxy = " service-policy P\n accept-proxy 127.0.0.0/8\n";
    let configuration = Configuration { maps: &asa("per-client-max 1"), settings: " platform asa\n", proxy };
    let daemon = Daemon::start(configuration, &[server.address()]);
    let client = |number: u8| {
        let mut wire = daemon.connect();
        wire.send(format!("PROXY TCP4 198.51.100.{number} 192.0.2.1 40000 25\r\n"));
        wire
    };
    let mut first = client(1);
    assert!(first.line().is_some_and(|line| line.starts_with("220")));
    let mut second = client(2);
    assert!(second.line().is_some_and(|line| line.starts_with("220")));
    assert_eq!(client(1).line().as_deref(), Some(REFUSED.trim_end()));
    let of: IpAddr = Ipv4Addr::new(198, 51, 100, 1).into();
    assert_eq!(tells(&daemon, "per-client-max", "refused")["client"]["address"], json!(of.to_string()));
}

#[test]
fn with_silent_refusals_a_client_beyond_the_limit_is_reset() {
    let mailbox = Mailbox::start();
    let (maps, _) = limited(" sessions maximum 1\n", 1);
    let configuration = Configuration { maps: &maps, settings: " refusals silent\n", proxy: PROXY };
    let daemon = Daemon::start(configuration, &[mailbox.address()]);
    let _one = daemon.greeted();
    let mut other = daemon.connect();
    assert_eq!(other.rest(), (String::new(), End::Reset));
    let mut nothing = Vec::new();
    assert!(other.into_stream().read_to_end(&mut nothing).is_ok());
}
