//! SIGTERM: nobody new, farewell to the idle, and time for a message to be finished.

use std::net::TcpStream;

use rustix::process::Signal;

use crate::daemon::{Daemon, RULED, is_listening};
use crate::server::Mailbox;
use crate::wire::{End, eventually};

#[test]
fn the_idle_are_told_and_a_message_on_its_way_is_finished_first() {
    let mailbox = Mailbox::start();
    let mut daemon = Daemon::start(RULED, &[mailbox.address()]);
    let mut idle = daemon.greeted();
    let mut busy = daemon.greeted();
    busy.says("MAIL FROM:<s@example.test>", "250");
    busy.says("RCPT TO:<r@example.test>", "250");
    busy.says("DATA", "354");
    busy.send("Subject: first\r\n\r\nhalf");
    daemon.signal(Signal::TERM);
    assert_eq!(idle.rest(), ("421 4.3.2 Service shutting down\r\n".to_owned(), End::Fin));
    drop(idle);
    assert!(eventually(|| (!is_listening(daemon.address())).then_some(())).is_some());
    assert!(TcpStream::connect(daemon.address()).is_err());
    assert_eq!(daemon.has_ended(), None);
    busy.says(" and half\r\n.", "250");
    assert_eq!(busy.rest(), ("421 4.3.2 Service shutting down\r\n".to_owned(), End::Fin));
    drop(busy);
    assert_eq!(daemon.wait().code(), Some(0));
    let messages = mailbox.visits(2).into_iter().flat_map(|visit| visit.messages).collect::<Vec<_>>();
    assert_eq!(messages, ["Subject: first\n\nhalf and half\n"]);
}

#[test]
fn without_sessions_it_leaves_at_once() {
    let mailbox = Mailbox::start();
    let mut daemon = Daemon::start(RULED, &[mailbox.address()]);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn a_second_signal_means_now() {
    let mailbox = Mailbox::start();
    let mut daemon = Daemon::start(RULED, &[mailbox.address()]);
    let mut busy = daemon.greeted();
    busy.says("MAIL FROM:<s@example.test>", "250");
    busy.says("RCPT TO:<r@example.test>", "250");
    busy.says("DATA", "354");
    busy.send("Subject: never finished\r\n\r\n");
    daemon.signal(Signal::TERM);
    assert!(eventually(|| (!is_listening(daemon.address())).then_some(())).is_some());
    assert_eq!(daemon.has_ended(), None);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0));
    assert_ne!(busy.rest().1, End::Silent);
    assert_eq!(mailbox.visits(1)[0].messages, Vec::<String>::new());
    let log = daemon.stderr();
    assert!(log.contains(": stopped with 1 open session, the oldest of 127.0.0.1:"), "{log}");
}
