//! Layer 7: what is asked of the commands and messages of a protocol, and what follows from it.

use std::num::NonZeroU32;

use super::Name;
use crate::fact::{Counter, Text};
use crate::source::Span;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchMode {
    All,
    Any,
}

/// `parameter-map type regex NAME`: a set of alternatives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegexMap {
    pub name: Name,
    pub patterns: Vec<PatternText>,
}

/// One `pattern` line, without its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternText {
    pub text: String,
    pub at: Span,
}

/// `class-map type inspect smtp [match-all | match-any] NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L7Class {
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
            | Self::EhloReply { .. } => None,
        }
    }
}

/// `match mime encoding …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encoding {
    SevenBit,
    EightBit,
    Base64,
    Binary,
    QuotedPrintable,
    XUuencode,
    /// Any value that is none of the above.
    Unknown,
    /// A private `X-…` value, as typed.
    Private(String),
}

/// `policy-map type inspect smtp NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L7Policy {
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

/// `class type inspect smtp CLASS` with the actions below it.
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Smtp,
    Esmtp,
    Pop3,
    Imap,
    Tcp,
}
