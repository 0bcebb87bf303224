//! LMTP between Postfix, swaks and a client of our own on one side, and Dovecot on the other: each accepted recipient
//! has its reply, the server's or ours.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;

use crate::dovecot::{Dovecot, FULL, mailbox};
use crate::maildir;
use crate::postfix::Postfix;
use crate::process::{Failure, eventually};
use crate::proxy::{Configuration, Proxy};
use crate::raw::Raw;
use crate::requirements;
use crate::server::{MailServer, Role};

const POLICY: &str = "parameter-map type regex LOTTERY
 pattern \"^Subject: .*lottery\"
class-map type inspect smtp match-any SPAM
 match header regex LOTTERY
policy-map type inspect smtp BOXES
 class type inspect smtp SPAM
  reset
";

/// Two that are accepted, one that is told at the end of data that its mailbox is full, and one that is refused at once.
const RECIPIENTS: [&str; 4] = ["alice", FULL, "nobody", "bob"];

pub(crate) fn postfix_delivers_to_dovecot() {
    if !requirements::servers_can_run() || !requirements::dovecot_can_run() {
        return;
    }
    let done = delivered(None).and_then(|control| {
        let through = delivered(Some("service-policy type inspect smtp BOXES"))?;
        compare(&control, &through)
    });
    done.unwrap_or_else(|failure| panic!("{failure}"));
}

pub(crate) fn clients_get_a_reply_for_each_recipient() {
    if !requirements::servers_can_run() || !requirements::dovecot_can_run() {
        return;
    }
    let told = chunks().and_then(|()| swaks()).and_then(|()| events());
    told.unwrap_or_else(|failure| panic!("{failure}"));
}

pub(crate) fn dovecot_knows_its_client() {
    if !requirements::servers_can_run() || !requirements::dovecot_can_run() {
        return;
    }
    for line in ["send-proxy v1", "send-proxy v2", "send-xclient"] {
        introduced(line).unwrap_or_else(|failure| panic!("{line}: {failure}"));
    }
}

/// What became of two messages of Postfix's: for each recipient the status and what it was told, and what is in the
/// mailboxes.
#[derive(Debug)]
struct Outcome {
    statuses: BTreeMap<(String, String), String>,
    mailboxes: Vec<(String, String)>,
}

fn delivered(attachment: Option<&str>) -> Result<Outcome, Failure> {
    let dovecot = Dovecot::start()?;
    let proxy = attachment.map(|attachment| before(dovecot.address(), attachment)).transpose()?;
    let hop = proxy.as_ref().map_or_else(|| dovecot.address(), Proxy::address);
    let mut postfix = Postfix::start(Role::Sender)?;
    for subject in ["hello", "lottery"] {
        let mut client = Raw::connect(postfix.address())?;
        client.command("EHLO client.test\r\n", "250")?;
        client.command(format!("MAIL FROM:<{subject}@origin.test>\r\n"), "250")?;
        for user in RECIPIENTS {
            client.command(format!("RCPT TO:<{}>\r\n", mailbox(user)), "250")?;
        }
        client.command("DATA\r\n", "354")?;
        let fields = format!("Message-ID: <{subject}@client.test>\r\nSubject: the {subject}");
        client.command(format!("{fields}\r\n\r\na text of some length\r\n.\r\n"), "250")?;
        client.command("QUIT\r\n", "221")?;
    }
    postfix.run_queue_by_lmtp(hop)?;
    (&postfix as &dyn MailServer).wait_until_idle(60)?;
    let deliveries = maildir::take(&dovecot.folder().join("mail"))?;
    let mailboxes = deliveries.into_iter().map(|copy| (copy.mailbox, copy.message_id)).collect();
    Ok(Outcome { statuses: statuses(&postfix.log()), mailboxes })
}

/// By sender and recipient: `sent 250 2.0.0`, or `bounced`, and the first words of the reply.
fn statuses(log: &str) -> BTreeMap<(String, String), String> {
    let from = |queue_id: &str| {
        let line = log.lines().find(|line| line.contains(queue_id) && line.contains(" from=<"))?;
        Some(line.split_once(" from=<")?.1.split_once('@')?.0.to_owned())
    };
    let told = log.lines().filter_map(|line| {
        let (head, rest) = line.split_once(" to=<")?;
        let (recipient, rest) = rest.split_once('@')?;
        let (status, said) = rest.split_once(" status=")?.1.split_once(" (")?;
        let said = said.split_once(" said: ").map_or(said, |(_, said)| said);
        let codes: Vec<&str> = said.splitn(3, ' ').take(2).collect();
        let queue_id = head.rsplit(' ').next()?.trim_end_matches(':');
        Some(((from(queue_id)?, recipient.to_owned()), format!("{status} {}", codes.join(" "))))
    });
    told.filter(|((from, _), _)| !from.is_empty()).collect()
}

