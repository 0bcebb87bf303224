//! What no program of these tests sends: commands typed one character at a time, and more of them than a map allows in a
//! second.

use crate::process::Failure;
use crate::proxy::{Configuration, Proxy};
use crate::raw::Raw;
use crate::requirements;
use crate::server::{self, Kind, Role};

pub(crate) fn check(kind: Kind) {
    if !requirements::servers_can_run() {
        return;
    }
    let receiver = server::start(kind, Role::Receiver);
    let dialogues: [(&str, &str, Dialogue); 2] = [
        ("ip inspect name R smtp\n", "ip inspect R", commands_are_whole_however_they_are_typed),
        (PACED, "inspect esmtp M", a_hasty_client_waits_and_another_does_not),
    ];
    for (policy, attachment, dialogue) in dialogues {
        let configuration = Configuration { policy, settings: "", attachment };
        Proxy::start(configuration, receiver.address())
            .and_then(|proxy| dialogue(&proxy))
            .unwrap_or_else(|failure| panic!("{policy}{failure}"));
    }
    let delivered = receiver.delivered().unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(delivered.len(), 2, "what was typed, and what did not wait");
}

type Dialogue = fn(&Proxy) -> Result<(), Failure>;

fn commands_are_whole_however_they_are_typed(proxy: &Proxy) -> Result<(), Failure> {
    let mut client = Raw::connect(proxy.address())?;
    for (line, reply) in [("HELO client.test", "250"), ("VRFY bob@example.test", "25"), ("TURN", "50")] {
        type_line(&mut client, line, reply)?;
    }
    mail(&mut client, type_line)?;
    type_line(&mut client, "QUIT", "221")?;
    client.finish();
    proxy.acted_in(1)?;
    let overwritten = proxy.events().into_iter().filter(|event| event["kind"] == "unknown-verb");
    let overwritten: Vec<_> = overwritten.map(|event| event["value"].clone()).collect();
    if overwritten == ["TURN"] { Ok(()) } else { Err(format!("{overwritten:?} were overwritten")) }
}

/// One a second, after the first.
const PACED: &str = "ASA Version 9.8(2)
policy-map type inspect esmtp M
 match cmd verb NOOP
  rate-limit 1
";

/// Thirty commands are answered in half a minute. While they wait, another client sends a mail; of a server that had
/// all thirty at once, the replies would have come first.
fn a_hasty_client_waits_and_another_does_not(proxy: &Proxy) -> Result<(), Failure> {
    let (mut hasty, mut other) = (Raw::connect(proxy.address())?, Raw::connect(proxy.address())?);
    hasty.command("EHLO client.test\r\n", "250")?;
    hasty.send("NOOP\r\n".repeat(30))?;
    hasty.expect("250")?;
    other.command("EHLO client.test\r\n", "250")?;
    mail(&mut other, say_line)?;
    other.command("QUIT\r\n", "221")?;
    let answered = 1 + hasty.lines_so_far()?;
    if answered < 30 { Ok(()) } else { Err("all were answered before the other client's mail".to_owned()) }
}

/// How a line and the start of its reply come about.
type Say = fn(&mut Raw, &str, &str) -> Result<(), Failure>;

fn say_line(client: &mut Raw, line: &str, reply: &str) -> Result<(), Failure> {
    client.command(format!("{line}\r\n"), reply).map(drop)
}

fn type_line(client: &mut Raw, line: &str, reply: &str) -> Result<(), Failure> {
    for character in line.chars() {
        client.send(character.to_string())?;
    }
    say_line(client, "", reply).map_err(|why| format!("{line}{why}"))
}

fn mail(client: &mut Raw, say: Say) -> Result<(), Failure> {
    say(client, "MAIL FROM:<anna@client.test>", "250")?;
    say(client, "RCPT TO:<bob@example.test>", "25")?;
    say(client, "DATA", "354")?;
    say(client, "Subject: by hand\r\n\r\ntext\r\n.", "250")
}
