//! The stages of a session with Dovecot's mailboxes under rules of classic inspection: up to the login every command is
//! validated, behind it and under TLS none, and behind QUIT or LOGOUT nothing passes.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use crate::mailbox_server::{MailboxServer, PASSWORD, USER};
use crate::process::{Failure, eventually, run};
use crate::proxy::{Configuration, Proxy};
use crate::requirements;
use crate::wiretap::Wiretap;

/// A session: what the client says, and how the answer to it begins. `PASSWORD` stands for the password.
struct Session {
    what: &'static str,
    protocol: &'static str,
    talk: &'static [(&'static str, &'static str)],
    /// How what the server hears ends.
    heard: &'static str,
    /// Why the session ended.
    reason: &'static str,
}

const NOT_YET: &str = "Command not valid before login";

const SESSIONS: &[Session] = &[
    Session {
        what: "a command of another stage, first of all",
        protocol: "pop3",
        talk: &[("", "+OK"), ("STAT", "-ERR Command not valid before login")],
        heard: "",
        reason: "refused",
    },
    Session {
        what: "one between USER and PASS",
        protocol: "pop3",
        talk: &[("", "+OK"), ("USER alice", "+OK"), ("RETR 1", "-ERR Command not valid before login")],
        heard: "USER alice\r\n",
        reason: "refused",
    },
    Session {
        what: "one behind a refused password",
        protocol: "pop3",
        talk: &[
            ("", "+OK"),
            ("USER alice", "+OK"),
            ("PASS wrong", "-ERR [AUTH]"),
            ("LIST", "-ERR Command not valid before login"),
        ],
        heard: "PASS wrong\r\n",
        reason: "refused",
    },
    Session {
        what: "one behind an exchange that was given up",
        protocol: "pop3",
        talk: &[
            ("", "+OK"),
            ("AUTH PLAIN", "+"),
            ("*", "-ERR"),
            ("UIDL", "-ERR Command not valid before login"),
        ],
        heard: "*\r\n",
        reason: "refused",
    },
    Session {
        what: "any command behind the login",
        protocol: "pop3",
        talk: &[
            ("", "+OK"),
            ("USER alice", "+OK"),
            ("PASS PASSWORD", "+OK Logged in"),
            ("XYZZY", "-ERR Unknown command"),
            ("STAT", "+OK 1"),
            ("QUIT", "+OK"),
        ],
        heard: "XYZZY\r\nSTAT\r\nQUIT\r\n",
        reason: "closed",
    },
    Session {
        what: "nothing behind QUIT",
        protocol: "pop3",
        talk: &[
            ("", "+OK"),
            ("USER alice", "+OK"),
            ("PASS PASSWORD", "+OK Logged in"),
            ("QUIT\r\nDELE 1\r\nQUIT", "-ERR Command after QUIT"),
        ],
        heard: "QUIT\r\n",
        reason: "refused",
    },
    Session {
        what: "a command of another stage, first of all",
        protocol: "imap",
        talk: &[("", "* OK"), ("a SELECT INBOX", "a BAD Command not valid before login")],
        heard: "",
        reason: "refused",
    },
    Session {
        what: "one behind a refused password, and an OK that is no login",
        protocol: "imap",
        talk: &[
            ("", "* OK"),
            ("a LOGIN alice wrong", "a NO"),
            ("b NOOP", "b OK"),
            ("c LIST \"\" *", "c BAD Command not valid before login"),
        ],
        heard: "b NOOP\r\n",
        reason: "refused",
    },
    Session {
        what: "any command behind the login, with literals",
        protocol: "imap",
        talk: &[
            ("", "* OK"),
            ("a LOGIN {5}", "+ OK"),
            ("alice PASSWORD", "a OK"),
            ("b XYZZY", "b BAD Error in IMAP command XYZZY"),
            ("c SELECT INBOX", "c OK"),
            ("d LOGOUT", "d OK"),
        ],
        heard: "b XYZZY\r\nc SELECT INBOX\r\nd LOGOUT\r\n",
        reason: "closed",
    },
    Session {
        what: "nothing behind LOGOUT",
        protocol: "imap",
        talk: &[
            ("", "* OK"),
            ("a LOGIN alice PASSWORD", "a OK"),
            ("b LOGOUT\r\nc SELECT INBOX\r\nd CLOSE", "c BAD Command after LOGOUT"),
        ],
        heard: "b LOGOUT\r\n",
        reason: "refused",
    },
];

/// Under TLS a command that is none is the server's business, and the login behind it counts as secure.
const ENCRYPTED: &str = r#"
import imaplib, poplib, ssl, sys
host, port, user, password = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
if sys.argv[5] == 'pop3':
    box = poplib.POP3(host, port, timeout=60)
    box.stls(context)
    try: box._shortcmd('XYZZY')
    except poplib.error_proto as error: print(error)
    box.user(user); box.pass_(password); print(box.stat()); box.quit()
else:
    box = imaplib.IMAP4(host, port, timeout=60)
    box.starttls(context)
    try: print(box.xatom('XYZZY'))
    except imaplib.IMAP4.error as error: print(error)
    box.login(user, password); print(box.select()); box.logout()
"#;

pub(crate) fn up_to_the_login_and_behind_it() {
    if !requirements::servers_can_run() || !requirements::dovecot_can_run() {
        return;
    }
    let server = MailboxServer::start().unwrap_or_else(|failure| panic!("{failure}"));
    for session in SESSIONS {
        play(&server, session)
            .unwrap_or_else(|failure| panic!("{}, {}: {failure}", session.protocol, session.what));
    }
}