fn compare(control: &Outcome, through: &Outcome) -> Result<(), Failure> {
    let status = |outcome: &Outcome, subject: &str, user: &str| {
        outcome.statuses.get(&(subject.to_owned(), user.to_owned())).cloned().unwrap_or_default()
    };
    for (user, expected) in
        RECIPIENTS.iter().zip(["sent 250 2.0.0", "bounced 552 5.2.2", "bounced 550 5.1.1", "sent 250 2.0.0"])
    {
        for (outcome, subject) in [(control, "hello"), (control, "lottery"), (through, "hello")] {
            let found = status(outcome, subject, user);
            if found != expected {
                return Err(format!("{user}, {subject}: `{found}`, not `{expected}`: {outcome:?}"));
            }
        }
        let refused = if *user == "nobody" { "bounced 550 5.1.1" } else { "bounced 554 5.7.1" };
        if status(through, "lottery", user) != refused {
            return Err(format!("{user} is not told of the refusal: {through:?}"));
        }
    }
    let legitimate: Vec<_> = control.mailboxes.iter().filter(|(_, id)| id == "hello").cloned().collect();
    match legitimate.len() == 2 && legitimate == through.mailboxes {
        true => Ok(()),
        false => Err(format!("not the same is delivered: {control:?}, {through:?}")),
    }
}

fn before(server: SocketAddr, attachment: &str) -> Result<Proxy, Failure> {
    let attachment = format!("protocol lmtp\n {attachment}");
    Proxy::start(Configuration { policy: POLICY, settings: "starttls pass", attachment: &attachment }, server)
}

/// Without a policy chunks pass: the last has a reply for each accepted recipient, and the next command one.
fn chunks() -> Result<(), Failure> {
    let dovecot = Dovecot::start()?;
    let proxy = Proxy::start_without_file(dovecot.address(), "lmtp")?;
    let mut client = greeted(&proxy)?;
    let group = "BDAT 14\r\nSubject: x\r\n\r\nBDAT 6 LAST\r\ntext\r\nNOOP\r\n";
    client.command(group, "250")?;
    client.expect("250 2.0.0 <alice@")?;
    client.expect("552 5.2.2 <full@")?;
    client.expect("250 2.0.0 <bob@")?;
    client.expect("250")?;
    client.command("QUIT\r\n", "221").map(drop)
}

fn swaks() -> Result<(), Failure> {
    let dovecot = Dovecot::start()?;
    let proxy = before(dovecot.address(), "service-policy type inspect smtp BOXES")?;
    let to = RECIPIENTS.map(mailbox).join(",");
    for (subject, expected) in
        [("hello", ["250 2.0.0", "552 5.2.2", "250 2.0.0"]), ("lottery", ["554 5.7.1"; 3])]
    {
        let mut swaks = Command::new("swaks");
        let server = proxy.address();
        swaks.args(["--protocol", "LMTP", "--server", &server.ip().to_string()]);
        swaks.args(["--port", &server.port().to_string(), "--from", "a@origin.test", "--to", &to]);
        let output = swaks.args(["--h-Subject", subject]).output().map_err(|error| error.to_string())?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let replies =
            printed.lines().skip_while(|line| *line != " -> .").filter(|line| line.starts_with('<'));
        let replies: Vec<&str> = replies.filter_map(|line| line.get(4..13)).take(3).collect();
        if replies != expected {
            return Err(format!("{subject}: {replies:?} in {printed}"));
        }
    }
    Ok(())
}

fn events() -> Result<(), Failure> {
    let dovecot = Dovecot::start()?;
    let proxy = before(dovecot.address(), "service-policy type inspect smtp BOXES")?;
    let mut client = greeted(&proxy)?;
    client.command("DATA\r\n", "354")?;
    client.command("Subject: hello\r\n\r\ntext\r\n.\r\n", "250")?;
    client.expect("552")?;
    client.expect("250")?;
    client.command("QUIT\r\n", "221")?;
    let transaction =
        eventually(5, || proxy.events().into_iter().find(|event| event["event"] == "transaction"));
    let event = transaction.ok_or("no transaction is told of")?;
    let expected = serde_json::json!([250, 552, 250]);
    match event["replies"] == expected && event["reply"] == 552 && event["protocol"] == "lmtp" {
        true => Ok(()),
        false => Err(format!("{event}")),
    }
}

/// A client whose transaction has the recipients.
fn greeted(proxy: &Proxy) -> Result<Raw, Failure> {
    let mut client = Raw::connect(proxy.address())?;
    client.command("LHLO client.test\r\n", "250")?;
    client.command("MAIL FROM:<a@origin.test>\r\n", "250")?;
    for user in RECIPIENTS {
        let reply = if user == "nobody" { "550 5.1.1" } else { "250" };
        client.command(format!("RCPT TO:<{}>\r\n", mailbox(user)), reply)?;
    }
    Ok(client)
}

fn introduced(line: &str) -> Result<(), Failure> {
    let dovecot = Dovecot::start()?;
    let server = if line == "send-xclient" { dovecot.address() } else { dovecot.told() };
    let proxy = before(server, &format!("accept-proxy 127.0.0.0/8\n {line}"))?;
    let mut client =
        Raw::connect_and_say(proxy.address(), "PROXY TCP4 192.0.2.7 198.51.100.25 40112 24\r\n")?;
    client.command("LHLO client.test\r\n", "250")?;
    client.command("MAIL FROM:<a@origin.test>\r\n", "250")?;
    client.command(format!("RCPT TO:<{}>\r\n", mailbox("alice")), "250")?;
    client.command("DATA\r\n", "354")?;
    client.command("Subject: x\r\n\r\nx\r\n.\r\n", "250")?;
    client.command("QUIT\r\n", "221")?;
    match dovecot.logs("from 192.0.2.7") {
        true => Ok(()),
        false => Err(format!("Dovecot does not log the client: {}", dovecot.folder().read("log"))),
    }
}
