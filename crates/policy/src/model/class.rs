//! Layer 7: what is asked of the commands and messages of a protocol, and what follows from it.

use std::num::NonZeroU32;

use proto::mime::TransferEncoding;

use super::{Name, Object, ObjectKind, Reference};
use crate::criterion::{Counter, Sign, Text};
use crate::source::Span;

/// What a session speaks, as far as it is inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// SMTP and ESMTP (RFC 5321).
    Smtp,
    /// POP3 (RFC 1939).
    Pop3,
    /// IMAP (RFC 9051).
    Imap,
    /// Any protocol over TCP: relayed without inspection.
    Tcp,
}

impl Protocol {
    /// The protocols of mail.
    pub const MAIL: [Self; 3] = [Self::Smtp, Self::Pop3, Self::Imap];

    /// Of the protocols that are inspected, the one that C3PL calls so.
    pub fn inspected(name: &str) -> Option<Self> {
        Self::MAIL.into_iter().find(|protocol| protocol.name() == name)
    }

    /// What `match protocol` calls it; [`Protocol::Tcp`] holds for every protocol over TCP.
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Smtp => &["smtp"],
            Self::Pop3 => &["pop3", "pop3s"],
            Self::Imap => &["imap", "imap3", "imaps"],
            Self::Tcp => &["tcp"],
        }
    }

    /// Whether `match protocol NAME` holds for its sessions.
    pub fn is_matched_by(self, name: &str) -> bool {
        name == "tcp" || self.names().contains(&name)
    }

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Pop3 => "pop3",
            Self::Imap => "imap",
            Self::Tcp => "tcp",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchMode {
    All,
    Any,
}

/// `parameter-map type regex NAME`: a set of alternatives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegexMap {
    pub name: Name,
    /// Those of `pattern` lines, then those of the files.
    pub patterns: Vec<PatternText>,
    /// `pattern file FILE`: lists of patterns.
    pub files: Vec<Name>,
}

/// One `pattern` line, without its quotes, a line of a list, or the pattern of a `regex` of the ASA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternText {
    pub text: String,
    /// Of a list, its name in the configuration.
    pub at: Span,
    /// The line of a list, from 1.
    pub line: Option<u32>,
    /// The name of the `regex`.
    pub regex: Option<String>,
}

impl PatternText {
    /// What is said of it, with its line in a list.
    pub(crate) fn said(&self, message: String) -> String {
        match self.line {
            Some(line) => format!("line {line} of the list: {message}"),
            None => message,
        }
    }

    /// How it is typed with another text.
    pub(crate) fn typed_as(&self, text: &str) -> String {
        match (self.line, &self.regex) {
            (Some(_), _) => text.to_owned(),
            (None, Some(name)) => format!("regex {name} \"{text}\""),
            (None, None) => format!("pattern \"{text}\""),
        }
    }
}

/// `class-map type inspect PROTOCOL [match-all | match-any] NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L7Class {
    pub protocol: Protocol,
    pub name: Name,
    pub mode: MatchMode,
    pub description: Option<String>,
    pub conditions: Vec<Condition>,
}

/// One `match` line of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub criterion: Criterion,
    /// `match not …`.
    pub negated: bool,
    pub at: Span,
}

/// What a `match` line asks. Counts and lengths are strict: `gt 25` holds from 26 on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// `match protocol smtp` in a layer 7 class: always true; some guides write it.
    Protocol,
    /// A pattern of the map is found in the text.
    Regex {
        text: Text,
        map: Name,
    },
    Count {
        counter: Counter,
        over: u64,
    },
    /// The verb in upper case.
    CommandVerb {
        verb: String,
    },
    MimeEncoding {
        encoding: Encoding,
    },
    /// The EHLO keyword in upper case.
    EhloReply {
        keyword: String,
    },
    /// `match invalid-command`, `match login clear-text`.
    Sign(Sign),
}

