//! Mailboxes of Dovecot, read by Python's poplib and imaplib and by curl: by every kind of login exactly as without the
//! firewall; and logins in clear text where a policy refuses them.

use std::net::SocketAddr;
use std::process::Command;

use crate::mailbox_server::{MailboxServer, PASSWORD, USER};
use crate::process::{Failure, eventually, run};
use crate::proxy::{Configuration, Proxy};
use crate::requirements;

/// Logs in by USER, APOP and under TLS, with a wrong password too, and reads the mail.
const POPLIB: &str = r#"
import poplib, ssl, sys
host, port, user, password = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
def plain(box): box.user(user); box.pass_(password)
def apop(box): box.apop(user, password)
def wrong(box): box.user(user); box.pass_('wrong')
def encrypted(box):
    context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
    box.stls(context); plain(box)
for way in (plain, apop, wrong, encrypted):
    try:
        box = poplib.POP3(host, port, timeout=60)
        way(box)
        print(way.__name__, box.stat(), box.retr(1)[1])
        box.quit()
    except (poplib.error_proto, OSError) as error:
        print(way.__name__, 'failed', error)
"#;

/// Logs in by LOGIN, AUTHENTICATE and under TLS, with a wrong password too, and reads the mail.
const IMAPLIB: &str = r#"
import imaplib, ssl, sys
host, port, user, password = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
def plain(box): box.login(user, password)
def sasl(box): box.authenticate('PLAIN', lambda _: b'\0' + user.encode() + b'\0' + password.encode())
def cram(box): box.login_cram_md5(user, password)
def wrong(box): box.login(user, 'wrong')
def encrypted(box):
    context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
    box.starttls(context); plain(box)
for way in (plain, sasl, cram, wrong, encrypted):
    try:
        box = imaplib.IMAP4(host, port, timeout=60)
        way(box)
        box.select(readonly=True)
        print(way.__name__, box.fetch('1', '(BODY[HEADER.FIELDS (SUBJECT)] BODY[TEXT])'))
        box.logout()
    except (imaplib.IMAP4.error, OSError) as error:
        print(way.__name__, 'failed', error)
"#;

pub(crate) fn pop3() {
    if !requirements::servers_can_run() || !requirements::dovecot_can_run() {
        return;
    }
    with_and_without("pop3", POPLIB, |server| server.pop3, &["AUTH=CRAM-MD5", "AUTH=LOGIN", "AUTH=+APOP"])
        .unwrap_or_else(|failure| panic!("{failure}"));
}

pub(crate) fn imap() {
    if !requirements::servers_can_run() || !requirements::dovecot_can_run() {
        return;
    }
    let options = ["AUTH=CRAM-MD5", "AUTH=LOGIN", "AUTH=PLAIN"];
    with_and_without("imap", IMAPLIB, |server| server.imap, &options)
        .unwrap_or_else(|failure| panic!("{failure}"));
}

pub(crate) fn clear_text_is_refused() {
    if !requirements::servers_can_run() || !requirements::dovecot_can_run() {
        return;
    }
    let served = [("pop3", POPLIB, "apop"), ("imap", IMAPLIB, "cram")];
    for (protocol, script, secure) in served {
        let by_class = (policy(protocol, " match login clear-text\n", "reset"), by_policy(protocol));
        let by_rule = (format!("ip inspect name R {protocol} secure-login\n"), "ip inspect R in".to_owned());
        for (policy, attachment) in [by_class, by_rule] {
            refuses(protocol, script, secure, &policy, &attachment)
                .unwrap_or_else(|failure| panic!("{protocol}, {attachment}: {failure}"));
        }
    }
}

/// What a class of these conditions does.
fn policy(protocol: &str, conditions: &str, action: &str) -> String {
    format!(
        "class-map type inspect {protocol} match-any C\n{conditions}policy-map type inspect {protocol} P\n \
         class type inspect {protocol} C\n  log\n  {action}\n"
    )
}

/// The line of a proxy that puts it in force.
fn by_policy(protocol: &str) -> String {
    format!("service-policy type inspect {protocol} P")
}

fn start(protocol: &str, policy: &str, attachment: &str, server: SocketAddr) -> Result<Proxy, Failure> {
    let attachment = format!("protocol {protocol}\n {attachment}");
    Proxy::start(Configuration { policy, settings: "", attachment: &attachment }, server)
}

fn with_and_without(
    protocol: &str,
    script: &str,
    address: impl Fn(&MailboxServer) -> SocketAddr,
    options: &[&str],
) -> Result<(), Failure> {
    let server = MailboxServer::start()?;
    // Nothing that these clients say before the login is invalid.
    let policy = policy(protocol, " match invalid-command\n", "reset");
    let proxy = start(protocol, &policy, &by_policy(protocol), address(&server))?;
    let (direct, through) = (python(script, address(&server))?, python(script, proxy.address())?);
    if direct != through || !through.contains("is no command here") {
        return Err(format!("without the firewall:\n{direct}\nthrough it:\n{through}\n{}", proxy.log()));
    }
    for option in options {
        let (direct, through) =
            (curl(protocol, option, address(&server)), curl(protocol, option, proxy.address()));
        if direct != through || direct.is_err() {
            return Err(format!("curl, {option}: without the firewall {direct:?}, through it {through:?}"));
        }
    }
    Ok(())
}

fn refuses(
    protocol: &str,
    script: &str,
    secure: &str,
    policy: &str,
    attachment: &str,
) -> Result<(), Failure> {
    let server = MailboxServer::start()?;
    let address = if protocol == "pop3" { server.pop3 } else { server.imap };
    let proxy = start(protocol, policy, attachment, address)?;
    let through = python(script, proxy.address())?;
    for line in through.lines() {
        let is_secure = line.starts_with(secure) || line.starts_with("encrypted");
        let is_refused = line.contains("clear text is not allowed");
        if is_secure == is_refused {
            return Err(format!("`{line}` in:\n{through}\n{}", proxy.log()));
        }
    }
    // Dovecot writes the passwords that it is told; under TLS it is.
    let told = eventually(5, || Some(server.log()).filter(|log| log.contains("PLAIN"))).unwrap_or_default();
    let log = proxy.log();
    let events = format!("{:?}", proxy.events());
    if [&log, &events].iter().any(|text| text.contains(PASSWORD)) || told.contains("'wrong'") {
        return Err(format!("a password in\n{log}\n{events}"));
    }
    if !log.contains("_NON_SECURE_LOGIN") || !events.contains("refused_by_policy") {
        return Err(format!("the refusal is not reported:\n{log}\n{events}"));
    }
    Ok(())
}

fn python(script: &str, address: SocketAddr) -> Result<String, Failure> {
    let mut command = Command::new("python3");
    command.args(["-c", script, &address.ip().to_string(), &address.port().to_string(), USER, PASSWORD]);
    run(&mut command).map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What curl reads of the first message.
fn curl(protocol: &str, option: &str, address: SocketAddr) -> Result<String, Failure> {
    let path = if protocol == "pop3" { "1" } else { "INBOX/;UID=1" };
    let mut command = Command::new("curl");
    command.args(["-sS", "--max-time", "60", "--login-options", option, "-u", &format!("{USER}:{PASSWORD}")]);
    command.arg(format!("{protocol}://{address}/{path}"));
    run(&mut command).map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
}
