//! A script's text → its head and its steps. The format is described in `dialogues.rs`.

use std::sync::Arc;

use engine::{End, SessionConfig};
use proto::Side;

use super::record::Ending;
use super::world::World;

#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) config: Arc<SessionConfig>,
    pub(crate) steps: Vec<Step>,
    /// What the server must not hear, in no cut.
    pub(crate) never: Vec<Vec<u8>>,
}

/// One thing that happens, and what is to come of it.
#[derive(Debug)]
pub(crate) struct Step {
    /// The line of the script, counted from 1.
    pub(crate) line: usize,
    pub(crate) action: Action,
    pub(crate) expected: Expected,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Say(Side, Vec<u8>),
    End(Side, End),
    Unreachable,
    Wait(u64),
    Drain,
    /// Nothing happens; the session says that it ended for this reason.
    Reason(String),
}

#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// `>`: to the peer of who speaks.
    pub(crate) onwards: Vec<u8>,
    /// `>>`: to who speaks, of what its peer had said before.
    pub(crate) back: Vec<u8>,
    /// `<`: replies of ours, each as a pattern in which `*` stands for any text.
    pub(crate) answers: Vec<String>,
    /// `+>`: what we say to the server ourselves.
    pub(crate) told: Vec<u8>,
    pub(crate) endings: Vec<(Side, Ending)>,
    pub(crate) reports: Vec<ExpectedReport>,
}

#[derive(Debug)]
pub(crate) struct ExpectedReport {
    pub(crate) kind: String,
    pub(crate) values: Vec<(String, String)>,
}

/// A complaint about a line of a script.
pub(crate) type At<T> = Result<T, (usize, String)>;

const MARKS: [&str; 10] = ["> ", ">> ", "< ", "+> ", "finish ", "abort ", "event ", ">", ">>", "<"];

/// Reads a whole script.
pub(crate) fn read(text: &str) -> At<Script> {
    let mut world = World::default();
    let mut steps: Vec<Step> = Vec::new();
    let mut never = Vec::new();
    let mut lines = text.lines().zip(1..).peekable();
    while let Some((line, number)) = lines.next() {
        let at = |complaint: String| (number, complaint);
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with(' ') {
            let step = steps.last_mut().ok_or_else(|| at("nothing has happened yet".to_owned()))?;
            expect(step, &items_of(line).1).map_err(at)?;
            continue;
        }
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "policy" => world.policy(rest).map_err(at)?,
            "ip" => world.classic(rest.trim_start_matches("inspect ")),
            "never" => never.push(wire(&format!("{rest}\\")).map_err(at)?),
            "regex" => world.regex_map(rest).map_err(at)?,
            "config" => {
                while let Some((line, _)) =
                    lines.next_if(|(line, _)| line.starts_with(' ') || line.is_empty())
                {
                    world.configure(line.strip_prefix(' ').unwrap_or(line));
                    world.configure("\n");
                }
            }
            "conformance" | "limits-logins" | "refusals" | "starttls" | "recipient-limit"
            | "announce-limits" | "inspect" | "lmtp" | "send-xclient" | "imap-preauth" | "login"
            | "events-detail" | "watch" | "bound" | "timer" => {
                world.set(word, rest.trim());
            }
            "hello" => steps.extend(hello(number, rest)),
            "mail" => steps.extend(mail(number, rest)),
            "C" | "S" if rest.trim() == "{" => {
                let mut said = Vec::new();
                let behind = loop {
                    let Some((line, number)) = lines.next() else {
                        return Err(at("the block has no `}`".to_owned()));
                    };
                    if let Some(behind) = line.strip_prefix('}') {
                        break behind.to_owned();
                    }
                    let line = line.strip_prefix("  ").unwrap_or(line);
                    said.extend(wire(line).map_err(|complaint| (number, complaint))?);
                };
                let mut step = Step::new(number, Action::Say(side_of(word), said));
                expect(&mut step, &items_of(&behind).1).map_err(at)?;
                steps.push(step);
            }
            _ => steps.push(step(number, word, rest).map_err(at)?),
        }
    }
    let config = world.config().map_err(|complaint| (1, complaint))?;
    if steps.is_empty() {
        return Err((1, "nothing happens in it".to_owned()));
    }
    Ok(Script { config, steps, never })
}

impl Step {
    fn new(line: usize, action: Action) -> Self {
        Self { line, action, expected: Expected::default() }
    }

