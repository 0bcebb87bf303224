//! Tables of policy claims, each played by real clients before a real server, without the firewall and through it.
//!
//! A row is one claim: a policy, a mail it concerns, what must become of that mail, and a mail beside it that must
//! pass untouched and unremarked. Without the firewall both must be delivered; that is the control which shows that
//! it was the policy, and not the server, that refused.

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::client::{Exchange, Mail, Transcript, curl};
use crate::maildir::{self, Delivery};
use crate::notation::Policy;
use crate::process::Failure;
use crate::proxy::{Acted, Configuration, Proxy};
use crate::requirements;
use crate::server::{self, Kind, MailServer, Role};

#[derive(Debug, Clone)]
pub(crate) struct Row {
    claim: &'static str,
    policy: Policy,
    /// The line of the `proxy` block that puts it to work, or does not.
    attachment: &'static str,
    /// Lines of the `mailwarden` block.
    settings: &'static str,
    mail: Mail,
    outcome: Outcome,
    answers: Vec<Answer>,
    /// Commands whose reply is the same in the two runs.
    same: Vec<&'static str>,
    /// What is left of a greeting behind asterisks.
    greeting: Option<&'static str>,
    hides: Vec<&'static str>,
    shows: Vec<&'static str>,
    /// Class, criterion and action of every `match` event, in order.
    acted: Vec<(&'static str, &'static str, &'static str)>,
    /// Lines that must stand in the log, in this order; each is parts of the line, with `*` between them.
    logged: Vec<&'static str>,
    /// What stands nowhere in the log.
    unlogged: Vec<&'static str>,
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

/// A row whose policy is of classes.
pub(crate) fn row(claim: &'static str, policy: &'static str, mail: Mail) -> Row {
    row_of(claim, Policy::C3pl(policy), mail)
}

/// A row whose policy is a map of an ASA.
pub(crate) fn asa(claim: &'static str, map: &'static str, mail: Mail) -> Row {
    row_of(claim, Policy::Asa(map), mail)
}

/// A row whose policy is a rule of classic inspection.
pub(crate) fn classic(claim: &'static str, line: &'static str, mail: Mail) -> Row {
    row_of(claim, Policy::Classic(line), mail)
}

fn row_of(claim: &'static str, policy: Policy, mail: Mail) -> Row {
    Row {
        claim,
        policy,
        attachment: policy.attachment(),
        settings: "",
        mail,
        outcome: Outcome::Delivered,
        answers: Vec::new(),
        same: Vec::new(),
        greeting: None,
        hides: Vec::new(),
        shows: Vec::new(),
        acted: Vec::new(),
        logged: Vec::new(),
        unlogged: Vec::new(),
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

    /// The map of an ASA is that of a class whose access list has the client.
    pub(crate) fn listed(mut self) -> Self {
        self.attachment = "service-policy inspecting";
        self
    }

    /// The same, and the list exempts the client.
    pub(crate) fn exempt(mut self) -> Self {
        self.attachment = "service-policy exempting";
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

    /// The reply to this command is the server's, as it is without the firewall.
    pub(crate) fn same(mut self, command: &'static str) -> Self {
        self.same.push(command);
        self
    }

    /// Of the greeting asterisks are left, the digits of 220, and this.
    pub(crate) fn greeting_hidden_but(mut self, text: &'static str) -> Self {
        self.greeting = Some(text);
        self
    }

    /// The EHLO reply shows `X`s of the same length in place of this keyword's line.
    pub(crate) fn hides(mut self, keyword: &'static str) -> Self {
        self.hides.push(keyword);
        self
    }

    /// The EHLO reply shows this keyword's line as the server wrote it.
    pub(crate) fn shows(mut self, keyword: &'static str) -> Self {
        self.shows.push(keyword);
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

    pub(crate) fn unlogged(mut self, text: &'static str) -> Self {
        self.unlogged.push(text);
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
        .filter_map(|(row, result)| {
            Some(format!("- {} [{}]\n  {}", row.claim, row.policy.words(), result.err()?))
        })
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
    let configuration =
        Configuration { policy: &row.policy.render(), settings: row.settings, attachment: row.attachment };
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
    for keyword in row.hides.iter().chain(&row.shows) {
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
    for command in &row.same {
        let (server, _) = control.mail.last(command).ok_or_else(|| format!("`{command}` was not sent"))?;
        answers(&through.mail, command, &server.reply)?;
    }
    for keyword in &row.hides {
        let (offered, seen) = offered_and_seen(keyword, control, through)?;
        let masked = row.policy.masks(offered, seen);
        ensure(masked, || format!("{keyword}: the client saw `{seen}` in place of `{offered}`"))?;
    }
    for keyword in &row.shows {
        let (offered, seen) = offered_and_seen(keyword, control, through)?;
        ensure(offered == seen, || format!("{keyword}: the client saw `{seen}` in place of `{offered}`"))?;
    }
    if let Some(left) = row.greeting {
        greeting_hidden(left, &through.mail)?;
    }
    same_delivery(&control.passes_delivered, &through.passes_delivered, &through.passes)
        .map_err(|why| format!("the mail that should pass: {why}"))?;
    logged(row, &through.log)?;
    acted(row, &through.acted)
}

fn logged(row: &Row, log: &str) -> Result<(), Failure> {
    let mut lines = log.lines();
    let missing = row.logged.iter().find(|parts| !lines.any(|line| has_parts(line, parts)));
    missing.map_or(Ok(()), |text| Err(format!("`{text}` is not in the log:\n{log}")))?;
    let unwanted = row.unlogged.iter().find(|text| log.contains(**text));
    unwanted.map_or(Ok(()), |text| Err(format!("`{text}` is in the log:\n{log}")))
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

/// This keyword's line, without the firewall and through it.
fn offered_and_seen<'p>(
    keyword: &str,
    control: &'p Played,
    through: &'p Played,
) -> Result<(&'p str, &'p str), Failure> {
    let (offered, seen) = (control.mail.keywords(), through.mail.keywords());
    let line = offered.iter().position(|line| is_keyword(line, keyword));
    let pair = line.and_then(|line| Some((*offered.get(line)?, *seen.get(line)?)));
    pair.ok_or_else(|| told(&format!("{keyword}: its line is gone"), &through.mail))
}

fn greeting_hidden(left: &str, transcript: &Transcript) -> Result<(), Failure> {
    let greeting = transcript.0.first().map(|first| first.reply.as_str()).unwrap_or_default();
    let hidden = greeting.strip_prefix("220 ").is_some_and(|text| {
        let rest = text.replacen(left, "", 1);
        rest.contains('*') && rest.chars().all(|char| "*20".contains(char)) && text.contains(left)
    });
    ensure(hidden, || format!("the client was greeted `{greeting}`"))
}

fn is_keyword(line: &str, keyword: &str) -> bool {
    line.split([' ', '=']).next().is_some_and(|word| word.eq_ignore_ascii_case(keyword))
}

fn acted(row: &Row, acted: &[Acted]) -> Result<(), Failure> {
    let mut told = Vec::new();
    for Acted { class, criterion, action } in acted {
        let acted = (class.as_str(), criterion.as_str(), action.as_str());
        // What repeats in a session is told again at its end, as a sum.
        if !told.contains(&acted) {
            told.push(acted);
        }
    }
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
