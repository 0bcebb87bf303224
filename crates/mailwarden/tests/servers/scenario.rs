//! Tables of policy claims, each played by real clients before a real server, without the firewall and through it.
//!
//! A row is one claim: a policy, a mail it concerns, what must become of that mail, and a mail beside it that must
//! pass untouched and unremarked. Without the firewall both must be delivered; that is the control which shows that
//! it was the policy, and not the server, that refused.

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::client::{Exchange, Mail, Transcript, curl};
use crate::maildir::{self, Delivery};
use crate::process::Failure;
use crate::proxy::{Acted, Configuration, Proxy};
use crate::requirements;
use crate::server::{self, Kind, MailServer, Role};

#[derive(Debug)]
pub(crate) struct Row {
    claim: &'static str,
    /// Classes in order, `·` between them: `match A | match B → reset log · match C + match D → mask`, where `|` makes
    /// a match-any class, and `+` or one condition alone a class that names no mode. They are called c1, c2 and so on,
    /// their policy p1.
    policy: &'static str,
    /// The line of the `proxy` block that puts it to work, or does not.
    attachment: &'static str,
    /// Lines of the `mailwarden` block.
    settings: &'static str,
    mail: Mail,
    outcome: Outcome,
    answers: Vec<Answer>,
    hides: Vec<&'static str>,
    /// Class, criterion and action of every `match` event, in order.
    acted: Vec<(&'static str, &'static str, &'static str)>,
    /// Lines that must stand in the log, in this order; each is parts of the line, with `*` between them.
    logged: Vec<&'static str>,
    /// `None`: the policy concerns every mail.
    passes: Option<Mail>,
}

#[derive(Debug, Clone, Copy)]
enum Outcome {
    /// Delivered, octet for octet as without us.
    Delivered,
    /// To so many of its recipients.
    DeliveredTo(usize),
    /// Nothing is delivered; this command is answered so and the connection ends.
    Refused { at: &'static str, reply: &'static str },
}

/// How the reply to a command starts in the two runs; empty where a run is not asked.
#[derive(Debug, Clone, Copy)]
struct Answer {
    command: &'static str,
    direct: &'static str,
    through: &'static str,
}

pub(crate) fn row(claim: &'static str, policy: &'static str, mail: Mail) -> Row {
    Row {
        claim,
        policy,
        attachment: "service-policy type inspect smtp p1",
        settings: "",
        mail,
        outcome: Outcome::Delivered,
        answers: Vec::new(),
        hides: Vec::new(),
        acted: Vec::new(),
        logged: Vec::new(),
        passes: Some(curl()),
    }
}

impl Row {
    pub(crate) fn setting(mut self, settings: &'static str) -> Self {
        self.settings = settings;
        self
    }

    /// The policy is the child of the top-level policy `out-in`, for the class `mail`.
    pub(crate) fn child(mut self) -> Self {
        self.attachment = "service-policy type inspect out-in";
        self
    }

    /// The same configuration, but it is the way back that is asked: the policy of the other pair of zones.
    pub(crate) fn way_back(mut self) -> Self {
        self.attachment = "service-policy type inspect in-out";
        self
    }

    /// No policy is attached.
    pub(crate) fn pinhole(mut self) -> Self {
        self.attachment = "no inspect esmtp";
        self
    }

    pub(crate) fn refused(mut self, at: &'static str, reply: &'static str) -> Self {
        self.outcome = Outcome::Refused { at, reply };
        self
    }

    pub(crate) fn delivered_to(mut self, mailboxes: usize) -> Self {
        self.outcome = Outcome::DeliveredTo(mailboxes);
        self
    }

    pub(crate) fn answered(
        mut self,
        command: &'static str,
        direct: &'static str,
        through: &'static str,
    ) -> Self {
        self.answers.push(Answer { command, direct, through });
        self
    }

    /// The EHLO reply shows `X`s of the same length in place of this keyword's line.
    pub(crate) fn hides(mut self, keyword: &'static str) -> Self {
        self.hides.push(keyword);
        self
    }

    pub(crate) fn acted(
        mut self,
        class: &'static str,
        criterion: &'static str,
        action: &'static str,
    ) -> Self {
        self.acted.push((class, criterion, action));
        self
    }

    pub(crate) fn logged(mut self, text: &'static str) -> Self {
        self.logged.push(text);
        self
    }

