//! Servers that are down, slow, or babble: their session ends with a name for it, and nobody else's does.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::daemon::{Configuration, Daemon, RULED, free_address};
use crate::server::{Host, Mailbox, Server};
use crate::wire::{End, Wire, eventually};

fn plain(servers: &[SocketAddr]) -> Daemon {
    Daemon::start(Configuration::default(), servers)
}

#[test]
fn without_a_server_the_client_is_told_in_place_of_a_greeting() {
    let daemon = plain(&[free_address(), free_address()]);
    assert_eq!(daemon.connect().rest(), ("421 4.3.2 Service not available\r\n".to_owned(), End::Fin));
    assert_eq!(daemon.ended(1), ["server-unreachable"]);
    let log = daemon.stderr();
    let told =
        log.lines().find(|line| line.contains("%FW-3-MAILWARDEN: proxy tested: no server for client "));
    assert!(told.is_some_and(|line| line.matches("Connection refused").count() == 2), "{log}");
}

#[test]
fn the_second_server_takes_what_the_first_does_not() {
    let mailbox = Mailbox::start();
    let daemon = plain(&[free_address(), mailbox.address()]);
    daemon.passes_clean_mail();
    assert_eq!(mailbox.visits(1)[0].messages.len(), 1);
}

#[test]
fn a_server_that_never_greets_leaves_its_client_waiting_and_hears_nothing_of_it() {
    let (heard, hears) = mpsc::channel();
    let server = Server::start(move |mut wire, number| {
        if number == 0 {
            let silent = wire.is_silent(Duration::from_millis(700));
            wire.send("220 at last\r\n");
            heard.send((silent, wire.line())).expect("a listener");
            wire.send("250 server.test\r\n");
            wire.rest();
        } else {
            Host::new(wire).serve();
        }
    });
    let daemon = plain(&[server.address()]);
    let mut client = daemon.connect();
    client.send("EHLO early.test\r\n");
    assert!(client.is_silent(Duration::from_millis(300)));
    daemon.passes_clean_mail();
    assert_eq!(hears.recv().expect("the server"), (true, Some("EHLO early.test".to_owned())));
    assert_eq!((client.reply().as_str(), client.reply().as_str()), ("220 at last", "250 server.test"));
    daemon.tells_anomaly("early-talker");
}

#[test]
fn a_server_may_speak_octet_by_octet() {
    let server = Server::start(|mut wire, _| {
        let drip = |wire: &mut Wire, text: &str| text.bytes().for_each(|octet| assert!(wire.send([octet])));
        drip(&mut wire, "220-server\r\n220 test\r\n");
        let mut in_data = false;
        while let Some(line) = wire.line() {
            in_data = line == "DATA" || in_data && line != ".";
            match line.as_str() {
                "DATA" => drip(&mut wire, "354 go on\r\n"),
                _ if in_data => {}
                _ => drip(&mut wire, "250-two\r\n250 lines\r\n"),
            }
        }
    });
    let daemon = plain(&[server.address()]);
    let mut client = daemon.greeted();
    assert!(client.message("s@example.test", "Subject: x\r\n\r\nx").starts_with("250"));
}

/// What a server may babble in place of its greeting or of its answer to a command, and the name for it.
fn babble() -> Vec<(&'static str, String)> {
    vec![
        ("bad-reply", "HTTP/1.1 400 Bad Request\r\n".to_owned()),
        ("bad-reply", "\0\x01\x02\u{7f}\r\n\r\n".to_owned()),
        ("bad-reply", "250-one\r\n251 two\r\n".to_owned()),
        ("endless-reply", "2".repeat(100_000)),
        ("endless-reply", "250-on and on\r\n".repeat(2_000)),
        ("unasked-reply", "250 one\r\n250 two\r\n250 three\r\n250 four\r\n".to_owned()),
    ]
}

#[test]
fn a_server_that_babbles_is_named_and_cut_off_and_its_neighbour_goes_on() {
    for at in 0..3 {
        let (told, ended) = mpsc::channel();
        // The first connection is the neighbour's, and each that follows is given something else.
        let server = Server::start(move |wire, number| {
            let mut host = Host::new(wire);
            let Some((_, text)) = number.checked_sub(1).and_then(|number| babble().into_iter().nth(number))
            else {
                return host.serve();
            };
            if at > 0 {
                host.wire.send("220 server.test\r\n");
                (1..at).for_each(|_| assert!(host.command()));
                host.wire.line();
            }
            host.wire.send(&text);
            told.send(host.wire.rest().1).expect("a listener");
        });
        let daemon = plain(&[server.address()]);
        let mut neighbour = daemon.greeted();
        for (number, (kind, _)) in babble().into_iter().enumerate() {
            let mut client = daemon.connect();
            client.send("EHLO client.test\r\nMAIL FROM:<s@example.test>\r\n");
            let (heard, end) = client.rest();
            assert_eq!(end, End::Fin, "{kind} at step {at}: `{heard}`");
            drop(client);
            assert_eq!(ended.recv().expect("the server"), End::Reset, "{kind} at step {at}");
            assert_eq!(daemon.ended(number + 1)[number], "refused", "{kind} at step {at}: `{heard}`");
            let told = daemon.named("anomaly").pop().expect("an anomaly");
            assert_eq!(told["kind"], kind, "step {at}");
        }
        assert!(neighbour.message("n@example.test", "Subject: x\r\n\r\nx").starts_with("250"));
    }
}

