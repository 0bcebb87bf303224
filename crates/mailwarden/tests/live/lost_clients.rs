//! Clients that vanish: the server learns of it, and never takes a message that its sender did not finish.

use crate::daemon::{Daemon, RULED};
use crate::server::{Host, Mailbox, Server};
use crate::wire::{End, Wire};

/// What a client says, and whether it waits for an answer.
const STEPS: [(&str, bool); 9] = [
    ("", true),
    ("EHLO client.test\r\n", true),
    ("MAIL FROM:<s@example.test>\r\n", true),
    ("RCPT TO:<r@example.test>\r\nDA", false),
    ("TA\r\n", true),
    ("Subject: one\r\nX-Long: be", false),
    ("gun\r\n and folded\r\n\r\nThe bo", false),
    ("dy.\r\n.", false),
    ("\r\n", true),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaves {
    Closed,
    Reset,
}

/// Plays the first steps and vanishes; whether an answer to the end of the message was read.
fn vanish(mut client: Wire, steps: usize, how: Leaves) -> bool {
    let mut last = String::new();
    for (number, (text, waits)) in STEPS.iter().take(steps).enumerate() {
        client.send(text);
        if *waits {
            // RCPT and DATA were sent together, and each has its answer.
            let replies = if number == 4 { 2 } else { 1 };
            (0..replies).for_each(|_| last = client.reply());
        }
    }
    if how == Leaves::Reset {
        client.reset();
    }
    last.contains("stored")
}

#[test]
fn a_client_that_vanishes_takes_its_server_connection_with_it_and_leaves_no_half_message() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(RULED, &[mailbox.address()]);
    let mut finished = 0;
    let mut sessions = 0;
    for how in [Leaves::Closed, Leaves::Reset] {
        for steps in 0..=STEPS.len() {
            finished += usize::from(vanish(daemon.connect(), steps, how));
            sessions += 1;
            let visits = mailbox.visits(sessions);
            let messages: Vec<_> = visits.iter().flat_map(|visit| &visit.messages).collect();
            assert_eq!(messages.len(), finished, "{how:?} after {steps} steps: {messages:?}");
        }
    }
    assert_eq!(finished, 2);
    daemon.ended(sessions);
    daemon.passes_clean_mail();
}

#[test]
fn a_session_whose_client_was_reset_is_over_at_once() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(RULED, &[mailbox.address()]);
    daemon.greeted().reset();
    assert_eq!(daemon.ended(1), ["client-lost"]);
    assert_eq!(mailbox.visits(1)[0].end, End::Reset);
}

#[test]
fn a_server_gets_to_answer_a_whole_message_although_its_client_is_gone() {
    let (told, answered) = std::sync::mpsc::channel();
    let (gone, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let server = Server::start(move |wire, _| {
        let mut host = Host::new(wire);
        host.wire.send("220 server.test\r\n");
        // EHLO, MAIL, RCPT
        (0..3).for_each(|_| assert!(host.command()));
        assert_eq!(host.wire.line().as_deref(), Some("DATA"));
        host.wire.send("354 go on\r\n");
        while host.wire.line().is_some_and(|line| line != ".") {}
        wait.lock().expect("a lock").recv().expect("word from the client");
        // Longer than a closed session lingers.
        let silent = host.wire.is_silent(std::time::Duration::from_millis(5500));
        host.wire.send("250 2.0.0 stored\r\n");
        host.wire.fin();
        told.send((silent, host.wire.rest().1)).expect("a listener");
    });
    let daemon = Daemon::start(RULED, &[server.address()]);
    let mut client = daemon.greeted();
    client.says("MAIL FROM:<s@example.test>", "250");
    client.says("RCPT TO:<r@example.test>", "250");
    client.says("DATA", "354");
    client.send("Subject: x\r\n\r\nx\r\n.\r\n");
    client.reset();
    gone.send(()).expect("a server");
    let (silent, end) = answered.recv().expect("an answer");
    assert!(silent, "the connection ended before the server had answered");
    assert_eq!(end, End::Fin);
    let transactions = daemon.ended(1).len();
    assert_eq!((transactions, &daemon.named("transaction")[0]["reply"]), (1, &250.into()));
}
