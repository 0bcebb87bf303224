//! What of the server's extensions is open to the client: what it was shown, and what is shut.
//!
//! A keyword that is masked is shut from the first byte: a client need not send EHLO to use a verb, and a server may
//! know one that it does not name. A keyword that a class masks only in some replies is shut until a reply has shown
//! it.

use policy::model::{Conformance, StartTls};
use policy::profile::{Profile, UnknownKeywords};
use proto::smtp::command::Command;
use proto::smtp::extension::{Extensions, Parameter, find, keyword_of};
use proto::smtp::verb::Verb;

use crate::config::{SessionConfig, Watch};

/// What is offered, and what is shut.
#[derive(Debug, Default)]
pub(crate) struct Offer {
    /// Keywords of the last EHLO reply.
    named: Extensions,
    /// Keywords of the last EHLO reply that the client was shown.
    shown: Extensions,
    shut: Extensions,
    /// Keywords in no table that are shut. Such a keyword locks the verb and the parameter of its own name.
    others: Vec<Box<[u8]>>,
}

/// A parameter that is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locked {
    Known(Parameter),
    /// The place of its name among those that are in no table.
    Other(u8),
}

impl Offer {
    /// Before any reply to EHLO, and after HELO.
    pub(super) fn none(config: &SessionConfig) -> Self {
        if config.watch == Watch::Observe {
            return Self::default();
        }
        let masks = config.policy.as_ref().map(|policy| policy.masks());
        let named = masks.map(|masks| masks.named).unwrap_or_default();
        let others = masks.map_or(&[][..], |masks| &masks.others);
        Self {
            named: Extensions::default(),
            shown: Extensions::default(),
            shut: hidden(config).and(named).with_dependants(),
            others: others.iter().map(|keyword| keyword.as_bytes().into()).collect(),
        }
    }

    /// Whether the server named the keyword, shown or not.
    pub(super) fn names(&self, keyword: Extensions) -> bool {
        self.named.meets(keyword)
    }

    /// Whether the client was shown the keyword.
    pub(super) fn shows(&self, keyword: Extensions) -> bool {
        self.shown.meets(keyword)
    }

    /// Whether the command has a verb of a keyword that is shut.
    pub(super) fn shuts(&self, command: &Command<'_>, profile: &Profile) -> bool {
        match command.verb {
            Verb::Unknown => self.others.iter().any(|shut| shut.eq_ignore_ascii_case(command.token)),
            verb => self.shut.unlock_verb(verb) && !profile.needs_no_keyword.contains(verb),
        }
    }

    /// The parameter of MAIL or RCPT, if its keyword is shut.
    pub(super) fn locks(&self, parameter: &[u8], value: &[u8]) -> Option<Locked> {
        if let Some(known) = self.shut.unlock_parameter(parameter, value) {
            return Some(Locked::Known(known));
        }
        let other = self.others.iter().position(|shut| shut.eq_ignore_ascii_case(parameter))?;
        Some(Locked::Other(u8::try_from(other).unwrap_or(u8::MAX)))
    }

    /// Whether a line of the reply, by its text, is hidden from the client.
    pub(super) fn hides(&self, text: &[u8], config: &SessionConfig) -> bool {
        let keyword = keyword_of(text);
        let by_verb = || {
            let masks = config.policy.as_ref().map(|policy| policy.masks());
            masks.is_some_and(|masks| {
                masks.other_verbs.iter().any(|verb| verb.as_bytes().eq_ignore_ascii_case(keyword))
            })
        };
        let by_dialect = || hides_unknown(config) && find(keyword).is_none();
        self.shut.names(keyword)
            || by_dialect()
            || self.others.iter().any(|shut| shut.eq_ignore_ascii_case(keyword))
            || config.watch == Watch::Enforce && by_verb()
    }