impl Criterion {
    /// The `parameter-map type regex` it names.
    pub fn regex_map(&self) -> Option<&Name> {
        match self {
            Self::Regex { map, .. } => Some(map),
            Self::Protocol
            | Self::Count { .. }
            | Self::CommandVerb { .. }
            | Self::MimeEncoding { .. }
            | Self::EhloReply { .. }
            | Self::Sign(_) => None,
        }
    }

    const fn regex_map_mut(&mut self) -> Option<&mut Name> {
        match self {
            Self::Regex { map, .. } => Some(map),
            Self::Protocol
            | Self::Count { .. }
            | Self::CommandVerb { .. }
            | Self::MimeEncoding { .. }
            | Self::EhloReply { .. }
            | Self::Sign(_) => None,
        }
    }
}

/// `match mime encoding …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encoding {
    Standard(TransferEncoding),
    /// Any value that is not standard.
    Unknown,
    /// A private `X-…` value, as typed.
    Private(String),
}

/// `policy-map type inspect PROTOCOL NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L7Policy {
    pub protocol: Protocol,
    pub name: Name,
    pub description: Option<String>,
    pub rules: Vec<L7Rule>,
}

impl L7Policy {
    /// Every class of it only says `inspect`: an opaque relay.
    pub fn is_pinhole(&self) -> bool {
        let only_inspect = |rule: &L7Rule| rule.inspect && rule.action.is_none() && !rule.log;
        !self.rules.is_empty() && self.rules.iter().all(only_inspect)
    }
}

/// `class type inspect PROTOCOL CLASS` with the actions below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L7Rule {
    pub class: Name,
    pub log: bool,
    /// At most one of allow, reset and mask; none is `allow`.
    pub action: Option<(Action, Span)>,
    /// `inspect`, which some guides write here: no layer 7 inspection, so the class is allowed.
    pub inspect: bool,
}

/// What a rule does with an event that its class matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Allow,
    /// Overwrite the command or the keyword at equal length.
    Mask,
    /// End the session; ASA writes `drop-connection`.
    Close,
    /// End the session, by RST where the dialect says so.
    Reset,
    /// Let at most this many matching events through in a second; ASA writes `rate-limit`.
    Pace(PerSecond),
}

/// A rate in events per second, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerSecond(pub NonZeroU32);

impl Object for RegexMap {
    fn kind(&self) -> ObjectKind {
        ObjectKind::RegexMap
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn references<'o>(&'o self, _visit: &mut dyn FnMut(Reference<'o>)) {}

    fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        visit(&mut self.name.at);
        self.patterns.iter_mut().for_each(|pattern| visit(&mut pattern.at));
        self.files.iter_mut().for_each(|file| visit(&mut file.at));
    }
}

impl Object for L7Class {
    fn kind(&self) -> ObjectKind {
        ObjectKind::L7Class(self.protocol)
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn references<'o>(&'o self, visit: &mut dyn FnMut(Reference<'o>)) {
        let maps = self.conditions.iter().filter_map(|condition| condition.criterion.regex_map());
        maps.for_each(|map| visit(Reference::to(ObjectKind::RegexMap, map)));
    }

    fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        visit(&mut self.name.at);
        for condition in &mut self.conditions {
            visit(&mut condition.at);
            if let Some(map) = condition.criterion.regex_map_mut() {
                visit(&mut map.at);
            }
        }
    }
}

impl Object for L7Policy {
    fn kind(&self) -> ObjectKind {
        ObjectKind::L7Policy(self.protocol)
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn references<'o>(&'o self, visit: &mut dyn FnMut(Reference<'o>)) {
        let kind = ObjectKind::L7Class(self.protocol);
        self.rules.iter().for_each(|rule| visit(Reference::to(kind, &rule.class)));
    }

    fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        visit(&mut self.name.at);
        for rule in &mut self.rules {
            visit(&mut rule.class.at);
            if let Some((_, at)) = &mut rule.action {
                visit(at);
            }
        }
    }
}