    /// A step of a sequence that scripts begin with: what is said passes, and nothing else happens.
    fn passing(line: usize, side: Side, text: &str) -> Self {
        let said = format!("{text}\r\n").into_bytes();
        let expected = Expected { onwards: said.clone(), ..Expected::default() };
        Self { line, action: Action::Say(side, said), expected }
    }

    /// What this side says here.
    pub(crate) fn said_by(&self, side: Side) -> Option<&[u8]> {
        match &self.action {
            Action::Say(speaker, octets) if *speaker == side => Some(octets),
            _ => None,
        }
    }

    /// Whom `>` speaks of.
    pub(crate) fn onwards(&self) -> Side {
        match self.action {
            Action::Say(side, _) | Action::End(side, _) => side.other(),
            Action::Unreachable | Action::Wait(_) | Action::Drain | Action::Reason(_) => Side::Server,
        }
    }
}

fn step(line: usize, word: &str, rest: &str) -> Result<Step, String> {
    let (text, items) = items_of(rest);
    let action = match (word, text) {
        ("C" | "S", "FIN") => Action::End(side_of(word), End::Fin),
        ("C" | "S", "RST") => Action::End(side_of(word), End::Reset),
        ("C" | "S", text) => Action::Say(side_of(word), wire(text)?),
        ("unreachable", "") => Action::Unreachable,
        ("drain", "") => Action::Drain,
        ("reason", reason) => Action::Reason(reason.to_owned()),
        ("time", text) => {
            let seconds = text.strip_prefix('+').and_then(|text| text.strip_suffix('s')?.parse().ok());
            Action::Wait(seconds.ok_or_else(|| format!("`{text}` is no time such as `+30s`"))?)
        }
        _ => return Err(format!("`{word}` begins no line of a script")),
    };
    let mut step = Step::new(line, action);
    expect(&mut step, &items)?;
    Ok(step)
}

fn side_of(word: &str) -> Side {
    if word == "C" { Side::Client } else { Side::Server }
}

/// The greeting, EHLO, and a reply that offers these keywords (`SIZE_1000` for one with a parameter).
fn hello(line: usize, keywords: &str) -> Vec<Step> {
    let mut steps = vec![
        Step::passing(line, Side::Server, "220 mx.example ESMTP"),
        Step::passing(line, Side::Client, "EHLO client.example"),
    ];
    let keywords: Vec<String> = keywords.split_whitespace().map(|word| word.replace('_', " ")).collect();
    let all: Vec<&str> = std::iter::once("mx.example").chain(keywords.iter().map(String::as_str)).collect();
    let reply: Vec<String> = (1..=all.len())
        .zip(&all)
        .map(|(number, text)| format!("250{}{text}", if number == all.len() { ' ' } else { '-' }))
        .collect();
    steps.push(Step::passing(line, Side::Server, &reply.join("\r\n")));
    steps
}

/// MAIL, RCPT and DATA, each answered before the next: `mail`, `mail SENDER`, `mail SENDER RECIPIENT`.
fn mail(line: usize, words: &str) -> Vec<Step> {
    let mut words = words.split_whitespace();
    let sender = words.next().unwrap_or("a@sender.example");
    let recipient = words.next().unwrap_or("b@here.example");
    vec![
        Step::passing(line, Side::Client, &format!("MAIL FROM:<{sender}>")),
        Step::passing(line, Side::Server, "250 2.1.0 ok"),
        Step::passing(line, Side::Client, &format!("RCPT TO:<{recipient}>")),
        Step::passing(line, Side::Server, "250 2.1.5 ok"),
        Step::passing(line, Side::Client, "DATA"),
        Step::passing(line, Side::Server, "354 go on"),
    ]
}

/// What is said, and what is expected: items begin behind two blanks, with one of the marks.
pub(crate) fn items_of(text: &str) -> (&str, Vec<&str>) {
    let is_item = |at: &usize| {
        let item = text[at + 2..].trim_start();
        MARKS.iter().any(|mark| if mark.ends_with(' ') { item.starts_with(mark) } else { item == *mark })
            || item.starts_with(">  ")
            || item.starts_with("<  ")
    };
    let starts: Vec<usize> = text.match_indices("  ").map(|(at, _)| at).filter(is_item).collect();
    let first = starts.first().copied().unwrap_or(text.len());
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let mut items: Vec<&str> = starts.iter().zip(ends).map(|(&from, to)| text[from..to].trim()).collect();
    items.retain(|item| !item.is_empty());
    (text[..first].trim_end(), items)
}