    /// Instead of an ordinary mail: a near miss that this policy must let pass.
    pub(crate) fn passes(mut self, mail: Mail) -> Self {
        self.passes = Some(mail);
        self
    }

    pub(crate) fn concerns_every_mail(mut self) -> Self {
        self.passes = None;
        self
    }
}

/// Plays a table before one server and fails with every claim that did not hold.
pub(crate) fn check(kind: Kind, rows: &[Row]) {
    if !requirements::servers_can_run() {
        return;
    }
    let server = server::start(kind, Role::Receiver);
    let server = server.as_ref();
    let control = play(server, rows, Route::Direct);
    let mut complaints = complaints(rows, &control, judge_control);
    if complaints.is_empty() && !requirements::control_only() {
        let through = play(server, rows, Route::Firewall);
        let pairs: Vec<_> = control.into_iter().zip(through).collect();
        complaints = self::complaints(rows, &pairs, |row, (control, through)| judge(row, control, through));
    }
    assert!(complaints.is_empty(), "before {}:\n{}", server.name(), complaints.join("\n"));
}

fn complaints<T>(rows: &[Row], played: &[T], judge: impl Fn(&Row, &T) -> Result<(), Failure>) -> Vec<String> {
    let judged = rows.iter().zip(played).map(|(row, played)| (row, judge(row, played)));
    judged
        .filter_map(|(row, result)| Some(format!("- {} [{}]\n  {}", row.claim, row.policy, result.err()?)))
        .collect()
}

#[derive(Debug, Clone, Copy)]
enum Route {
    Direct,
    Firewall,
}

/// What became of a row's two mails.
#[derive(Debug, Default)]
struct Played {
    /// Why it could not be played.
    failure: Option<Failure>,
    mail: Transcript,
    passes: Transcript,
    acted: Vec<Acted>,
    log: String,
    mail_delivered: Vec<Delivery>,
    passes_delivered: Vec<Delivery>,
}

fn play(server: &dyn MailServer, rows: &[Row], route: Route) -> Vec<Played> {
    let mut played: Vec<Played> = rows
        .iter()
        .enumerate()
        .map(|(number, row)| {
            let result = match route {
                Route::Direct => send(row, number, server.address()),
                Route::Firewall => send_through_firewall(row, number, server.address()),
            };
            result.unwrap_or_else(|failure| Played { failure: Some(failure), ..Played::default() })
        })
        .collect();
    let deliveries = server.delivered().unwrap_or_else(|failure| panic!("{failure}"));
    for delivery in deliveries {
        let (number, which) = delivery.message_id.split_once('.').expect("an id of this table");
        let played = &mut played[number.parse::<usize>().expect("a row's number")];
        let list = if which == "mail" { &mut played.mail_delivered } else { &mut played.passes_delivered };
        list.push(delivery);
    }
    played
}

fn send(row: &Row, number: usize, address: SocketAddr) -> Result<Played, Failure> {
    let mail = row.mail.send(&format!("{number}.mail"), address)?;
    Ok(Played { mail, passes: send_passing(row, number, address)?, ..Played::default() })
}

fn send_passing(row: &Row, number: usize, address: SocketAddr) -> Result<Transcript, Failure> {
    let send = |passes: &Mail| passes.send(&format!("{number}.passes"), address);
    row.passes.as_ref().map_or_else(|| Ok(Transcript::default()), send)
}

fn send_through_firewall(row: &Row, number: usize, server: SocketAddr) -> Result<Played, Failure> {
    let configuration = Configuration {
        policy: &(render(row.policy) + TOP_LEVEL),
        settings: row.settings,
        attachment: row.attachment,
    };
    let proxy = Proxy::start(configuration, server)?;
    let mail = row.mail.send(&format!("{number}.mail"), proxy.address())?;
    let acted = proxy.acted_in(1)?;
    let passes = send_passing(row, number, proxy.address())?;
    let log = proxy.log();
    let acted_in_both = proxy.acted_in(if row.passes.is_some() { 2 } else { 1 })?;
    ensure(acted_in_both.len() == acted.len(), || {
        format!("the passing mail was matched: {acted_in_both:?}")
    })?;
    Ok(Played { mail, passes, acted, log, ..Played::default() })
}

fn judge_control(row: &Row, played: &Played) -> Result<(), Failure> {
    ensure(played.failure.is_none(), || {
        format!("control: {}", played.failure.as_deref().unwrap_or_default())
    })?;
    ensure(!played.mail_delivered.is_empty(), || told("control: its mail was not delivered", &played.mail))?;
    let passed = row.passes.is_none() || !played.passes_delivered.is_empty();
    ensure(passed, || told("control: the passing mail was not delivered", &played.passes))?;
    for answer in row.answers.iter().filter(|answer| !answer.direct.is_empty()) {
        answers(&played.mail, answer.command, answer.direct).map_err(|why| format!("control: {why}"))?;
    }
    for keyword in &row.hides {
        let offered = played.mail.keywords().iter().any(|line| is_keyword(line, keyword));
        ensure(offered, || told(&format!("control: {keyword} is not offered"), &played.mail))?;
    }
    Ok(())
}

fn judge(row: &Row, control: &Played, through: &Played) -> Result<(), Failure> {
    ensure(through.failure.is_none(), || through.failure.clone().unwrap_or_default())?;
    match row.outcome {
        Outcome::Delivered => same_delivery(&control.mail_delivered, &through.mail_delivered, &through.mail)?,
        Outcome::DeliveredTo(count) => {
            let got = through.mail_delivered.len();
            ensure(got == count, || told(&format!("delivered to {got} instead of {count}"), &through.mail))?;
        }
        Outcome::Refused { at, reply } => refused(through, at, reply)?,
    }
    for answer in &row.answers {
        answers(&through.mail, answer.command, answer.through)?;
    }
    for keyword in &row.hides {
        hidden(keyword, &control.mail, &through.mail)?;
    }
    same_delivery(&control.passes_delivered, &through.passes_delivered, &through.passes)
        .map_err(|why| format!("the mail that should pass: {why}"))?;
    logged(row, &through.log)?;
    acted(row, &through.acted)
}

fn logged(row: &Row, log: &str) -> Result<(), Failure> {
    let mut lines = log.lines();
    let missing = row.logged.iter().find(|parts| !lines.any(|line| has_parts(line, parts)));
    missing.map_or(Ok(()), |text| Err(format!("`{text}` is not in the log:\n{log}")))
}

fn has_parts(line: &str, parts: &str) -> bool {
    let behind = |rest: &str, part: &str| rest.find(part).map(|at| at + part.len());
    parts.split('*').try_fold(line, |rest, part| rest.get(behind(rest, part)?..)).is_some()
}

fn same_delivery(control: &[Delivery], through: &[Delivery], transcript: &Transcript) -> Result<(), Failure> {
    let differences = maildir::differences(control, through);
    ensure(differences.is_empty(), || told(&differences.join("\n  "), transcript))
}

fn refused(played: &Played, at: &str, reply: &str) -> Result<(), Failure> {
    let copies = played.mail_delivered.len();
    ensure(copies == 0, || told(&format!("delivered to {copies} instead of refused"), &played.mail))?;
    answers(&played.mail, at, reply)?;
    let after = played.mail.last(at).map(|(_, after)| after).unwrap_or_default();
    // What still answers is the firewall, until the client takes its leave.
    let ours = |reply: &str| reply.is_empty() || reply.starts_with("451 4.7.1 ") || reply == "221 2.0.0 Bye";
    let went_on = after.iter().any(|exchange| !ours(&exchange.reply));
    ensure(!went_on, || told("the session went on after the refusal", &played.mail))
}

fn answers(transcript: &Transcript, command: &str, reply: &str) -> Result<(), Failure> {
    let Some((exchange, _)) = transcript.last(command) else {
        return Err(told(&format!("`{command}` was not sent"), transcript));
    };
    let Exchange { reply: got, .. } = exchange;
    ensure(got.starts_with(reply), || told(&format!("`{command}` was not answered `{reply}`"), transcript))
}

fn hidden(keyword: &str, control: &Transcript, through: &Transcript) -> Result<(), Failure> {
    let (offered, seen) = (control.keywords(), through.keywords());
    let line = offered.iter().position(|line| is_keyword(line, keyword));
    let Some((offered, seen)) = line.and_then(|line| Some((offered.get(line)?, seen.get(line)?))) else {
        return Err(told(&format!("{keyword}: its line is gone"), through));
    };
    let masked = seen.len() == offered.len() && seen.bytes().all(|octet| octet == b'X');
    ensure(masked, || format!("{keyword}: the client saw `{seen}` in place of `{offered}`"))
}

fn is_keyword(line: &str, keyword: &str) -> bool {
    line.split([' ', '=']).next().is_some_and(|word| word.eq_ignore_ascii_case(keyword))
}

fn acted(row: &Row, acted: &[Acted]) -> Result<(), Failure> {
    let told: Vec<_> =
        acted.iter().map(|a| (a.class.as_str(), a.criterion.as_str(), a.action.as_str())).collect();
    ensure(told == row.acted, || format!("match events {told:?} instead of {:?}", row.acted))
}

fn ensure(holds: bool, complaint: impl FnOnce() -> Failure) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(complaint()) }
}

