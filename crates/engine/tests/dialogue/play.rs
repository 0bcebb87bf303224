//! A script is played: once as it is written, with every expectation looked at, and then in every
//! other cut, which must come to the same.

use std::fmt::Write as _;
use std::sync::Arc;

use engine::SessionConfig;
use policy::model::EventsDetail;
use proto::Side;

use super::driver::Driver;
use super::record::{Ending, News, Record, Report, Stream};
use super::script::{Action, At, Script, Step};

/// Scripts up to this many octets are cut at each of them.
const CUT_EVERYWHERE: usize = 2048;
const RANDOM_CUTS: u64 = 50;
/// Kinds of reports of which each one must be expected; others may be.
const STRICT: [&str; 4] = ["match", "anomaly", "tls", "login"];

/// How what the peers say is cut into segments.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Octets,
    /// At random places; lines of one side that follow each other may share a segment.
    Random(u64),
    /// As the script has it, and once more behind so many octets of all that is said.
    At(usize),
}

/// Plays a script in every way; the complaint names a line.
pub(crate) fn play(script: &Script) -> At<()> {
    let whole = as_written(script)?;
    let said = script.steps.iter().map(|step| match &step.action {
        Action::Say(_, octets) => octets.len(),
        _ => 0,
    });
    let said: usize = said.sum();
    let everywhere = if said <= CUT_EVERYWHERE { 1..said } else { 0..0 };
    let cuts =
        std::iter::once(Cut::Octets).chain((0..RANDOM_CUTS).map(Cut::Random)).chain(everywhere.map(Cut::At));
    let unread = unread(script);
    if let Some(difference) = difference(&unread, &without_particulars(&whole)) {
        return Err((0, format!("without a reader of events: {difference}")));
    }
    for cut in cuts {
        let other = run(script, cut);
        let offence = other.offences.first().cloned().or_else(|| heard_never(script, &other));
        let difference = offence.or_else(|| difference(&whole, &other));
        if let Some(difference) = difference {
            return Err((0, format!("cut {cut:?}: {difference}")));
        }
    }
    Ok(())
}

fn as_written(script: &Script) -> At<Record> {
    let mut driver = start(&script.config, &script.steps);
    let mut complaints = String::new();
    for step in &script.steps {
        act(&mut driver, &step.action);
        if let Action::Reason(reason) = &step.action
            && reason != driver.reason()
        {
            return Err((step.line, format!("  the reason is `{}`", driver.reason())));
        }
        let news = std::mem::take(&mut driver.record.news);
        let found = check(step, &news, &driver.record.offences);
        if !found.is_empty() {
            let _ = write!(complaints, "{found}");
            return Err((step.line, complaints));
        }
    }
    if let Some(complaint) = heard_never(script, &driver.record) {
        return Err((0, complaint));
    }
    if driver.is_over() && !driver.is_shut() {
        let line = script.steps.last().map_or(0, |step| step.line);
        return Err((line, "both peers have ended, and the session has not".to_owned()));
    }
    Ok(driver.record)
}

/// What the server heard although the script says that it never must.
fn heard_never(script: &Script, record: &Record) -> Option<String> {
    let heard = &record.stream(Side::Server).octets;
    let found =
        script.never.iter().find(|never| heard.windows(never.len()).any(|octets| octets == &never[..]))?;
    Some(format!("the server hears {}", shown(found)))
}

fn start(config: &Arc<SessionConfig>, steps: &[Step]) -> Driver {
    match steps.first().map(|step| &step.action) {
        Some(Action::Unreachable) => Driver::unreachable(config),
        _ => Driver::connected(config),
    }
}

fn act(driver: &mut Driver, action: &Action) {
    match action {
        Action::Say(side, octets) => driver.say(*side, octets),
        Action::End(side, how) => driver.end(*side, *how),
        Action::Wait(seconds) => driver.wait(*seconds),
        Action::Drain => driver.drain(),
        // The session began with the one; the other is only looked at.
        Action::Unreachable | Action::Reason(_) => {}
    }
}

/// Plays a script as it is written, with nobody who reads events.
fn unread(script: &Script) -> Record {
    let mut config = SessionConfig::clone(&script.config);
    config.detail = EventsDetail::None;
    let mut driver = start(&Arc::new(config), &script.steps);
    script.steps.iter().for_each(|step| act(&mut driver, &step.action));
    driver.record
}

/// What is left of a record where nobody reads events.
fn without_particulars(record: &Record) -> Record {
    let mut reports = record.reports.clone();
    for report in reports.iter_mut().filter(|report| report.kind == "transaction") {
        for (name, value) in &mut report.values {
            match *name {
                "helo" | "listed" | "parts" | "text" => value.clear(),
                "message-id" | "subject" => "none".clone_into(value),
                "more-parts" => "0".clone_into(value),
                _ => {}
            }
        }
    }
    Record { streams: record.streams.clone(), reports, ..Record::default() }
}

/// Plays a script in one cut.
fn run(script: &Script, cut: Cut) -> Record {
    let mut driver = start(&script.config, &script.steps);
    let mut random = fastrand::Rng::with_seed(if let Cut::Random(seed) = cut { seed } else { 0 });
    let mut before = 0;
    let mut steps = script.steps.iter().peekable();
    while let Some(step) = steps.next() {
        let Action::Say(side, octets) = &step.action else {
            act(&mut driver, &step.action);
            continue;
        };
        let mut octets = octets.clone();
        // What answers something that this step let pass cannot come with it.
        let alone = !step.expected.back.is_empty() || !matches!(cut, Cut::Random(_));
        while !alone
            && random.bool()
            && let Some(more) =
                steps.next_if(|next| next.expected.back.is_empty() && next.said_by(*side).is_some())
        {
            octets.extend_from_slice(more.said_by(*side).unwrap_or_default());
        }
        let mut rest = &octets[..];
        while !rest.is_empty() {
            let len = match cut {
                Cut::Octets => 1,
                Cut::Random(seed) => random.usize(1..=[7, 40, 400, 4000][usize::try_from(seed % 4).unwrap()]),
                Cut::At(at) if at > before => at - before,
                Cut::At(_) => rest.len(),
            };
            let (segment, left) = rest.split_at(len.min(rest.len()));
            driver.say(*side, segment);
            before += segment.len();
            rest = left;
        }
    }
    driver.record
}