fn expect(step: &mut Step, items: &[&str]) -> Result<(), String> {
    for item in items {
        let (mark, rest) = item.split_once(' ').unwrap_or((item, ""));
        let rest = rest.trim();
        match mark {
            ">" if rest == "same" => match &step.action {
                Action::Say(_, said) => step.expected.onwards.extend_from_slice(said),
                _ => return Err("`same` as what?".to_owned()),
            },
            ">" if !rest.is_empty() => step.expected.onwards.extend(wire(rest)?),
            ">>" if !rest.is_empty() => step.expected.back.extend(wire(rest)?),
            "+>" if !rest.is_empty() => step.expected.told.extend(wire(rest)?),
            "<" if !rest.is_empty() => step.expected.answers.push(rest.to_owned()),
            ">" | ">>" | "<" => {}
            "finish" | "abort" => {
                for ending in item.split(", ") {
                    step.expected.endings.push(ending_of(ending.trim())?);
                }
            }
            "event" => step.expected.reports.push(report_of(rest)?),
            _ => return Err(format!("`{item}` expects nothing that is known")),
        }
    }
    Ok(())
}

fn ending_of(text: &str) -> Result<(Side, Ending), String> {
    match text {
        "finish client" => Ok((Side::Client, Ending::Finish)),
        "finish server" => Ok((Side::Server, Ending::Finish)),
        "abort client" => Ok((Side::Client, Ending::Abort)),
        "abort server" => Ok((Side::Server, Ending::Abort)),
        _ => Err(format!("`{text}` is no ending")),
    }
}

/// `match class=c1 criterion="cmd verb ETRN"`.
fn report_of(text: &str) -> Result<ExpectedReport, String> {
    let (kind, mut rest) = text.split_once(' ').unwrap_or((text, ""));
    let mut values = Vec::new();
    while !rest.trim().is_empty() {
        let (name, value) =
            rest.trim_start().split_once('=').ok_or_else(|| format!("`{rest}` has no `=`"))?;
        let (value, behind) = match value.strip_prefix('"') {
            Some(inner) => inner.split_once('"').ok_or_else(|| format!("`{value}` has no second quote"))?,
            None => value.split_once(' ').unwrap_or((value, "")),
        };
        values
            .push((name.to_owned(), if value.contains("\\{") { written(value)? } else { value.to_owned() }));
        rest = behind;
    }
    Ok(ExpectedReport { kind: kind.to_owned(), values })
}

/// The octets of a line: escapes read, and CRLF behind it unless it ends in a backslash.
pub(crate) fn wire(text: &str) -> Result<Vec<u8>, String> {
    let (text, end) = match text.strip_suffix('\\') {
        Some(cut) if !cut.ends_with('\\') => (cut, &b""[..]),
        _ => (text, &b"\r\n"[..]),
    };
    let mut octets = Vec::new();
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('\\') {
        octets.extend_from_slice(before.as_bytes());
        rest = unescape(escape, &mut octets)?;
    }
    octets.extend_from_slice(rest.as_bytes());
    octets.extend_from_slice(end);
    Ok(octets)
}

fn written(escaped: &str) -> Result<String, String> {
    String::from_utf8(wire(&format!("{escaped}\\"))?).map_err(|error| error.to_string())
}

/// Reads what follows a backslash; what stands behind it.
fn unescape<'t>(text: &'t str, octets: &mut Vec<u8>) -> Result<&'t str, String> {
    let mut rest = text.chars();
    let octet = match rest.next() {
        Some('r') => b'\r',
        Some('n') => b'\n',
        Some('t') => b'\t',
        Some('s') => b' ',
        Some('\\') => b'\\',
        Some('x') => {
            let digits = text.get(1..3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
            octets.push(digits.ok_or_else(|| format!("`\\{text}` has no two hexadecimal digits"))?);
            return Ok(&text[3..]);
        }
        // `\{1000:text}` is the text so many times.
        Some('{') => {
            let (inner, behind) = rest.as_str().split_once('}').ok_or("`\\{` has no `}`")?;
            let (count, text) = inner.split_once(':').ok_or("`\\{` has no `:`")?;
            let count: usize = count.parse().map_err(|_| format!("`{count}` is no number"))?;
            let once = wire(&format!("{text}\\"))?;
            octets.extend(once.repeat(count));
            return Ok(behind);
        }
        other => return Err(format!("`\\{other:?}` is no escape")),
    };
    octets.push(octet);
    Ok(rest.as_str())
}