/// A complaint with the dialogue behind it.
fn told(complaint: &str, transcript: &Transcript) -> Failure {
    let mut text = complaint.to_owned();
    for Exchange { command, reply } in &transcript.0 {
        let command: String = command.chars().take(100).collect();
        let _ = write!(text, "\n    C {command}\n    S {}", reply.replace('\n', " / "));
    }
    text
}

/// The regex maps that the rows name.
const MAPS: [(&str, &[&str]); 8] = [
    ("bad-guys", &[r"*deals\.com", r"*crazyperson*@wrdmail\.com"]),
    ("friends", &[r"^anna@hot\.deals\.com"]),
    ("known-unknown-users", &[r"username@example\.test"]),
    ("routes", &[r"^@relay\.example\.org"]),
    ("lottery-spam", &[r"Subject:.*lottery"]),
    ("private-field", &[r"^X-Codeword: .*swordfish"]),
    ("doc-data", &[r"*UD-421590*"]),
    ("jpeg", &[r"*image//*"]),
];

/// A policy of layer 3 and 4 above the row's own, for rows that ask for it, and one for the way back.
const TOP_LEVEL: &str = "class-map type inspect match-any mail
 match protocol smtp
policy-map type inspect out-in
 class type inspect mail
  inspect
  service-policy smtp p1
 class class-default
  drop log
