//! Logins that a real server refuses are counted, and block who tries and to whom it is tried: Python's poplib and imaplib
//! before Dovecot.

use std::process::Command;

use crate::mailbox_server::{MailboxServer, PASSWORD, USER};
use crate::process::{Failure, eventually, run};
use crate::proxy::{Configuration, Proxy};
use crate::requirements;

/// Logs in from a loopback address of each line, and prints what came of it.
const CLIENT: &str = r"
import imaplib, poplib, socket, sys
protocol, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
base = poplib.POP3 if protocol == 'pop3' else imaplib.IMAP4
class Client(base):
    def _create_socket(self, timeout):
        return socket.create_connection((host, port), 60, source_address=(self.source, 0))
for attempt in sys.argv[4:]:
    Client.source, user, password = attempt.split(',')
    try:
        client = Client(host, port)
        if protocol == 'pop3':
            client.user(user)
            client.pass_(password)
        else:
            client.login(user, password)
        print('in')
        client.quit() if protocol == 'pop3' else client.logout()
    except Exception as error:
        print(error)
";

/// Limits of both kinds, and nothing else.
const LIMITED: &str = "parameter-map type inspect guarded\n login maximum-failures 2 block-time 5\n";

pub(crate) fn before_dovecot() {
    if !requirements::servers_can_run() || !requirements::dovecot_can_run() {
        return;
    }
    let server = MailboxServer::start().unwrap_or_else(|failure| panic!("{failure}"));
    for protocol in ["pop3", "imap"] {
        check(&server, protocol).unwrap_or_else(|failure| panic!("{protocol}: {failure}"));
    }
}

fn check(server: &MailboxServer, protocol: &str) -> Result<(), Failure> {
    let mailboxes = server.mailboxes();
    let address = if protocol == "pop3" { mailboxes.pop3 } else { mailboxes.imap };
    let attachment = format!("protocol {protocol}\n parameter-map guarded");
    let proxy =
        Proxy::start(Configuration { policy: LIMITED, settings: "", attachment: &attachment }, address)?;
    let attempt = |source: u8, user: &str, password: &str| format!("127.0.0.{source},{user},{password}");
    let wrong = |source, user| attempt(source, user, "wrong-5");
    let right = |source| attempt(source, USER, PASSWORD);
    let attempts = [
        // A success forgets what the client failed before.
        wrong(2, USER),
        right(2),
        // Two clients try one account, and then nobody gets in there.
        wrong(3, "mallory"),
        wrong(4, "Mallory"),
        wrong(5, "mallory"),
        // One client tries two accounts, and is refused then before it says anything.
        wrong(7, "carol"),
        wrong(7, "dave"),
        right(7),
        // All others go on.
        right(8),
    ];
    let mut client = Command::new("python3");
    client.args(["-c", CLIENT, protocol]).arg(proxy.address().ip().to_string());
    client.arg(proxy.address().port().to_string()).args(attempts);
    let output = run(&mut client)?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let told: Vec<&str> = said.lines().map(outcome).collect();
    let expected = ["failed", "in", "failed", "failed", "account", "failed", "failed", "client", "in"];
    let limits = eventually(5, || {
        let events = proxy.events();
        let of =
            |limit: &str| events.iter().any(|event| event["limit"] == limit && event["state"] == "blocked");
        (of("account-logins") && of("client-logins")).then_some(())
    });
    match (told == expected, limits) {
        (true, Some(())) => Ok(()),
        _ => Err(format!("{said}\n{:?}\n{}", proxy.events(), proxy.log())),
    }
}

/// What became of an attempt, in one word.
fn outcome(line: &str) -> &'static str {
    match line {
        "in" => "in",
        _ if line.contains("Too many failed logins") => "account",
        _ if line.contains("Authentication failed") || line.contains("AUTHENTICATIONFAILED") => "failed",
        _ => "client",
    }
}