/// What is not as the script says, in words.
fn check(step: &Step, news: &News, offences: &[String]) -> String {
    let mut found = String::new();
    let onwards = step.onwards();
    let mut compare = |what: &str, expected: &[u8], came: &[u8]| {
        if expected != came {
            let _ =
                writeln!(found, "  {what}\n    expected {}\n    came     {}", shown(expected), shown(came));
        }
    };
    let expected = &step.expected;
    compare("`>` what passes on", &expected.onwards, &news.passed[onwards as usize]);
    compare("`>>` what passes back", &expected.back, &news.passed[onwards.other() as usize]);
    compare("`+>` what we tell the server", &expected.told, &news.told);
    let answers: Vec<&str> = std::str::from_utf8(&news.answered).unwrap_or("no text").lines().collect();
    let alike = answers.len() == expected.answers.len()
        && expected.answers.iter().zip(&answers).all(|(pattern, answer)| fits(pattern, answer));
    if !alike {
        let _ = writeln!(
            found,
            "  `<` replies of ours\n    expected {:?}\n    came     {answers:?}",
            expected.answers
        );
    }
    // Only the order of one side's sends and endings is told apart.
    let by_side = |endings: &[(Side, Ending)]| {
        let mut endings = endings.to_vec();
        endings.sort_by_key(|(side, _)| *side as usize);
        endings
    };
    if by_side(&expected.endings) != by_side(&news.endings) {
        let _ = writeln!(
            found,
            "  endings\n    expected {:?}\n    came     {:?}",
            expected.endings, news.endings
        );
    }
    if let Some(complaint) = reports(step, &news.reports) {
        found.push_str(&complaint);
    }
    offences.iter().for_each(|offence| {
        let _ = writeln!(found, "  {offence}");
    });
    found
}

fn reports(step: &Step, came: &[Report]) -> Option<String> {
    let expected = &step.expected.reports;
    let looked_at = |report: &&Report| {
        STRICT.contains(&report.kind) || expected.iter().any(|expected| expected.kind == report.kind)
    };
    let came: Vec<&Report> = came.iter().filter(looked_at).collect();
    let fits = |(expected, came): (&super::script::ExpectedReport, &&Report)| {
        came.fits(&expected.kind, &expected.values)
    };
    if expected.len() == came.len() && expected.iter().zip(&came).all(fits) {
        return None;
    }
    let mut text = "  events\n".to_owned();
    for report in expected {
        let _ = writeln!(text, "    expected event {} {:?}", report.kind, report.values);
    }
    for report in came {
        let _ = writeln!(text, "    came     {report}");
    }
    Some(text)
}

/// Whether a text fits a pattern in which `*` stands for anything.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

/// How two records differ, if they do: the split invariance of ARCHITECTURE.md.
pub(crate) fn difference(one: &Record, other: &Record) -> Option<String> {
    for side in [Side::Client, Side::Server] {
        let (one, other) = (one.stream(side), other.stream(side));
        let alike = one.octets == other.octets && one.ending == other.ending;
        if !alike && !is_refused_message(side, one, other) {
            let at = one.octets.iter().zip(&other.octets).take_while(|(one, other)| one == other).count();
            return Some(format!(
                "the {side:?} hears\n    {} {:?}\n    instead of\n    {} {:?}",
                shown(&other.octets[at.saturating_sub(40)..]),
                other.ending,
                shown(&one.octets[at.saturating_sub(40)..]),
                one.ending,
            ));
        }
    }
    let at = one.reports.iter().zip(&other.reports).take_while(|(one, other)| one == other).count();
    if at < one.reports.len().max(other.reports.len()) {
        let show =
            |record: &Record| record.reports.get(at).map_or_else(|| "nothing".to_owned(), Report::to_string);
        return Some(format!("report {at} is\n    {}\n    instead of\n    {}", show(other), show(one)));
    }
    None
}

/// Of a message that is refused, the octets sent on already may differ in number; one run's are the
/// beginning of the other's, and neither holds the end of the data.
fn is_refused_message(side: Side, one: &Stream, other: &Stream) -> bool {
    let (short, long) = if one.octets.len() < other.octets.len() {
        (&one.octets, &other.octets)
    } else {
        (&other.octets, &one.octets)
    };
    let Some(surplus) = long.strip_prefix(&short[..]) else { return false };
    let in_message = short.windows(6).any(|octets| octets == b"DATA\r\n" || octets == b"BDAT 1")
        || short.windows(5).any(|octets| octets == b"BDAT ");
    let ends = long[short.len().saturating_sub(4)..].windows(5).any(|octets| octets == b"\r\n.\r\n");
    let aborted = one.ending == Some(Ending::Abort) && other.ending == Some(Ending::Abort);
    side == Side::Server && aborted && in_message && !ends && !surplus.is_empty()
}

fn shown(octets: &[u8]) -> String {
    let text = octets.escape_ascii().to_string();
    match text.get(..400) {
        Some(front) if text.len() > 600 => format!("`{front}…` ({} octets)", octets.len()),
        _ => format!("`{text}`"),
    }
}
