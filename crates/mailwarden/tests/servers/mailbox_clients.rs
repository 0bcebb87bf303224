//! Programs that read a mailbox, each by every kind of login that it knows.
//!
//! Each runs twice, without the firewall and through it. It must read the same, and the server must hear the same, but
//! for what is random: tags, answers to challenges, and what is encrypted. Where logins in clear text are refused, the
//! client must read why, and the server must not hear the password.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::mailbox_server::{PASSWORD, USER};
use crate::process::{Failure, Folder, eventually};
use crate::proxy::{Configuration, Proxy};
use crate::wiretap::{Said, Wiretap};

/// A program, and how it logs in by a protocol: its own word for the method; behind it `tls`, and
/// `in-vain` where it does not read the mail.
pub(crate) struct Client {
    pub(crate) name: &'static str,
    script: &'static str,
    pub(crate) protocol: &'static str,
    ways: &'static [&'static str],
}

/// Where a mailbox is read.
pub(crate) struct Mailboxes {
    pub(crate) pop3: SocketAddr,
    pub(crate) imap: SocketAddr,
    /// Its certificate.
    pub(crate) certificate: PathBuf,
    /// What it cannot do: words of a client and its way to log in.
    pub(crate) lacks: &'static [&'static str],
}

/// A text in the only message.
pub(crate) const IN_THE_MAIL: &str = "is no command here";

/// The password as it is said in AUTH PLAIN and AUTH LOGIN.
const ENCODED: [&str; 2] = ["AHdvbmRlcmxhbmQtNw==", "d29uZGVybGFuZC03"];

macro_rules! client {
    ($name:literal, $protocol:literal, $ways:expr) => {
        Client {
            name: $name,
            script: include_str!(concat!("mailbox_clients/", $name, ".sh")),
            protocol: $protocol,
            ways: $ways,
        }
    };
}

pub(crate) const CLIENTS: &[Client] = &[
    client!("poplib", "pop3", &["USER", "APOP", "wrong in-vain", "USER tls"]),
    client!(
        "curl",
        "pop3",
        &[
            "AUTH=PLAIN",
            "AUTH=LOGIN",
            "AUTH=CRAM-MD5",
            "AUTH=DIGEST-MD5 in-vain",
            "AUTH=+APOP",
            "AUTH=PLAIN tls"
        ]
    ),
    client!("mutt", "pop3", &["user", "apop", "plain", "cram-md5", "user tls"]),
    client!("fetchmail", "pop3", &["password", "apop", "cram-md5", "password tls"]),
    client!("getmail", "pop3", &["user", "apop"]),
    client!("s-nail", "pop3", &["user", "apop", "user tls"]),
    client!("imaplib", "imap", &["LOGIN", "PLAIN", "CRAM-MD5", "wrong in-vain", "LOGIN tls"]),
    client!(
        "curl",
        "imap",
        &["AUTH=PLAIN", "AUTH=LOGIN", "AUTH=CRAM-MD5", "AUTH=DIGEST-MD5 in-vain", "AUTH=PLAIN tls"]
    ),
    client!("mutt", "imap", &["login", "plain", "cram-md5", "digest-md5", "scram-sha-256", "login tls"]),
    client!("mbsync", "imap", &["LOGIN", "PLAIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-256", "LOGIN tls"]),
    client!("fetchmail", "imap", &["password", "cram-md5", "password tls"]),
    client!("getmail", "imap", &["login", "cram-md5"]),
    client!("s-nail", "imap", &["login", "cram-md5", "login tls"]),
    client!("imapflow", "imap", &["LOGIN", "AUTH=PLAIN", "AUTH=LOGIN", "LOGIN tls"]),
    client!("nnimap", "imap", &["login", "plain", "cram-md5", "login tls"]),
];

/// A way to log in.
#[derive(Clone, Copy, Debug)]
struct Way {
    text: &'static str,
    /// The client's own word.
    method: &'static str,
    tls: bool,
    /// It does not read the mail.
    in_vain: bool,
}

