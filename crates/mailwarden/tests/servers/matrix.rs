//! What clients make of the refusals of `reset`, compared with `docs/clients.tsv`: Exim and Postfix as senders,
//! Python's smtplib and nodemailer, through the daemon to a server that takes everything.
//!
//! Not one of the tests that every change must pass: what other programs do changes with their versions.
//! `scripts/test --matrix` runs it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::process::{Failure, eventually};
use crate::proxy::{Configuration, Proxy};
use crate::raw::Raw;
use crate::requirements;
use crate::server::{self, DOMAIN, Kind, MailServer, ORIGIN_DOMAIN, Role};
use crate::tolerant::{Chunking, TolerantServer};

/// By client and case.
type Outcomes = BTreeMap<(String, String), String>;

const POLICY: Configuration<'_> = Configuration {
    policy: "parameter-map type regex words
 pattern refused-word
class-map type inspect smtp match-any refused
 match sender address regex words
 match recipient address regex words
 match body regex words
policy-map type inspect smtp p1
 class type inspect smtp refused
  reset
",
    settings: "",
    attachment: "service-policy type inspect smtp p1",
};

/// One message that is refused somewhere.
struct Letter {
    from: String,
    to: Vec<String>,
    body: String,
}

pub(crate) fn check() {
    if !requirements::servers_can_run() {
        return;
    }
    let expected = expected();
    let mut observed = Outcomes::new();
    for (name, kind) in [("exim", Kind::Exim), ("postfix", Kind::Postfix)] {
        observe_server(name, kind, &mut observed).unwrap_or_else(|failure| panic!("{name}: {failure}"));
    }
    observe_library("smtplib", smtplib, &mut observed);
    match node_modules() {
        Some(modules) => {
            observe_library("nodemailer", |to, letter| nodemailer(&modules, to, letter), &mut observed);
        }
        None => println!("SKIPPED: nodemailer, which npm has not installed"),
    }
    let mut differences = String::new();
    for (case @ (client, of), outcome) in &observed {
        println!("{client}\t{of}\t{outcome}");
        let wanted = expected.get(case).map_or("nothing", String::as_str);
        if wanted != outcome {
            let _ = writeln!(differences, "{client}, {of}: {outcome}; docs/clients.tsv says {wanted}");
        }
    }
    let missing = expected.keys().filter(|case| !observed.contains_key(case) && case.0 != "nodemailer");
    missing.for_each(|(client, of)| differences.push_str(&format!("{client}, {of}: not observed\n")));
    assert!(differences.is_empty(), "{differences}");
}

fn expected() -> Outcomes {
    let rows = include_str!("../../../../docs/clients.tsv").lines().skip(1);
    rows.map(|row| match row.split('\t').collect::<Vec<_>>()[..] {
        [client, case, outcome] => ((client.to_owned(), case.to_owned()), outcome.to_owned()),
        _ => panic!("docs/clients.tsv: {row}"),
    })
    .collect()
}

impl Letter {
    fn clean(recipients: &[&str]) -> Self {
        Self {
            from: format!("carol@{ORIGIN_DOMAIN}"),
            to: recipients.iter().map(|recipient| format!("{recipient}@{DOMAIN}")).collect(),
            body: "Good day.\r\n".to_owned(),
        }
    }

    fn refused_at(case: &str) -> Self {
        let clean = Self::clean(&["r00"]);
        match case {
            "mail" => Self { from: format!("refused-word@{ORIGIN_DOMAIN}"), ..clean },
            "recipient" => Self::clean(&["r00", "refused-word", "r02"]),
            // What follows the word is swallowed before the answer.
            _ => Self {
                body: format!("A refused-word.\r\n{}", "And much more text.\r\n".repeat(50_000)),
                ..clean
            },
        }
    }

    fn message(&self) -> String {
        format!(
            "From: {}\r\nTo: friends:;\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\nSubject: a letter\r\n\r\n{}",
            self.from, self.body
        )
    }
}

fn firewall() -> Result<(TolerantServer, Proxy), Failure> {
    let server = TolerantServer::start(Chunking::Unknown);
    let proxy = Proxy::start(POLICY, server.address())?;
    Ok((server, proxy))
}

fn observe_server(name: &str, kind: Kind, observed: &mut Outcomes) -> Result<(), Failure> {
    let mut note = |case: &str, outcome| observed.insert((name.to_owned(), case.to_owned()), outcome);
    for case in ["mail", "recipient", "data"] {
        let (_server, proxy) = firewall()?;
        let mut sender = server::start(kind, Role::Sender);
        let letter = Letter::refused_at(case);
        post(sender.address(), &letter)?;
        sender.run_queue_in_turn(proxy.address())?;
        note(case, outcome(&*sender, &letter, |_| true)?);
        if case == "recipient" {
            // Whether the refusal holds up mail that has nothing to do with it.
            let unrelated = Letter::clean(&["r03"]);
            post(sender.address(), &unrelated)?;
            sender.run_queue_in_turn(proxy.address())?;
            note("unrelated", outcome(&*sender, &unrelated, |_| true)?);
            sender.run_queue(proxy.address())?;
            note("retry", outcome(&*sender, &letter, |status| !status.starts_with("deferred"))?);
        }
    }
    Ok(())
}

