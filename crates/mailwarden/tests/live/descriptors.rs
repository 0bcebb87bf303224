//! No file descriptors are left: clients wait, it is said once, and a reload finds what it needs.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, prlimit};

use crate::daemon::{Configuration, Daemon, RULED, free_address, is_listening};
use crate::server::Mailbox;
use crate::wire::{Wire, eventually};

const ONE_WORKER: Configuration<'_> = Configuration { settings: " workers 1\n", ..RULED };

#[test]
fn clients_for_whom_there_is_no_descriptor_wait_and_a_reload_goes_on() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start_limited("64", ONE_WORKER, &[mailbox.address()]);
    let mut clients: Vec<Wire> = (0..64).map(|_| daemon.connect()).collect();
    assert_eq!(shortages(&daemon, 1), 1);
    // One worker takes them in their order.
    let mut silent = clients.iter_mut().map(|client| client.is_silent(Duration::from_secs(1)));
    let served = silent.position(|silent| silent).expect("some wait");
    let mut waiting = clients.split_off(served);
    assert!(served > 4 && waiting.len() > 32, "{served} are served, {} wait", waiting.len());
    waits_quietly(&daemon, &mut waiting[0]);

    let other = free_address();
    daemon.write(ONE_WORKER, &[daemon.address(), other]);
    assert_eq!(daemon.reload(), "applied");
    assert!(is_listening(other));
    drop(clients);
    are_served(&daemon, waiting);
    assert_eq!(shortages(&daemon, 1), 1, "{}", daemon.stderr());
}

#[test]
fn a_limit_that_falls_below_what_is_open_stops_neither_sessions_nor_a_reload() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(ONE_WORKER, &[mailbox.address()]);
    let mut session = daemon.greeted();
    let open = u64::try_from(daemon.descriptors()).expect("a small number");
    let before = limit(&daemon, Some(open));
    let mut waiting: Vec<Wire> = (0..16).map(|_| daemon.connect()).collect();
    assert_eq!(shortages(&daemon, 1), 1);
    waits_quietly(&daemon, &mut waiting[15]);
    assert_eq!(daemon.reload(), "applied");
    assert!(session.message("s@example.test", "Subject: x\r\n\r\nx").starts_with("250"));

    // A number that was free below the limit was one client's, and then there was none for its server.
    waiting.retain_mut(|client| client.is_silent(Duration::from_millis(1)));
    assert!(waiting.len() > 12, "{} wait", waiting.len());
    limit(&daemon, before);
    // Sessions were shared out anew under the low limit, perhaps for this one session alone.
    assert_eq!(daemon.reload(), "applied");
    are_served(&daemon, waiting);
    assert_eq!(shortages(&daemon, 1), 1, "{}", daemon.stderr());
}

/// How often a shortage was reported, once it was as often as this.
fn shortages(daemon: &Daemon, least: usize) -> usize {
    let told = || daemon.stderr().matches("out of file descriptors").count();
    eventually(|| Some(told()).filter(|&told| told >= least)).unwrap_or_else(told)
}

/// Nobody spins while clients wait.
fn waits_quietly(daemon: &Daemon, waiting: &mut Wire) {
    let before = daemon.ticks();
    assert!(waiting.is_silent(Duration::from_secs(1)));
    let spent = daemon.ticks() - before;
    assert!(spent < 20, "{spent} ticks of a hundred while nobody could be served");
}

fn are_served(daemon: &Daemon, waiting: Vec<Wire>) {
    for mut client in waiting {
        assert!(client.reply().starts_with("220"), "{}", daemon.stderr());
        client.says("QUIT", "221");
    }
    daemon.passes_clean_mail();
}

/// Sets the soft limit of the daemon; what it was.
fn limit(daemon: &Daemon, descriptors: Option<u64>) -> Option<u64> {
    let pid = Some(daemon.pid());
    let maximum = rustix::process::getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit { current: descriptors, maximum };
    prlimit(pid, Resource::Nofile, limit).expect("a limit").current
}
