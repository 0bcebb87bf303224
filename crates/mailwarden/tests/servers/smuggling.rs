//! Smuggling: octets that one side reads as the end of a message and the other as its content.
//!
//! The outer mail carries a second one behind each look-alike of CRLF.CRLF. Without the firewall the tolerant server
//! must fall for it; through the firewall it must see one message or none.

use std::net::SocketAddr;

use crate::maildir;
use crate::process::Failure;
use crate::proxy::{Configuration, Proxy};
use crate::raw::Raw;
use crate::requirements;
use crate::server::{self, Kind, Role};
use crate::tolerant::{Chunking, Heard, TolerantServer};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tolerant {
    Falls,
    Resists,
}
use Tolerant::{Falls, Resists};

/// What stands between the outer mail's text and the smuggled commands, and whether the tolerant server takes it for
/// the end.
const LOOK_ALIKES: [(&[u8], Tolerant); 29] = [
    (b"\n.\n", Falls),
    (b"\n.\r", Falls),
    (b"\r.\n", Falls),
    (b"\r.\r", Falls),
    (b"\n.\r\n", Falls),
    (b"\r.\r\n", Falls),
    (b"\r\n\0.\r\n", Falls),
    (b"\r\n.\r\r\n", Falls),
    (b"\r\r\n.\r\r\n", Falls),
    (b"\r\n.\n", Falls),
    (b"\r\n.\r", Falls),
    (b"\r\n.\0\r\n", Falls),
    (b"\r\n. \r\n", Falls),
    (b"\r\n.\t\r\n", Falls),
    (b"\n\r.\r\n", Falls),
    (b"\n\n.\r\r\n", Falls),
    (b"\n\r.\n\r", Falls),
    (b"\0\n.\0\n", Falls),
    (b"\r\n\0.\0\r\n", Falls),
    (b"\r\n..\r\n", Resists),
    (b"\n..\n", Resists),
    (b"\x0b.\x0b\r\n", Resists),
    (b"\x0c.\x0c\r\n", Resists),
    (b"\r\n.\x0b\r\n", Resists),
    (b"\xc2\x85.\xc2\x85\r\n", Resists),
    (b"\xe2\x80\xa8.\xe2\x80\xa8\r\n", Resists),
    (b"\xe2\x80\xa9.\xe2\x80\xa9\r\n", Resists),
    (b"\r\n\xae\r\n", Resists),
    (b"\r\n\xe3\x80\x82\r\n", Resists),
];

const SMUGGLED: &[u8] = b"MAIL FROM:<evil@smuggled.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n\
    Message-ID: <smuggled@smuggled.test>\r\n\r\nevil\r\n.\r\nQUIT\r\n";

pub(crate) fn look_alikes_of_the_end_of_data() {
    let server = TolerantServer::start(Chunking::Offered);
    for (look_alike, tolerant) in LOOK_ALIKES {
        let heard = smuggle_to(&server, server.address(), look_alike).expect("the control run");
        let expected = if tolerant == Falls { 2 } else { 1 };
        assert_eq!(heard.messages.len(), expected, "control: {}", look_alike.escape_ascii());
    }
    if requirements::control_only() {
        return;
    }
    let mut complaints = Vec::new();
    let address = server.address();
    let attachments = [
        ("without rules", without_rules(address), 1),
        ("compat", under_a_policy("conformance compat", address), 1),
        ("standard", under_a_policy("conformance standard", address), 1),
        ("strict", under_a_policy("conformance strict", address), 0),
    ];
    for (level, proxy, at_least) in attachments {
        for (look_alike, _) in LOOK_ALIKES {
            let result = smuggle_to(&server, proxy.address(), look_alike);
            let result = result.and_then(|heard| one_message(&heard, at_least));
            if let Err(why) = result {
                complaints.push(format!("- {level}: {}: {why}", look_alike.escape_ascii()));
            }
        }
    }
    assert!(complaints.is_empty(), "smuggled through:\n{}", complaints.join("\n"));
}

/// What it does here it does by conformance `standard` alone.
fn without_rules(server: SocketAddr) -> Proxy {
    Proxy::start_without_file(server, "smtp").unwrap_or_else(|failure| panic!("{failure}"))
}

const POLICY: &str = "class-map type inspect smtp match-any c1\n match cmd verb VRFY\n\
    policy-map type inspect smtp p1\n class type inspect smtp c1\n  mask\n";

fn under_a_policy(settings: &str, server: SocketAddr) -> Proxy {
    let attachment = "service-policy type inspect smtp p1";
    let configuration = Configuration { policy: POLICY, settings, attachment };
    Proxy::start(configuration, server).unwrap_or_else(|failure| panic!("{failure}"))
}

fn smuggle_to(server: &TolerantServer, address: SocketAddr, look_alike: &[u8]) -> Result<Heard, Failure> {
    smuggle(address, look_alike)?;
    server.take()
}