    /// The name of a parameter that is locked, as it may be said to a client.
    pub(super) fn name(&self, locked: Locked) -> &str {
        match locked {
            Locked::Known(parameter) => parameter.name(),
            Locked::Other(at) => {
                let name = self.others.get(usize::from(at)).and_then(|name| std::str::from_utf8(name).ok());
                name.unwrap_or_default()
            }
        }
    }
}

/// A reply to EHLO as it is judged, keyword by keyword.
#[derive(Debug, Default)]
pub(super) struct Keywords {
    offered: Extensions,
    masked: Extensions,
    /// The same, of keywords in no table.
    offered_others: Vec<Box<[u8]>>,
    masked_others: Vec<Box<[u8]>>,
}

impl Keywords {
    /// One keyword of the reply, and whether a rule masks it.
    pub(super) fn add(&mut self, keyword: &[u8], masked: bool, config: &SessionConfig) {
        let known = self.offered.insert(keyword);
        if known && masked {
            self.masked.insert(keyword);
        }
        if known || !is_name(keyword) {
            return;
        }
        if masked || hides_unknown(config) {
            self.masked_others.push(keyword.into());
        } else if config.policy.as_ref().is_some_and(|policy| !policy.masks().others.is_empty()) {
            self.offered_others.push(keyword.into());
        }
    }

    /// What is open and what is shut after the whole reply. Only now is it known what a keyword depends on.
    pub(super) fn into_offer(self, config: &SessionConfig) -> Offer {
        if config.watch == Watch::Observe {
            return Offer { named: self.offered, shown: self.offered, ..Offer::default() };
        }
        let before = Offer::none(config);
        let hidden = hidden(config);
        let passed = self.offered.without(hidden).without(self.masked);
        let shut = before.shut.without(passed).and(hidden).and(self.masked).with_dependants();
        let mut others = before.others;
        others.retain(|shut| !self.offered_others.iter().any(|shown| shown.eq_ignore_ascii_case(shut)));
        others.extend(self.masked_others);
        Offer { named: self.offered, shown: self.offered.without(shut), shut, others }
    }
}

/// Keywords that are hidden in every reply.
fn hidden(config: &SessionConfig) -> Extensions {
    let by_rules = match &config.policy {
        Some(policy) => policy.masks().hidden,
        None => config.profile.hidden,
    };
    let tls = if config.starttls == StartTls::Mask { STARTTLS } else { Extensions::default() };
    // Whoever talks before the greeting is reset: nobody may be invited to it.
    let early = if config.conformance == Conformance::Strict { PIPECONNECT } else { Extensions::default() };
    // What we say ourselves nobody else may: the server would believe it.
    let introduction = if config.send_xclient { XCLIENT } else { Extensions::default() };
    by_rules.and(CHANGES_MEANING).and(tls).and(early).and(introduction)
}

fn hides_unknown(config: &SessionConfig) -> bool {
    config.watch == Watch::Enforce && config.profile.unknown_keywords == UnknownKeywords::Hidden
}

/// Keywords of verbs after which the bytes of a connection mean something else: nobody could follow them. After
/// XEXCH50 come bytes of a form that is Microsoft's own; after ATRN and TURN the roles of the peers are exchanged.
const CHANGES_MEANING: Extensions = Extensions::of(&["ATRN", "TURN", "XEXCH50"]);

/// Keywords of verbs after which TLS begins.
const STARTTLS: Extensions = Extensions::of(&["STARTTLS", "X-ANONYMOUSTLS"]);

const XCLIENT: Extensions = Extensions::of(&["XCLIENT"]);

pub(super) const CHUNKING: Extensions = Extensions::of(&["CHUNKING"]);
pub(super) const PIPECONNECT: Extensions = Extensions::of(&["PIPECONNECT"]);
pub(super) const PIPELINING: Extensions = Extensions::of(&["PIPELINING"]);

/// RFC 5321 §4.1.1.1: a keyword is letters, digits and hyphens; nothing else can be a verb or a parameter.
fn is_name(keyword: &[u8]) -> bool {
    !keyword.is_empty() && keyword.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}
