//! What came of a dialogue: what each side heard, how it ended for it, and what was reported.

use engine::event::{Event, Observed};
use engine::{Effect, Origin, Output};
use proto::Side;

/// Everything a session did, and what of it is new since the last look.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// What each side heard, the client first.
    pub(crate) streams: [Stream; 2],
    pub(crate) reports: Vec<Report>,
    pub(crate) news: News,
    /// What a session must never do, if it did.
    pub(crate) offences: Vec<String>,
}

/// All that one side heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stream {
    pub(crate) octets: Vec<u8>,
    pub(crate) ending: Option<Ending>,
    /// Of the octets, those that the other side had said, in their order.
    pub(crate) passed: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Finish,
    Abort,
}

/// What happened in one step.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Passed or rewritten, to the client and to the server.
    pub(crate) passed: [Vec<u8>; 2],
    /// Ours, to the client.
    pub(crate) answered: Vec<u8>,
    /// Ours, to the server.
    pub(crate) told: Vec<u8>,
    pub(crate) endings: Vec<(Side, Ending)>,
    pub(crate) reports: Vec<Report>,
}

/// A report as its kind and its named values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) kind: &'static str,
    pub(crate) values: Vec<(&'static str, String)>,
}

impl Record {
    pub(crate) fn stream(&self, side: Side) -> &Stream {
        &self.streams[side as usize]
    }
}

impl Output for Record {
    fn emit(&mut self, effect: Effect<'_>) {
        match effect {
            Effect::Send { to, bytes, origin } => {
                let stream = &mut self.streams[to as usize];
                if stream.ending.is_some() {
                    self.offences.push(format!("{to:?} is sent `{}` after its end", bytes.escape_ascii()));
                }
                stream.octets.extend_from_slice(bytes);
                if origin == Origin::Passed {
                    stream.passed.extend_from_slice(bytes);
                }
                match origin {
                    Origin::Ours if to == Side::Server => self.news.told.extend_from_slice(bytes),
                    Origin::Ours => self.news.answered.extend_from_slice(bytes),
                    Origin::Passed | Origin::Rewritten => {
                        self.news.passed[to as usize].extend_from_slice(bytes);
                    }
                }
            }
            Effect::Finish(side) => self.end(side, Ending::Finish),
            Effect::Abort(side) => self.end(side, Ending::Abort),
            Effect::Secure(side) => self.offences.push(format!("{side:?} is to begin TLS")),
            // What was answered is compared byte by byte.
            Effect::Report(Event::Reply(_)) => {}
            Effect::Report(event) => {
                let report = Report::of(&event);
                self.news.reports.push(report.clone());
                self.reports.push(report);
            }
        }
    }

    /// One account is blocked in every dialogue.
    fn is_blocked(&mut self, account: &[u8]) -> bool {
        account == b"blocked"
    }
}

impl Record {
    /// Lets go of what was heard so far.
    pub(crate) fn forget(&mut self) {
        self.news = News::default();
        self.streams.iter_mut().for_each(|stream| {
            stream.octets = Vec::new();
            stream.passed = Vec::new();
        });
    }

    fn end(&mut self, side: Side, ending: Ending) {
        let stream = &mut self.streams[side as usize];
        if stream.ending.is_some() {
            self.offences.push(format!("{side:?} is ended twice"));
        }
        stream.ending = Some(ending);
        self.news.endings.push((side, ending));
    }
}