policy-map type inspect in-out
 class type inspect mail
  inspect
 class class-default
  drop log
zone security inside
zone security outside
zone-pair security oi source outside destination inside
 service-policy type inspect out-in
zone-pair security io source inside destination outside
 service-policy type inspect in-out
";

/// The row's notation as the configuration a router shows.
fn render(policy: &str) -> String {
    let mut text = String::new();
    for (name, patterns) in
        MAPS.into_iter().filter(|(name, _)| policy.split_whitespace().any(|word| word == *name))
    {
        let _ = writeln!(text, "parameter-map type regex {name}");
        for pattern in patterns {
            let _ = writeln!(text, " pattern \"{pattern}\"");
        }
    }
    let mut classes = "policy-map type inspect smtp p1\n".to_owned();
    for (number, class) in policy.split(" · ").enumerate() {
        let (matches, actions) = class.split_once(" → ").expect("matches → actions");
        let (mode, separator) = if matches.contains(" | ") { ("match-any ", " | ") } else { ("", " + ") };
        let name = format!("c{}", number + 1);
        let _ = writeln!(text, "class-map type inspect smtp {mode}{name}");
        for condition in matches.split(separator) {
            let _ = writeln!(text, " {condition}");
        }
        let _ = writeln!(classes, " class type inspect smtp {name}");
        for action in actions.split(' ') {
            let _ = writeln!(classes, "  {action}");
        }
    }
    text + &classes
}

#[test]
fn a_row_is_rendered_as_a_running_config() {
    let policy = "match sender address regex friends | match cmd verb VRFY → log · \
                  match cmd line length gt 256 + match cmd verb MAIL → reset";
    let expected = r#"parameter-map type regex friends
 pattern "^anna@hot\.deals\.com"
class-map type inspect smtp match-any c1
 match sender address regex friends
 match cmd verb VRFY
class-map type inspect smtp c2
 match cmd line length gt 256
 match cmd verb MAIL
policy-map type inspect smtp p1
 class type inspect smtp c1
  log
 class type inspect smtp c2
  reset
"#;
    assert_eq!(render(policy), expected);
}