impl Way {
    fn of(text: &'static str) -> Self {
        let mut words = text.split(' ');
        let method = words.next().unwrap_or_default();
        let (mut tls, mut in_vain) = (false, false);
        for word in words {
            match word {
                "tls" => tls = true,
                "in-vain" => in_vain = true,
                other => panic!("`{other}` in `{text}`"),
            }
        }
        Self { text, method, tls, in_vain }
    }

    /// Whether nobody on the way reads the password.
    fn is_secure(self) -> bool {
        let method = self.method.to_ascii_lowercase();
        self.tls || ["cram", "digest", "scram", "apop"].iter().any(|word| method.contains(word))
    }
}

impl Client {
    /// By which it gets in there, or is meant not to.
    fn ways_into<'s>(&'s self, server: &'s Mailboxes) -> impl Iterator<Item = Way> + 's {
        self.ways.iter().map(|way| Way::of(way)).filter(|way| {
            let login = format!("{} {}", self.name, way.text).to_ascii_lowercase();
            !server.lacks.iter().any(|lacking| login.contains(lacking))
        })
    }
}

impl Mailboxes {
    fn address(&self, client: &Client) -> SocketAddr {
        if client.protocol == "pop3" { self.pop3 } else { self.imap }
    }
}

/// Runs these clients without the firewall and through it, where nothing invalid passes.
pub(crate) fn same_with_and_without(server: &Mailboxes, clients: &[&Client]) -> Result<(), Failure> {
    for client in clients {
        let wire = Wiretap::start(server.address(client))?;
        let (policy, attachment) = refusing(client.protocol, "invalid-command");
        let proxy = start(client.protocol, &policy, &attachment, wire.address())?;
        for way in client.ways_into(server) {
            wire.forget();
            let direct = run(client, way, wire.address(), server)?;
            let is_over = || wire.said().iter().all(|said| said.is_over).then_some(());
            eventually(5, is_over).ok_or_else(|| format!("{way:?}: the client does not leave"))?;
            let expected = normalized(&wire.said(), client.protocol);
            wire.forget();
            let through = run(client, way, proxy.address(), server)?;
            let heard = || normalized(&wire.said(), client.protocol);
            let is_same = eventually(5, || (heard() == expected).then_some(())).is_some();
            let reads = direct.contains(IN_THE_MAIL);
            if direct != through || !is_same || reads == way.in_vain {
                return Err(format!(
                    "{way:?}\nwithout the firewall it reads:\n{direct}\nthrough it:\n{through}\n\
                     the server hears without it:\n{expected:#?}\nthrough it:\n{:#?}\n{}",
                    heard(),
                    proxy.log()
                ));
            }
        }
    }
    Ok(())
}

/// A class of this condition that refuses, and the line of a proxy that puts it in force.
pub(crate) fn refusing(protocol: &str, condition: &str) -> (String, String) {
    let policy = format!(
        "class-map type inspect {protocol} match-any C\n match {condition}\n\
         policy-map type inspect {protocol} P\n class type inspect {protocol} C\n  log\n  reset\n"
    );
    (policy, format!("service-policy type inspect {protocol} P"))
}