/// What the sender's log says last of each recipient, once that is as wanted.
fn outcome(
    sender: &dyn MailServer,
    letter: &Letter,
    wanted: impl Fn(&str) -> bool,
) -> Result<String, Failure> {
    let statuses = || -> Option<Vec<String>> {
        let log = sender.log();
        let last = |recipient: &String| log.lines().rev().find_map(|line| status(line, recipient));
        letter.to.iter().map(|recipient| last(recipient).filter(|status| wanted(status))).collect()
    };
    let statuses = eventually(90, statuses);
    statuses.map(|statuses| statuses.join(", ")).ok_or_else(|| format!("no outcome:\n{}", sender.log_end()))
}

/// What became of a recipient, if the line of a log says so, and the code of the reply.
fn status(line: &str, recipient: &str) -> Option<String> {
    // So Postfix queues what it is posted, before anything is sent.
    if line.contains("(deferred transport)") {
        return None;
    }
    let exim = [(" ** ", "bounced"), (" == ", "deferred"), (" => ", "sent"), (" -> ", "sent")];
    let postfix = [("status=bounced", "bounced"), ("status=deferred", "deferred"), ("status=sent", "sent")];
    let of_exim = || exim.iter().find(|(mark, _)| line.contains(&format!("{mark}{recipient} ")));
    let of_postfix = || postfix.iter().find(|(mark, _)| line.contains(mark));
    let (_, what) = if line.contains(&format!("to=<{recipient}>")) { of_postfix() } else { of_exim() }?;
    let code = line.split(": ").find_map(reply_code);
    match code.filter(|_| *what != "sent") {
        Some(code) => Some(format!("{what} {code}")),
        None => Some((*what).to_owned()),
    }
}

/// The code of a negative reply at the front.
fn reply_code(text: &str) -> Option<&str> {
    let (code, _) = text.trim_start().split_once([' ', '-'])?;
    let negative =
        code.len() == 3 && code.starts_with(['4', '5']) && code.bytes().all(|byte| byte.is_ascii_digit());
    negative.then_some(code)
}

/// Hands a letter to a sender.
fn post(sender: SocketAddr, letter: &Letter) -> Result<(), Failure> {
    let mut client = Raw::connect(sender)?;
    client.command("EHLO client.test\r\n", "250")?;
    client.command(format!("MAIL FROM:<{}>\r\n", letter.from), "250")?;
    for recipient in &letter.to {
        client.command(format!("RCPT TO:<{recipient}>\r\n"), "25")?;
    }
    client.command("DATA\r\n", "354")?;
    client.command(format!("{}.\r\n", letter.message()), "250")?;
    client.command("QUIT\r\n", "221")?;
    client.finish();
    Ok(())
}

fn observe_library(
    name: &str,
    send: impl Fn(SocketAddr, &Letter) -> Result<String, Failure>,
    observed: &mut Outcomes,
) {
    for case in ["mail", "recipient", "data"] {
        let sent = firewall().and_then(|(_server, proxy)| send(proxy.address(), &Letter::refused_at(case)));
        let outcome = sent.unwrap_or_else(|failure| panic!("{name}, {case}: {failure}"));
        observed.insert((name.to_owned(), case.to_owned()), outcome);
    }
}

fn smtplib(to: SocketAddr, letter: &Letter) -> Result<String, Failure> {
    const PLAY: &str = r#"
import json, smtplib, sys
mail = json.load(sys.stdin)
try:
    client = smtplib.SMTP(mail["host"], mail["port"], local_hostname="client.test", timeout=30)
    refused = client.sendmail(mail["from"], mail["to"], mail["message"].encode())
    client.quit()
    print("sent, refused:", len(refused))
except smtplib.SMTPResponseException as refusal:
    print(type(refusal).__name__, refusal.smtp_code)
except Exception as other:
    print(type(other).__name__)
"#;
    play(Command::new("python3").args(["-c", PLAY]), to, letter)
}

fn nodemailer(modules: &PathBuf, to: SocketAddr, letter: &Letter) -> Result<String, Failure> {
    const PLAY: &str = r#"
const mail = JSON.parse(require("fs").readFileSync(0));
const transport = require("nodemailer").createTransport(
  { host: mail.host, port: mail.port, secure: false, ignoreTLS: true, name: "client.test" });
transport.sendMail({ envelope: { from: mail.from, to: mail.to }, raw: mail.message }).then(
  sent => console.log("sent, refused:", sent.rejected.length),
  error => console.log(error.code, error.responseCode ?? "without a reply"));
"#;
    play(Command::new("node").args(["-e", PLAY]).env("NODE_PATH", modules), to, letter)
}

/// Where `scripts/test --matrix` has npm put nodemailer.
fn node_modules() -> Option<PathBuf> {
    let modules = PathBuf::from(std::env::var_os("MAILWARDEN_NODE_MODULES")?);
    modules.join("nodemailer").exists().then_some(modules)
}

/// What a program prints that sends a letter.
fn play(program: &mut Command, to: SocketAddr, letter: &Letter) -> Result<String, Failure> {
    let mail = json!({
        "host": to.ip().to_string(), "port": to.port(), "from": letter.from, "to": letter.to,
        "message": letter.message(),
    });
    let child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| format!("{program:?}: {error}"))?;
    let mut input = child.stdin.take().ok_or("no standard input")?;
    input.write_all(mail.to_string().as_bytes()).map_err(|error| error.to_string())?;
    drop(input);
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    match String::from_utf8_lossy(&output.stdout).trim() {
        "" => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        said => Ok(said.to_owned()),
    }
}
