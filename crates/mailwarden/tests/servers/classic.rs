//! Classic inspection in front of a real server: what it overwrites the server does not know, and a client goes on.

use crate::process::Failure;
use crate::proxy::{Configuration, Proxy};
use crate::raw::Raw;
use crate::requirements;
use crate::server::{self, DOMAIN, Kind, Role};

pub(crate) fn check(kind: Kind) {
    if !requirements::servers_can_run() {
        return;
    }
    let receiver = server::start(kind, Role::Receiver);
    for (line, dialogue) in [
        ("smtp max-data 1000000", falls_back_to_helo as fn(&mut Raw) -> Result<(), Failure>),
        ("esmtp max-data 1000000", uses_what_is_shown),
        ("esmtp max-data 1000", carries_too_much),
    ] {
        let policy = &format!("ip inspect name OUT-IN {line}\n");
        let configuration = Configuration { policy, settings: "", attachment: "ip inspect OUT-IN" };
        let result = Proxy::start(configuration, receiver.address())
            .and_then(|proxy| dialogue(&mut Raw::connect(proxy.address())?));
        result.unwrap_or_else(|failure| panic!("{line}: {failure}"));
    }
    let delivered = receiver.delivered().unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(delivered.len(), 2, "one message of each session but the last");
}

/// What only ESMTP has is overwritten, and the mail is delivered without it.
fn falls_back_to_helo(client: &mut Raw) -> Result<(), Failure> {
    client.command("EHLO client.test\r\n", "50")?;
    client.command("HELO client.test\r\n", "250")?;
    client.command("STARTTLS\r\n", "50")?;
    client.command("TURN\r\n", "50")?;
    client.command("NOOP\r\n", "250")?;
    mail(client, "FROM:<anna@client.test>", 10, "250")
}

fn uses_what_is_shown(client: &mut Raw) -> Result<(), Failure> {
    let reply = client.command("EHLO client.test\r\n", "250")?;
    for keyword in ["SIZE", "8BITMIME", "PIPELINING", "STARTTLS", "SMTPUTF8"] {
        if !reply.contains(keyword) {
            return Err(format!("{keyword} is not in `{reply}`"));
        }
    }
    if reply.contains("CHUNKING") {
        return Err(format!("CHUNKING is in `{reply}`"));
    }
    client.command("XYZZY\r\n", "50")?;
    mail(client, "FROM:<anna@client.test> SIZE=1000 BODY=8BITMIME", 10, "250")
}

fn carries_too_much(client: &mut Raw) -> Result<(), Failure> {
    client.command("EHLO client.test\r\n", "250")?;
    mail(client, "FROM:<anna@client.test>", 100, "554 5.6.0")
}

fn mail(client: &mut Raw, from: &str, lines: usize, answer: &str) -> Result<(), Failure> {
    client.command(format!("MAIL {from}\r\n"), "250")?;
    client.command(format!("RCPT TO:<bob@{DOMAIN}>\r\n"), "25")?;
    client.command("DATA\r\n", "354")?;
    let text = "twenty bytes of text\r\n".repeat(lines);
    client.command(format!("Subject: classic\r\n\r\n{text}.\r\n"), answer)?;
    Ok(())
}