/// Runs these clients through a firewall that refuses what shows the password: it does not get to the server, and
/// every other way is open.
pub(crate) fn clear_text_is_refused(
    server: &Mailboxes,
    clients: &[&Client],
    refusing: fn(&str) -> (String, String),
) -> Result<(), Failure> {
    for client in clients {
        let behind = Wiretap::start(server.address(client))?;
        let (policy, attachment) = refusing(client.protocol);
        let proxy = start(client.protocol, &policy, &attachment, behind.address())?;
        let before = Wiretap::start(proxy.address())?;
        for way in client.ways_into(server) {
            behind.forget();
            before.forget();
            let read = run(client, way, before.address(), server)?;
            let answered = text(&before.said(), |said| &said.by_server);
            let reached = text(&behind.said(), |said| &said.by_client);
            let is_refused = answered.contains("clear text is not allowed");
            let reads = way.is_secure() && !way.in_vain;
            if is_refused == way.is_secure() || reads != read.contains(IN_THE_MAIL) || is_secret(&reached) {
                return Err(format!(
                    "{way:?}: it reads\n{read}\nit is answered\n{answered}\nthe server hears\n{reached}\n{}",
                    proxy.log()
                ));
            }
        }
        let told = || (proxy.log(), format!("{:?}", proxy.events()));
        let is_told = |(log, events): &(String, String)| {
            log.contains("_NON_SECURE_LOGIN") && events.contains("refused_by_policy")
        };
        let Some((log, events)) = eventually(5, || Some(told()).filter(is_told)) else {
            return Err(format!("the refusal is not reported:\n{:?}", told()));
        };
        if is_secret(&log) || is_secret(&events) {
            return Err(format!("a password in\n{log}\n{events}"));
        }
    }
    Ok(())
}

fn text(said: &[Said], by: fn(&Said) -> &Vec<u8>) -> String {
    said.iter().map(|said| String::from_utf8_lossy(by(said)).into_owned()).collect()
}

fn is_secret(text: &str) -> bool {
    text.contains(PASSWORD) || ENCODED.iter().any(|encoded| text.contains(encoded))
}

fn start(protocol: &str, policy: &str, attachment: &str, server: SocketAddr) -> Result<Proxy, Failure> {
    let attachment = format!("protocol {protocol}\n {attachment}");
    Proxy::start(Configuration { policy, settings: "", attachment: &attachment }, server)
}

/// What a client prints, with neither addresses nor folders in it.
fn run(client: &Client, way: Way, to: SocketAddr, server: &Mailboxes) -> Result<String, Failure> {
    let home = Folder::new("home");
    let script = home.write("client.sh", client.script);
    let mut command = Command::new("timeout");
    command.arg("90").arg("sh").arg(script).current_dir(home.path()).stdin(Stdio::null());
    command.env("HOME", home.path()).env("HOST", to.ip().to_string()).env("PORT", to.port().to_string());
    command.env("PROTOCOL", client.protocol).env("METHOD", way.method);
    command.env("TLS", if way.tls { "yes" } else { "no" }).env("CERT", &server.certificate);
    command.env("WHO", USER).env("PASSWORD", PASSWORD).env_remove("USER");
    if let Some(modules) = std::env::var_os("MAILWARDEN_NODE_MODULES") {
        command.env("NODE_PATH", modules);
    }
    let output = command.output().map_err(|error| format!("{}: {error}", client.name))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let home = home.path().display().to_string();
    Ok(text.replace(&to.to_string(), "SERVER").replace(&to.port().to_string(), "PORT").replace(&home, "HOME"))
}

/// What a server has heard, a text for each connection, without what is random.
fn normalized(said: &[Said], protocol: &str) -> Vec<String> {
    said.iter().map(|said| without_random(&said.by_client, protocol)).collect()
}

fn without_random(by_client: &[u8], protocol: &str) -> String {
    const TLS: &[u8] = b"\x16\x03";
    let clear = by_client.windows(2).position(|pair| pair == TLS).unwrap_or(by_client.len());
    let mut text = String::new();
    for line in String::from_utf8_lossy(&by_client[..clear]).lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match (protocol, &words[..]) {
            ("pop3", ["AUTH", mechanism, _]) => text.push_str(&format!("AUTH {mechanism} ~")),
            ("pop3", ["APOP", user, _]) => text.push_str(&format!("APOP {user} ~")),
            ("pop3", [one]) if one.len() > 4 => text.push('~'),
            ("imap", [_]) => text.push('~'),
            ("imap", [_, verb @ "AUTHENTICATE", mechanism, _]) => {
                text.push_str(&format!("TAG {verb} {mechanism} ~"));
            }
            ("imap", [_, rest @ ..]) => text.push_str(&format!("TAG {}", rest.join(" "))),
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    if clear < by_client.len() {
        text.push_str("TLS\n");
    }
    text
}
