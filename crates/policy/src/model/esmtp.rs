//! What an ASA asks of SMTP: regular expressions, and maps of type inspect esmtp.

use proto::mime::TransferEncoding;

use super::{Action, Configuration, Name, Object, ObjectKind, PatternText, Reference};
use crate::criterion::{Counter, CriterionKind, Text};
use crate::dialect::asa::defaults;
use crate::source::Span;

/// `regex NAME PATTERN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regex {
    pub name: Name,
    pub pattern: PatternText,
}

/// `class-map type regex match-any NAME`: a set of alternatives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegexClass {
    pub name: Name,
    pub description: Option<String>,
    pub regexes: Vec<Name>,
}

/// `policy-map type inspect esmtp NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EsmtpMap {
    pub name: Name,
    pub description: Option<String>,
    pub parameters: EsmtpParameters,
    pub matches: Vec<EsmtpMatch>,
}

impl EsmtpMap {
    /// A map that does nothing but what every map does.
    pub fn new(name: Name) -> Self {
        let (description, parameters, matches) = (None, EsmtpParameters::default(), Vec::new());
        Self { name, description, parameters, matches }
    }

    /// Whether it is the map that every ASA has.
    pub fn is_built_in(&self) -> bool {
        self.name.text == DEFAULT_ESMTP_MAP
    }

    /// Whether another map of the name says the same, wherever its lines are.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let bare = |map: &Self| {
            let mut map = map.clone();
            map.places_mut(&mut |at| *at = Span::default());
            map.parameters.special_character.get_or_insert(SpecialCharacter::Allowed);
            map
        };
        bare(self) == bare(other)
    }
}

impl Configuration {
    /// The map of that name, the built-in one included.
    pub fn esmtp_map(&self, name: &str) -> Option<&EsmtpMap> {
        if name == DEFAULT_ESMTP_MAP { Some(defaults::esmtp_map()) } else { self.esmtp_maps.get(name) }
    }

    /// The patterns that a name stands for.
    pub fn patterns_of(&self, regex: &RegexName) -> Vec<&PatternText> {
        let one = |name: &str| self.regexes.get(name).map(|regex| &regex.pattern);
        match regex {
            RegexName::One(name) => one(&name.text).into_iter().collect(),
            RegexName::Class(name) => {
                let class = self.regex_classes.get(&name.text);
                let regexes = class.map_or(&[][..], |class| &class.regexes).iter();
                regexes.filter_map(|name| one(&name.text)).collect()
            }
        }
    }
}

/// The map that `inspect esmtp` without a name stands for.
pub const DEFAULT_ESMTP_MAP: &str = "_default_esmtp_map";

/// The lines below `parameters`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EsmtpParameters {
    /// The domain that mail is accepted for, and what becomes of mail for another.
    pub mail_relay: Option<(Name, ParameterAction)>,
    pub banner: Banner,
    /// `None` where the map does not say.
    pub special_character: Option<SpecialCharacter>,
    /// `None` where the map does not say.
    pub allow_tls: Option<AllowTls>,
}

/// What the client sees of the server's greeting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Banner {
    #[default]
    Shown,
    /// `mask-banner`: its code, and of its text the digits 2 and 0; an asterisk for every other character.
    Masked,
    /// `mask-banner except esmtp`: of its text the word ESMTP as well, in any case. Without it Postfix takes
    /// the server for one behind a PIX, and speaks neither ESMTP nor TLS.
    MaskedExceptEsmtp,
}

/// What becomes of a path with `|`, a backquote or NUL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecialCharacter {
    /// `no special-character`.
    Allowed,
    Acts(ParameterAction),
}

/// `action {drop-connection [log] | log}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParameterAction {
    pub drops: bool,
    pub logs: bool,
}

impl ParameterAction {
    /// The same as the action of a rule.
    pub fn action(self) -> Option<Action> {
        self.drops.then_some(Action::Close)
    }
}

/// Whether a client may begin TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllowTls {
    /// `no allow-tls`.
    No,
    Yes {
        /// `action log`.
        logs: bool,
    },
}

/// One `match` of a map, with its actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EsmtpMatch {
    pub criterion: EsmtpCriterion,
    /// `match not …`.
    pub negated: bool,
    pub at: Span,
    /// What it does beside the log; the place is that of its line.
    pub action: Option<(Action, Span)>,
    pub log: bool,
}

impl EsmtpMatch {
    /// A match without an action does nothing.
    pub const fn acts(&self) -> bool {
        self.log || self.action.is_some()
    }
}

/// What a `match` asks. Counts and lengths are strict: `gt 25` holds from 26 on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EsmtpCriterion {
    Count { counter: Counter, over: u64 },
    Regex { text: Text, regex: RegexName },
    Verbs(Vec<VerbName>),
    Encodings(Vec<EncodingName>),
    EhloParameters(Vec<EhloParameter>),
}