#[test]
fn a_client_hears_of_it_wherever_its_server_leaves() {
    // Greeting, EHLO, MAIL, RCPT, DATA, the message.
    for step in 0..6 {
        for resets in [false, true] {
            let server = Server::start(move |wire, _| {
                let mut host = Host::new(wire);
                let open = step > 0 && host.wire.send("220 server.test\r\n");
                let mut open = open && (1..step.min(4)).all(|_| host.command());
                open = open && host.wire.line().is_some();
                if open && step > 4 {
                    host.wire.send("354 go on\r\n");
                    host.wire.line();
                }
                if resets {
                    host.wire.reset();
                }
            });
            let daemon = plain(&[server.address()]);
            let mut client = daemon.connect();
            let last = STEPS.iter().map(|text| {
                client.send(text);
                client.reply()
            });
            let last = last.take_while(|reply| !reply.is_empty()).last().unwrap_or_default();
            let wanted = if step == 0 { "421 4.3.2" } else { "421 4.4.2" };
            assert!(last.starts_with(wanted), "step {step}, resets {resets}: `{last}`");
            assert_eq!(client.rest().1, End::Fin, "step {step}, resets {resets}");
            drop(client);
            daemon.ended(1);
        }
    }
}

#[test]
fn a_server_that_refuses_half_a_message_is_left_and_its_client_told_in_full() {
    let (told, ended) = mpsc::channel();
    let server = Server::start(move |wire, _| {
        let mut host = Host::new(wire);
        host.wire.send("220 server.test\r\n");
        (0..3).for_each(|_| assert!(host.command()));
        host.wire.line();
        host.wire.send("354 go on\r\n");
        host.wire.line();
        host.wire.send("552 5.3.4 too much\r\n");
        told.send(host.wire.rest()).expect("a listener");
    });
    let daemon = plain(&[server.address()]);
    let mut client = daemon.greeted();
    client.says("MAIL FROM:<s@example.test>", "250");
    client.says("RCPT TO:<r@example.test>", "250");
    client.says("DATA", "354");
    assert_eq!(client.command("Subject: x"), "552 5.3.4 too much");
    let (heard, end) = ended.recv().expect("the server");
    assert_eq!((heard.as_str(), end), ("", End::Reset));
    client.send("\r\nVRFY root\r\n.\r\n");
    client.says("RSET", "451 4.7.1");
    client.says("QUIT", "221 2.0.0");
    assert_eq!(client.rest(), (String::new(), End::Fin));
    drop(client);
    assert_eq!(daemon.ended(1), ["server-lost"]);
}

const STEPS: [&str; 6] = [
    "",
    "EHLO client.test\r\n",
    "MAIL FROM:<s@example.test>\r\n",
    "RCPT TO:<r@example.test>\r\n",
    "DATA\r\n",
    "Subject: x\r\n\r\nx\r\n.\r\n",
];

#[test]
fn a_server_that_reads_slowly_slows_its_client_and_costs_no_memory() {
    const BODY: usize = 64 << 20;
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let server = Server::start(move |wire, number| {
        let mut host = Host::new(wire);
        if number > 0 {
            return host.serve();
        }
        host.wire.send("220 server.test\r\n");
        (0..3).for_each(|_| assert!(host.command()));
        host.wire.line();
        host.wire.send("354 go on\r\n");
        wait.lock().expect("a lock").recv().expect("word from the test");
        let mut octets = 0;
        let mut tail = Vec::new();
        while !tail.ends_with(b"\r\n.\r\n") {
            let Ok(more) = host.wire.octets() else { return };
            octets += more.len();
            tail.extend_from_slice(&more);
            tail.drain(..tail.len().saturating_sub(5));
        }
        host.wire.send(format!("250 2.0.0 {octets} octets\r\n"));
        host.wire.rest();
    });
    let daemon = Daemon::start(RULED, &[server.address()]);
    let mut client = daemon.greeted();
    client.says("MAIL FROM:<s@example.test>", "250");
    client.says("RCPT TO:<r@example.test>", "250");
    client.says("DATA", "354");
    let before = daemon.memory();
    let stream = client.stream().try_clone().expect("a second handle");
    let progress = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&progress);
    let sender = thread::spawn(move || {
        let mut wire = Wire::of(stream);
        let text = format!("{}\r\n", "x".repeat(78)).repeat(1024);
        let mut sent = 0;
        wire.send("Subject: long\r\n\r\n");
        while sent < BODY {
            assert!(wire.send(&text), "the firewall gave up after {sent} octets");
            sent += text.len();
            progress.store(sent, Ordering::Relaxed);
        }
        wire.send(".\r\n");
        sent
    });
    daemon.passes_clean_mail();
    // What the kernel does not take on the way, the client must keep.
    let mut last = (0, Instant::now());
    let stalled = eventually(|| {
        let sent = seen.load(Ordering::Relaxed);
        if sent != last.0 {
            last = (sent, Instant::now());
        }
        (last.1.elapsed() > Duration::from_millis(200)).then_some(())
    });
    assert!(stalled.is_some() && !sender.is_finished(), "the client could send everything");
    let grown = daemon.memory().saturating_sub(before);
    assert!(grown < 1 << 20, "{grown} octets for one slow server");
    go.send(()).expect("a server");
    let sent = sender.join().expect("a sender") + "Subject: long\r\n\r\n.\r\n".len();
    assert_eq!(client.reply(), format!("250 2.0.0 {sent} octets"));
    let grown = daemon.memory().saturating_sub(before);
    assert!(grown < 2 << 20, "{grown} octets for one long message");
}