pub(crate) fn reset_by_the_option() {
    if !requirements::servers_can_run() || !requirements::dovecot_can_run() {
        return;
    }
    let server = MailboxServer::start().unwrap_or_else(|failure| panic!("{failure}"));
    for (protocol, line) in [("pop3", "XYZZY\r\n"), ("imap", "a XYZZY\r\n")] {
        reset(&server, protocol, line).unwrap_or_else(|failure| panic!("{protocol}: {failure}"));
    }
}

/// Nothing answers the line but RST, and the server does not hear of it.
fn reset(server: &MailboxServer, protocol: &str, line: &str) -> Result<(), Failure> {
    let wire = Wiretap::start(address(server, protocol))?;
    let proxy = start(protocol, " reset", &wire)?;
    let mut stream = TcpStream::connect(proxy.address()).map_err(told)?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).map_err(told)?;
    let mut hears = BufReader::new(stream.try_clone().map_err(told)?);
    hears.read_line(&mut String::new()).map_err(told)?;
    stream.write_all(line.as_bytes()).map_err(told)?;
    let mut answer = String::new();
    match hears.read_line(&mut answer) {
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        other => return Err(format!("{other:?}, `{answer}`")),
    }
    let anomaly = || proxy.events().into_iter().find(|event| event["kind"] == "invalid-command");
    let treatment = eventually(10, anomaly).ok_or("no event of the command")?["treatment"].clone();
    if treatment == "reset" { Ok(()) } else { Err(format!("treated as {treatment}")) }
}

pub(crate) fn under_tls() {
    if !requirements::servers_can_run() || !requirements::dovecot_can_run() {
        return;
    }
    let server = MailboxServer::start().unwrap_or_else(|failure| panic!("{failure}"));
    for protocol in ["pop3", "imap"] {
        encrypted(&server, protocol).unwrap_or_else(|failure| panic!("{protocol}: {failure}"));
    }
}

fn start(protocol: &str, options: &str, wire: &Wiretap) -> Result<Proxy, Failure> {
    let policy = format!("ip inspect name R {protocol}{options}\n");
    let attachment = format!("protocol {protocol}\n ip inspect R in");
    Proxy::start(Configuration { policy: &policy, settings: "", attachment: &attachment }, wire.address())
}

fn address(server: &MailboxServer, protocol: &str) -> std::net::SocketAddr {
    let mailboxes = server.mailboxes();
    if protocol == "pop3" { mailboxes.pop3 } else { mailboxes.imap }
}

fn play(server: &MailboxServer, session: &Session) -> Result<(), Failure> {
    let wire = Wiretap::start(address(server, session.protocol))?;
    let proxy = start(session.protocol, "", &wire)?;
    let stream = TcpStream::connect(proxy.address()).map_err(told)?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).map_err(told)?;
    let (mut says, mut hears) = (stream.try_clone().map_err(told)?, BufReader::new(stream));
    for (say, answer) in session.talk {
        if !say.is_empty() {
            says.write_all(format!("{}\r\n", say.replace("PASSWORD", PASSWORD)).as_bytes()).map_err(told)?;
        }
        let mut said = String::new();
        // Untagged lines come before the end of a command.
        while !said.lines().last().unwrap_or_default().starts_with(answer) {
            let before = said.len();
            hears.read_line(&mut said).map_err(|error| format!("`{say}`: {error} behind `{said}`"))?;
            if said.len() == before {
                return Err(format!("`{say}` is answered `{said}`"));
            }
        }
    }
    drop((says, hears));
    let end = || {
        let events = proxy.events();
        events.iter().find(|event| event["event"] == "session_end").map(|event| event["reason"].clone())
    };
    let reason = eventually(10, end).ok_or("the session does not end")?;
    if reason != session.reason {
        return Err(format!("it ended for {reason}"));
    }
    let heard: String = wire.said().iter().map(|said| String::from_utf8_lossy(&said.by_client)).collect();
    let is_invalid = session.talk.iter().any(|(_, answer)| answer.contains(NOT_YET));
    let is_told = proxy.log().contains("_INVALID_COMMAND");
    if !heard.ends_with(session.heard)
        || session.heard.is_empty() != heard.is_empty()
        || is_invalid != is_told
    {
        return Err(format!("the server hears `{heard}`\n{}", proxy.log()));
    }
    Ok(())
}

fn encrypted(server: &MailboxServer, protocol: &str) -> Result<(), Failure> {
    let wire = Wiretap::start(address(server, protocol))?;
    let proxy = start(protocol, " secure-login", &wire)?;
    let to = proxy.address();
    let mut command = Command::new("python3");
    command.args(["-c", ENCRYPTED, &to.ip().to_string(), &to.port().to_string(), USER, PASSWORD, protocol]);
    let printed = run(&mut command).map(|output| String::from_utf8_lossy(&output.stdout).into_owned())?;
    let is_the_servers = printed.contains("Unknown command") || printed.contains("Error in IMAP command");
    let reads = printed.contains("(1, ") || printed.contains("('OK', [b'1'])");
    let is_told = eventually(5, || proxy.events().iter().any(|event| event["event"] == "tls").then_some(()));
    if !is_the_servers || !reads || is_told.is_none() || proxy.log().contains("_INVALID_COMMAND") {
        return Err(format!("{printed}\n{}", proxy.log()));
    }
    Ok(())
}

fn told(error: std::io::Error) -> Failure {
    error.to_string()
}