impl EsmtpCriterion {
    /// Whether another asks the same, wherever it was written.
    pub fn is(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }

    pub const fn kind(&self) -> CriterionKind {
        match self {
            Self::Count { counter, .. } => counter.kind(),
            Self::Regex { text, .. } => text.kind(),
            Self::Verbs(_) => CriterionKind::Verb,
            Self::Encodings(_) => CriterionKind::Encoding,
            Self::EhloParameters(_) => CriterionKind::EhloKeyword,
        }
    }
}

/// `regex {NAME | class CLASS}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegexName {
    One(Name),
    Class(Name),
}

impl RegexName {
    fn reference(&self) -> Reference<'_> {
        match self {
            Self::One(name) => Reference::to(ObjectKind::Regex, name),
            Self::Class(name) => Reference::to(ObjectKind::RegexClass, name),
        }
    }

    const fn name_mut(&mut self) -> &mut Name {
        match self {
            Self::One(name) | Self::Class(name) => name,
        }
    }
}

/// `match cmd verb …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VerbName {
    /// In upper case.
    One(String),
    /// `others`: any that an ASA does not know.
    Others,
}

impl VerbName {
    /// As a configuration writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::One(verb) => verb,
            Self::Others => "others",
        }
    }
}

/// `match mime encoding …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodingName {
    One(TransferEncoding),
    /// `others`: any value that is not standard.
    Others,
}

/// Every encoding that has a name, as a configuration writes it.
pub static ENCODING_NAMES: &[(TransferEncoding, &str)] = &[
    (TransferEncoding::SevenBit, "7bit"),
    (TransferEncoding::EightBit, "8bit"),
    (TransferEncoding::Base64, "base64"),
    (TransferEncoding::Binary, "binary"),
    (TransferEncoding::QuotedPrintable, "quoted-printable"),
];

/// `match ehlo-reply-parameter …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EhloParameter {
    One(&'static EhloKeyword),
    /// `others`: any keyword that has no name here, but STARTTLS, which `allow-tls` decides about.
    Others,
}

/// A keyword of an EHLO reply that an ASA has a name for.
#[derive(Debug, PartialEq, Eq)]
pub struct EhloKeyword {
    /// As a configuration writes it.
    pub name: &'static str,
    /// As a server does.
    pub keyword: &'static str,
}

/// Every keyword that has a name, in the order of the alphabet.
pub static EHLO_KEYWORDS: &[EhloKeyword] = &[
    EhloKeyword { name: "8bitmime", keyword: "8BITMIME" },
    EhloKeyword { name: "auth", keyword: "AUTH" },
    EhloKeyword { name: "binaryname", keyword: "BINARYMIME" },
    EhloKeyword { name: "checkpoint", keyword: "CHECKPOINT" },
    EhloKeyword { name: "dsn", keyword: "DSN" },
    EhloKeyword { name: "ecode", keyword: "ENHANCEDSTATUSCODES" },
    EhloKeyword { name: "etrn", keyword: "ETRN" },
    EhloKeyword { name: "pipelining", keyword: "PIPELINING" },
    EhloKeyword { name: "size", keyword: "SIZE" },
    EhloKeyword { name: "vrfy", keyword: "VRFY" },
];

impl Object for Regex {
    fn kind(&self) -> ObjectKind {
        ObjectKind::Regex
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn references<'o>(&'o self, _visit: &mut dyn FnMut(Reference<'o>)) {}

    fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        visit(&mut self.name.at);
        visit(&mut self.pattern.at);
    }
}

impl Object for RegexClass {
    fn kind(&self) -> ObjectKind {
        ObjectKind::RegexClass
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn references<'o>(&'o self, visit: &mut dyn FnMut(Reference<'o>)) {
        self.regexes.iter().for_each(|regex| visit(Reference::to(ObjectKind::Regex, regex)));
    }

    fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        visit(&mut self.name.at);
        self.regexes.iter_mut().for_each(|regex| visit(&mut regex.at));
    }
}

impl Object for EsmtpMap {
    fn kind(&self) -> ObjectKind {
        ObjectKind::EsmtpMap
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn references<'o>(&'o self, visit: &mut dyn FnMut(Reference<'o>)) {
        for one in &self.matches {
            if let EsmtpCriterion::Regex { regex, .. } = &one.criterion {
                visit(regex.reference());
            }
        }
    }

    fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        visit(&mut self.name.at);
        if let Some((domain, _)) = &mut self.parameters.mail_relay {
            visit(&mut domain.at);
        }
        for one in &mut self.matches {
            visit(&mut one.at);
            if let Some((_, at)) = &mut one.action {
                visit(at);
            }
            if let EsmtpCriterion::Regex { regex, .. } = &mut one.criterion {
                visit(&mut regex.name_mut().at);
            }
        }
    }
}
