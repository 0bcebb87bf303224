//! Inspection as an ASA has it in front of a real server: by the built-in map, by a map of the user's, and by classes
//! whose access list exempts a client.

use crate::process::Failure;
use crate::proxy::{Configuration, Proxy};
use crate::raw::Raw;
use crate::requirements;
use crate::server::{self, DOMAIN, Kind, Role};

/// The map of the guide, with the limits that a test can reach.
const MAP: &str = r"ASA Version 9.8(2)
regex BAD_SENDER1 @abc\.com
class-map type regex match-any BAD_SENDERS
 match regex BAD_SENDER1
policy-map type inspect esmtp L7_EMAIL_MAP
 parameters
  no allow-tls
  special-character action drop-connection log
 match body length gt 35000
  drop-connection log
 match sender-address regex class BAD_SENDERS
  drop-connection
 match cmd verb VRFY
  mask log
 match header to-fields count gt 2
  reset log
 match mime filetype regex EXECUTABLE
  drop-connection log
regex EXECUTABLE \.exe
";

/// The same, for connections that the list permits: the client of these tests is exempt.
const EXEMPT: &str = "access-list email deny tcp 127.0.0.0 255.0.0.0 any eq smtp
access-list email permit tcp any any eq 25
class-map L3_email_class_map
 match access-list email
policy-map L3_outside_policy
 class L3_email_class_map
  inspect esmtp L7_EMAIL_MAP
service-policy L3_outside_policy interface outside
";

pub(crate) fn check(kind: Kind) {
    if !requirements::servers_can_run() {
        return;
    }
    let receiver = server::start(kind, Role::Receiver);
    let exempt = format!("{MAP}{EXEMPT}");
    let permitted = exempt.replace("deny tcp 127.0.0.0 255.0.0.0", "deny tcp 192.0.2.0 255.255.255.0");
    let dialogues: [(&str, &str, &str, Dialogue); 7] = [
        ("", "inspect esmtp", "the built-in map", under_the_built_in_map),
        ("", "inspect esmtp", "a pipe", a_pipe),
        (MAP, "inspect esmtp L7_EMAIL_MAP", "a map of the user's", under_a_map),
        (MAP, "inspect esmtp L7_EMAIL_MAP", "a long body", a_long_body),
        (MAP, "inspect esmtp L7_EMAIL_MAP", "a bad sender", a_bad_sender),
        (&permitted, "service-policy L3_outside_policy", "in the class", a_bad_sender),
        (&exempt, "service-policy L3_outside_policy", "exempt", an_exempt_client),
    ];
    for (policy, attachment, what, dialogue) in dialogues {
        let configuration = Configuration { policy, settings: "", attachment };
        let result = Proxy::start(configuration, receiver.address())
            .and_then(|proxy| dialogue(&mut Raw::connect(proxy.address())?));
        result.unwrap_or_else(|failure| panic!("{what}: {failure}"));
    }
    let delivered = receiver.delivered().unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(delivered.len(), 3, "by the built-in map, by that of the user, and of the exempt client");
}

type Dialogue = fn(&mut Raw) -> Result<(), Failure>;

fn under_the_built_in_map(client: &mut Raw) -> Result<(), Failure> {
    let reply = client.command("EHLO client.test\r\n", "250")?;
    for keyword in ["SIZE", "8BITMIME", "PIPELINING", "STARTTLS", "SMTPUTF8"] {
        if !reply.contains(keyword) {
            return Err(format!("{keyword} is not in `{reply}`"));
        }
    }
    if reply.contains("CHUNKING") {
        return Err(format!("CHUNKING is in `{reply}`"));
    }
    client.command("EXPN staff\r\n", "50")?;
    client.command("XYZZY\r\n", "50")?;
    mail(client, "anna@client.test", "To: bob@example.test", 10, "250")
}

fn a_pipe(client: &mut Raw) -> Result<(), Failure> {
    client.command("EHLO client.test\r\n", "250")?;
    client.command("MAIL FROM:<a|b@client.test>\r\n", "553 5.1.3").map(drop)
}

fn under_a_map(client: &mut Raw) -> Result<(), Failure> {
    let reply = client.command("EHLO client.test\r\n", "250")?;
    if reply.contains("STARTTLS") {
        return Err(format!("STARTTLS is in `{reply}`"));
    }
    client.command("STARTTLS\r\n", "50")?;
    client.command("VRFY bob\r\n", "50")?;
    mail(client, "anna@client.test", "To: bob@example.test, ann@example.test", 10, "250")?;
    mail(client, "anna@client.test", "To: a@x.test, b@x.test\r\nTo: c@x.test", 10, "554")
}

fn a_long_body(client: &mut Raw) -> Result<(), Failure> {
    client.command("EHLO client.test\r\n", "250")?;
    mail(client, "anna@client.test", "To: bob@example.test", 1600, "554 5.6.0")
}

fn a_bad_sender(client: &mut Raw) -> Result<(), Failure> {
    client.command("EHLO client.test\r\n", "250")?;
    client.command("MAIL FROM:<x@abc.com>\r\n", "550 5.7.1").map(drop)
}

fn an_exempt_client(client: &mut Raw) -> Result<(), Failure> {
    let reply = client.command("EHLO client.test\r\n", "250")?;
    if !reply.contains("STARTTLS") {
        return Err(format!("STARTTLS is not in `{reply}`"));
    }
    mail(client, "x@abc.com", "To: bob@example.test", 1600, "250")
}

fn mail(client: &mut Raw, from: &str, fields: &str, lines: usize, answer: &str) -> Result<(), Failure> {
    client.command(format!("MAIL FROM:<{from}>\r\n"), "250")?;
    client.command(format!("RCPT TO:<bob@{DOMAIN}>\r\n"), "25")?;
    client.command("DATA\r\n", "354")?;
    let text = "twenty bytes of text\r\n".repeat(lines);
    client.command(format!("{fields}\r\nSubject: asa\r\n\r\n{text}.\r\n"), answer)?;
    Ok(())
}