impl Report {
    fn of(event: &Event<'_>) -> Self {
        let escaped = |octets: &[u8]| octets.escape_ascii().to_string();
        let (kind, values) = match event {
            Event::SessionStart => ("session-start", vec![]),
            Event::Transaction(of) => {
                let size = of.message.map_or_else(
                    || "none".to_owned(),
                    |size| format!("{}+{}", size.header_bytes, size.body_bytes),
                );
                let code =
                    |code: Option<u16>| code.map_or_else(|| "none".to_owned(), |code| code.to_string());
                let text = |text: Option<&[u8]>| text.map_or_else(|| "none".to_owned(), escaped);
                let listed = of.listed.iter().map(|to| format!("{}={}", escaped(to.address), code(to.reply)));
                let parts = of.parts.iter().map(|part| {
                    let (encoding, filename) = (text(part.encoding), text(part.filename));
                    format!("{}/{encoding}/{filename}", escaped(part.content_type))
                });
                let values = vec![
                    ("number", of.number.to_string()),
                    ("helo", escaped(of.helo)),
                    ("sender", escaped(of.sender)),
                    ("recipients", of.recipients.to_string()),
                    ("listed", listed.collect::<Vec<_>>().join(",")),
                    ("message-id", text(of.message_id)),
                    ("subject", text(of.subject)),
                    ("parts", parts.collect::<Vec<_>>().join(",")),
                    ("more-parts", of.more_parts.to_string()),
                    ("outcome", of.outcome.name().to_owned()),
                    ("text", escaped(of.reply_text)),
                    ("accepted", of.accepted.to_string()),
                    ("via", format!("{:?}", of.via).to_lowercase()),
                    ("size", size),
                    ("reply", code(of.reply)),
                    ("replies", of.replies.iter().map(u16::to_string).collect::<Vec<_>>().join(",")),
                ];
                ("transaction", values)
            }
            Event::Match(of) => {
                let values = vec![
                    ("policy", of.policy.to_owned()),
                    ("class", of.class.to_owned()),
                    ("criterion", of.criterion.to_owned()),
                    ("scope", of.scope.name().to_owned()),
                    ("value", escaped(of.value)),
                    ("action", of.action_name().to_owned()),
                    ("log", of.log.to_string()),
                    ("transaction", of.transaction.map_or_else(|| "none".to_owned(), |n| n.to_string())),
                    ("sender", of.sender.map_or_else(|| "none".to_owned(), escaped)),
                    ("reference", of.reference.map_or_else(|| "none".to_owned(), |of| of.to_string())),
                    ("count", of.count.to_string()),
                ];
                ("match", values)
            }
            Event::Anomaly(of) => {
                let values = vec![
                    ("kind", of.kind.name().to_owned()),
                    ("from", format!("{:?}", of.from).to_lowercase()),
                    ("treatment", of.treatment.name().to_owned()),
                    ("value", escaped(of.value)),
                    ("reference", of.reference.map_or_else(|| "none".to_owned(), |of| of.to_string())),
                    ("count", of.count.to_string()),
                ];
                ("anomaly", values)
            }
            Event::Tls { criteria } => ("tls", vec![("criteria", criteria.join(", "))]),
            Event::Login(of) => (
                "login",
                vec![
                    ("mechanism", escaped(of.mechanism)),
                    ("account", of.account.map_or_else(|| "none".to_owned(), escaped)),
                    ("clear-text", of.is_clear_text.to_string()),
                    ("outcome", of.outcome.name().to_owned()),
                ],
            ),
            Event::Reply(of) => ("reply", vec![("code", of.code.to_string())]),
            Event::Observed(of) => observed(of),
        };
        Self { kind, values }
    }

    /// Whether this is a report of `kind` with at least these values.
    pub(crate) fn fits(&self, kind: &str, values: &[(String, String)]) -> bool {
        let has = |(name, value): &(String, String)| {
            self.values.iter().any(|(own_name, own)| own_name == name && own == value)
        };
        self.kind == kind && values.iter().all(has)
    }
}

fn observed(of: &Observed<'_>) -> (&'static str, Vec<(&'static str, String)>) {
    let text = |octets: &[u8]| octets.escape_ascii().to_string();
    match of {
        Observed::Banner { text: line } => ("banner", vec![("text", text(line))]),
        Observed::Capability { text: line } => ("capability", vec![("text", text(line))]),
        Observed::Command { number, verb, argument } => (
            "command",
            vec![("number", number.to_string()), ("verb", text(verb)), ("argument", text(argument))],
        ),
        Observed::Answer { number, status } => {
            ("answer", vec![("number", number.to_string()), ("status", (*status).to_owned())])
        }
        Observed::Reply { number, code } => {
            ("reply", vec![("number", number.to_string()), ("code", code.to_string())])
        }
        other => ("observed", vec![("what", format!("{other:?}"))]),
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "event {}", self.kind)?;
        self.values.iter().try_for_each(|(name, value)| write!(out, " {name}=\"{value}\""))
    }
}
