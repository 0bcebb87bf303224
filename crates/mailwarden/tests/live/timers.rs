//! Time runs out for those who stay away.

use crate::daemon::{Configuration, Daemon};
use crate::server::{Mailbox, Server};
use crate::wire::End;

const IMPATIENT: Configuration<'_> = Configuration {
    maps: "parameter-map type inspect impatient\n tcp idle-time 1\n tcp finwait-time 1\n",
    settings: " workers 1\n",
    proxy: " parameter-map impatient\n",
};

#[test]
fn an_idle_session_is_told_so_and_ends() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(IMPATIENT, &[mailbox.address()]);
    let mut client = daemon.greeted();
    let (last, end) = client.rest();
    assert_eq!((last.as_str(), end), ("421 4.4.2 Idle for too long\r\n", End::Fin));
    assert_eq!(daemon.ended(1), ["idle"]);
    assert_eq!(mailbox.visits(1)[0].end, End::Fin);
}

#[test]
fn a_client_that_never_reads_is_cut_off_when_its_time_is_over_and_costs_no_time_of_others() {
    // The server answers every command with more than any socket takes.
    let server = Server::start(|mut wire, _| {
        wire.send("220 server.test\r\n");
        wire.line();
        wire.send("250 server.test\r\n");
        wire.line();
        let line = format!("250-{}\r\n", "x".repeat(1000));
        while wire.send(line.repeat(900) + "250 done\r\n") && wire.line().is_some() {}
    });
    let daemon = Daemon::start(IMPATIENT, &[server.address()]);
    let mut client = daemon.greeted();
    client.send("NOOP\r\n".repeat(20));
    assert_eq!(daemon.ended(1), ["idle"]);
    assert!(daemon.ticks() < 100, "{} ms on the processor: busy with nothing", daemon.ticks() * 10);
    drop(client);
}