fn smuggle(address: SocketAddr, look_alike: &[u8]) -> Result<(), Failure> {
    let mut client = transaction(address)?;
    client.command("DATA\r\n", "354")?;
    let outer: &[u8] = b"Message-ID: <outer@client.test>\r\n\r\nbefore";
    client.send([outer, look_alike, SMUGGLED].concat())?;
    client.finish();
    Ok(())
}

/// Up to the RCPT of an honest mail.
fn transaction(address: SocketAddr) -> Result<Raw, Failure> {
    let mut client = Raw::connect(address)?;
    client.command("EHLO client.test\r\n", "250")?;
    client.command("MAIL FROM:<carol@client.test>\r\n", "250")?;
    client.command("RCPT TO:<bob@example.test>\r\n", "250")?;
    Ok(client)
}

fn one_message(heard: &Heard, at_least: usize) -> Result<(), Failure> {
    not_fooled(heard)?;
    let count = heard.messages.len();
    let enough = (at_least..=1).contains(&count);
    if enough { Ok(()) } else { Err(format!("{count} messages: {:?}", heard.commands)) }
}

fn not_fooled(heard: &Heard) -> Result<(), Failure> {
    let fooled = heard.commands.iter().any(|command| command.contains("evil"));
    if fooled { Err(format!("the server obeyed: {:?}", heard.commands)) } else { Ok(()) }
}

/// `%` stands for the number of octets behind the command, which are commands themselves to who reads them so.
const CHUNKS: [(&str, Chunking, Tolerant); 14] = [
    ("BDAT %\r\n", Chunking::Unknown, Falls),
    ("BDAT % LAST\r\n", Chunking::Unknown, Falls),
    ("bdat % last\r\n", Chunking::Unknown, Falls),
    ("BDAT % LAST\r\n", Chunking::Offered, Resists),
    ("BDAT % LAST\n", Chunking::Offered, Resists),
    ("BDAT +%+ LAST\r\n", Chunking::Offered, Falls),
    ("BDAT 0x% LAST\r\n", Chunking::Offered, Falls),
    ("BDAT -% LAST\r\n", Chunking::Offered, Falls),
    ("BDAT %,0 LAST\r\n", Chunking::Offered, Falls),
    ("BDAT 99999999999999999999 LAST\r\n", Chunking::Offered, Falls),
    ("BDAT\r\n", Chunking::Offered, Falls),
    ("BDAT LAST %\r\n", Chunking::Offered, Falls),
    ("BDAT % FIRST\r\n", Chunking::Offered, Resists),
    ("BDAT % LAST LAST\r\n", Chunking::Offered, Resists),
];

const COMMANDS_IN_A_CHUNK: &str = "RSET\r\nMAIL FROM:<evil@smuggled.test>\r\nRCPT TO:<bob@example.test>\r\n";

pub(crate) fn chunks_read_as_commands() {
    let mut complaints = Vec::new();
    for chunking in [Chunking::Offered, Chunking::Unknown] {
        let server = TolerantServer::start(chunking);
        let rows = || CHUNKS.into_iter().filter(|(_, row, _)| *row == chunking);
        for (command, _, tolerant) in rows() {
            let heard = chunk_to(&server, server.address(), command).expect("the control run");
            let got = if not_fooled(&heard).is_err() { Falls } else { Resists };
            assert_eq!(got, tolerant, "control: {command:?} where CHUNKING is {chunking:?}");
        }
        if requirements::control_only() {
            continue;
        }
        let without_rules = without_rules(server.address());
        let under_a_policy = under_a_policy("", server.address());
        for (proxy, name) in [(&without_rules, "without rules"), (&under_a_policy, "under a policy")] {
            for (command, ..) in rows() {
                let result = chunk_to(&server, proxy.address(), command).and_then(|heard| not_fooled(&heard));
                if let Err(why) = result {
                    complaints.push(format!("- {name}: {command:?} where CHUNKING is {chunking:?}: {why}"));
                }
            }
        }
    }
    assert!(complaints.is_empty(), "chunks were obeyed:\n{}", complaints.join("\n"));
}

fn chunk_to(server: &TolerantServer, address: SocketAddr, command: &str) -> Result<Heard, Failure> {
    let mut client = transaction(address)?;
    let command = command.replace('%', &COMMANDS_IN_A_CHUNK.len().to_string());
    client.send(command + COMMANDS_IN_A_CHUNK + "QUIT\r\n")?;
    client.finish();
    server.take()
}

/// A BDAT that the masked keyword forbids costs the sender that command and nothing else.
pub(crate) fn masked_bdat_is_skipped_and_the_session_goes_on() {
    if requirements::control_only() {
        return;
    }
    let server = TolerantServer::start(Chunking::Offered);
    let proxy = under_a_policy("", server.address());
    let play = || -> Result<(), Failure> {
        let mut client = transaction(proxy.address())?;
        let chunk = format!("BDAT {} LAST\r\n{COMMANDS_IN_A_CHUNK}", COMMANDS_IN_A_CHUNK.len());
        client.command(chunk, "5")?;
        client.command("DATA\r\n", "354")?;
        client.command("Subject: after all\r\n\r\nhonest\r\n.\r\n", "250")?;
        client.command("QUIT\r\n", "221")?;
        client.finish();
        Ok(())
    };
    play().unwrap_or_else(|failure| panic!("{failure}"));
    let heard = server.take().expect("a connection");
    only_message(&heard, "Subject: after all\r\n\r\nhonest\r\n");
    let bdat = heard.commands.iter().find(|command| command.starts_with('x')).expect("the masked command");
    assert!(bdat.bytes().all(|octet| octet == b'x'), "{bdat}");
}

