//! What the mail servers of these tests have in common: the role they are started in and the questions they answer.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::exim::Exim;
use crate::maildir::{self, Delivery, REPORTS};
use crate::opensmtpd::OpenSmtpd;
use crate::postfix::Postfix;
use crate::process::{Failure, Folder, eventually, free_address, run};
use crate::sendmail::Sendmail;

/// The domain the receivers serve.
pub(crate) const DOMAIN: &str = "example.test";
/// The same mailboxes; a sender uses STARTTLS for it, and insists.
pub(crate) const TLS_DOMAIN: &str = "tls.test";
/// Where the senders' own bounces go, to be dropped: what they say is read from the log.
pub(crate) const ORIGIN_DOMAIN: &str = "origin.test";

pub(crate) trait MailServer {
    fn name(&self) -> &'static str;
    fn address(&self) -> SocketAddr;
    fn folder(&self) -> &Folder;
    /// The folders in which a message lies between acceptance and delivery.
    fn queue(&self) -> Vec<PathBuf>;
    fn log(&self) -> String;
    /// As a sender: starts to deliver what was queued, to this address.
    fn run_queue(&mut self, next_hop: SocketAddr) -> Result<(), Failure>;
    /// The same, of a server that was refused before only what it would try by itself.
    fn run_queue_in_turn(&mut self, next_hop: SocketAddr) -> Result<(), Failure> {
        self.run_queue(next_hop)
    }
    /// As a sender: `recipient reply` of every recipient the next hop refused.
    fn refused_recipients(&self) -> BTreeSet<String>;
}

impl dyn MailServer + '_ {
    /// What was delivered, once nothing is under way any more.
    pub(crate) fn delivered(&self) -> Result<Vec<Delivery>, Failure> {
        self.wait_until_idle(60)?;
        maildir::take(&self.folder().join("mail"))
    }

    pub(crate) fn wait_until_idle(&self, seconds: u64) -> Result<(), Failure> {
        let idle = eventually(seconds, || self.queue().iter().all(|folder| is_empty(folder)).then_some(()));
        idle.ok_or_else(|| {
            let log = self.log();
            let is_deferred =
                |line: &&str| line.contains("status=deferred") && !line.contains("(deferred transport)");
            let deferred = log.lines().filter(is_deferred).take(10);
            let deferred: Vec<&str> = deferred.collect();
            let (name, deferred, end) = (self.name(), deferred.join("\n"), self.log_end());
            format!("{name} still has mail in its queue; it was deferred:\n{deferred}\nits log ends:\n{end}")
        })
    }

    pub(crate) fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// Which of them, for tests that run the same with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Postfix,
    Exim,
    /// Only as a sender, and only in the matrix.
    OpenSmtpd,
    /// Only as a sender, and only in the matrix.
    Sendmail,
}

/// Receivers deliver mail for [`DOMAIN`] into Maildirs; senders queue what they get until `run_queue`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Receiver,
    Sender,
}

pub(crate) fn start(kind: Kind, role: Role) -> Box<dyn MailServer> {
    let started: Result<Box<dyn MailServer>, Failure> = match kind {
        Kind::Postfix => Postfix::start(role).map(|server| Box::new(server) as _),
        Kind::Exim => Exim::start(role).map(|server| Box::new(server) as _),
        Kind::OpenSmtpd => OpenSmtpd::start().map(|server| Box::new(server) as _),
        Kind::Sendmail => Sendmail::start().map(|server| Box::new(server) as _),
    };
    started.unwrap_or_else(|failure| panic!("{kind:?} as {role:?}: {failure}"))
}

/// The local parts that get mail. Everybody else is refused at RCPT, so `x00` may stand for a harvester's guess.
pub(crate) fn mailboxes() -> impl Iterator<Item = String> {
    let named = ["alice", "bob", "username", "rené", REPORTS].map(str::to_owned);
    named.into_iter().chain((0..50).map(|number| format!("r{number:02}")))
}

/// A self-signed certificate, `cert.pem` and `key.pem`; an EC key, because an RSA key takes longer than the server.
pub(crate) fn certificate(folder: &Folder) -> Result<(), Failure> {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    openssl.args(["-days", "30", "-subj", "/CN=mail.example.test", "-keyout"]).arg(folder.join("key.pem"));
    // Some clients compare an address with the names.
    let host = free_address().ip();
    let names = format!("subjectAltName=DNS:mail.example.test,DNS:{host},IP:{host}");
    openssl.arg("-addext").arg(names);
    openssl.arg("-out").arg(folder.join("cert.pem"));
    run(&mut openssl).map(drop)
}

/// No file below, at any depth.
fn is_empty(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return true };
    entries
        .flatten()
        .all(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()) && is_empty(&entry.path()))
}
