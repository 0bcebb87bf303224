//! Mailboxes of Dovecot, read by Python's poplib and imaplib, by curl and by mutt: by every kind of login exactly as
//! without the firewall; and logins in clear text where they are refused.
//!
//! The matrix has all clients, and Courier and Cyrus too. `scripts/test --matrix` runs it.

use crate::mailbox_clients::{
    CLIENTS, Client, Mailboxes, clear_text_is_refused, refusing, same_with_and_without,
};
use crate::mailbox_server::MailboxServer;
use crate::other_mailbox_servers::{Other, OtherServer};
use crate::process::Failure;
use crate::requirements;

pub(crate) fn pop3() {
    check("pop3");
}

pub(crate) fn imap() {
    check("imap");
}

fn check(protocol: &str) {
    if !requirements::servers_can_run() || !requirements::dovecot_can_run() {
        return;
    }
    let server = MailboxServer::start().unwrap_or_else(|failure| panic!("{failure}"));
    same_with_and_without(&server.mailboxes(), &clients(protocol))
        .unwrap_or_else(|failure| panic!("{failure}"));
}

pub(crate) fn clear_text() {
    if !requirements::servers_can_run() || !requirements::dovecot_can_run() {
        return;
    }
    let by_class: fn(&str) -> (String, String) = |protocol| refusing(protocol, "login clear-text");
    let server = MailboxServer::start().unwrap_or_else(|failure| panic!("{failure}"));
    for protocol in ["pop3", "imap"] {
        let everybody = clients(protocol);
        let python = everybody.get(..1).unwrap_or_default();
        for (refusing, clients) in [(by_class, python), (secure_login, &everybody)] {
            clear_text_is_refused(&server.mailboxes(), clients, refusing)
                .unwrap_or_else(|failure| panic!("{protocol}: {failure}"));
        }
    }
}

/// A rule of classic inspection that refuses them, and the line of a proxy that puts it in force.
fn secure_login(protocol: &str) -> (String, String) {
    (format!("ip inspect name R {protocol} secure-login\n"), "ip inspect R in".to_owned())
}

/// Those that the server tests install.
fn clients(protocol: &str) -> Vec<&'static Client> {
    let installed = |client: &&Client| ["poplib", "imaplib", "curl", "mutt"].contains(&client.name);
    CLIENTS.iter().filter(|client| client.protocol == protocol).filter(installed).collect()
}

/// All clients before Dovecot, and some before Courier and Cyrus. What fails is told at the end.
pub(crate) fn matrix() {
    if !requirements::servers_can_run() || !requirements::dovecot_can_run() {
        return;
    }
    let everybody: Vec<&Client> =
        CLIENTS.iter().filter(|client| requirements::client_can_run(client.name)).collect();
    let mut failures = Vec::new();
    let dovecot = MailboxServer::start().unwrap_or_else(|failure| panic!("{failure}"));
    one_by_one("dovecot", &dovecot.mailboxes(), &everybody, &mut failures);
    let some = |client: &&&Client| ["poplib", "imaplib", "mutt", "getmail"].contains(&client.name);
    let some: Vec<&Client> = everybody.iter().filter(some).copied().collect();
    for (name, other) in [("courier", Other::Courier), ("cyrus", Other::Cyrus)] {
        match OtherServer::start(other) {
            Ok(Some(server)) => one_by_one(name, &server.mailboxes(), &some, &mut failures),
            Ok(None) => {}
            Err(failure) => failures.push(failure),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn one_by_one(name: &str, server: &Mailboxes, clients: &[&Client], failures: &mut Vec<Failure>) {
    for client in clients {
        let same = same_with_and_without(server, &[client]);
        let refused = clear_text_is_refused(server, &[client], secure_login);
        let told = |outcome: &Result<(), Failure>| if outcome.is_ok() { "as it should" } else { "NOT SO" };
        println!(
            "{name}\t{}\t{}\tthe same: {}, clear text refused: {}",
            client.name,
            client.protocol,
            told(&same),
            told(&refused)
        );
        let of = |failure| format!("{name}, {}: {failure}", client.name);
        failures.extend([same, refused].into_iter().filter_map(Result::err).map(of));
    }
}