/// Lines of any length pass whole: a line that is cut makes lines that nobody wrote.
pub(crate) fn overlong_lines_are_not_cut() {
    let server = TolerantServer::start(Chunking::Offered);
    let dots = ".".repeat(200_000);
    let message = format!("Subject: long\r\n\r\nx{dots}\r\n");
    let send = |address| -> Result<(), Failure> {
        let mut client = transaction(address)?;
        client.command("DATA\r\n", "354")?;
        client.command(format!("{message}.\r\n"), "250")?;
        client.finish();
        Ok(())
    };
    send(server.address()).expect("the control run");
    only_message(&server.take().expect("a connection"), &message);
    if requirements::control_only() {
        return;
    }
    let proxy = without_rules(server.address());
    send(proxy.address()).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(
        server.take().expect("a connection").messages == [message.as_bytes()],
        "the line arrived changed"
    );
}

/// A sender that knows only LF, commands included; but for the end of data, which cannot be guessed.
pub(crate) fn lf_only_mail_arrives_with_crlf() {
    if requirements::control_only() {
        return;
    }
    let server = TolerantServer::start(Chunking::Offered);
    let proxy = without_rules(server.address());
    send_with_lf(proxy.address()).unwrap_or_else(|failure| panic!("{failure}"));
    let heard = server.take().expect("a connection");
    only_message(&heard, &LINES.replace('\n', "\r\n"));
}

fn only_message(heard: &Heard, expected: &str) {
    let excerpt = |octets: &[u8]| octets[..octets.len().min(200)].escape_ascii().to_string();
    let [message] = heard.messages.as_slice() else { panic!("not one message: {:?}", heard.commands) };
    let same = message == expected.as_bytes();
    assert!(same, "arrived as\n{}\ninstead of\n{}", excerpt(message), excerpt(expected.as_bytes()));
}

const LINES: &str = "Message-ID: <lines@client.test>\nDate: Mon, 02 Mar 2026 10:00:00 +0000\nFrom: carol@client.test\n\
    Subject: by a shell script\n\none\n two\n\nthree\n";

fn send_with_lf(address: SocketAddr) -> Result<(), Failure> {
    let mut client = Raw::connect(address)?;
    client.command("EHLO client.test\n", "250")?;
    client.command("MAIL FROM:<carol@client.test>\n", "250")?;
    client.command("RCPT TO:<bob@example.test>\n", "250")?;
    client.command("DATA\n", "354")?;
    let (all_but_the_last, _) = LINES.split_at(LINES.len() - 1);
    client.command(format!("{all_but_the_last}\r\n.\r\n"), "250")?;
    client.command("QUIT\n", "221")?;
    client.finish();
    Ok(())
}

fn send_with_crlf(address: SocketAddr) -> Result<(), Failure> {
    let mut client = transaction(address)?;
    client.command("DATA\r\n", "354")?;
    client.command(LINES.replace('\n', "\r\n") + ".\r\n", "250")?;
    client.finish();
    Ok(())
}

/// The same before a server that people run: Postfix 3.7 in its default configuration falls for three of them.
pub(crate) fn postfix_is_protected() {
    const ENDS_FOR_POSTFIX: [&[u8]; 3] = [b"\n.\n", b"\n.\r\n", b"\r\n.\n"];
    if !requirements::servers_can_run() {
        return;
    }
    let server = server::start(Kind::Postfix, Role::Receiver);
    for look_alike in ENDS_FOR_POSTFIX {
        smuggle(server.address(), look_alike).expect("the control run");
    }
    send_with_crlf(server.address()).expect("the control run");
    let control = server.delivered().expect("the control run");
    let smuggled =
        |deliveries: &[maildir::Delivery]| deliveries.iter().filter(|d| d.message_id == "smuggled").count();
    assert_eq!((smuggled(&control), control.len()), (3, 7), "control: smuggled, and delivered at all");
    if requirements::control_only() {
        return;
    }
    let proxy = without_rules(server.address());
    for look_alike in ENDS_FOR_POSTFIX {
        smuggle(proxy.address(), look_alike).unwrap_or_else(|failure| panic!("{failure}"));
    }
    send_with_lf(proxy.address()).unwrap_or_else(|failure| panic!("{failure}"));
    let through = server.delivered().unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!((smuggled(&through), through.len()), (0, 4), "smuggled, and delivered at all");
    let lines = |deliveries: &[maildir::Delivery]| {
        deliveries.iter().filter(|d| d.message_id == "lines").cloned().collect::<Vec<_>>()
    };
    assert_eq!(maildir::differences(&lines(&control), &lines(&through)), Vec::<String>::new());
}
