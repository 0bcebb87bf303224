//! A compiled policy: numbered conditions, classes as masks over them, and one matcher per field.
//!
//! Data only: [`super`] builds it, `judge` runs facts through it.

use proto::mime::TransferEncoding;
use proto::smtp::verb::Verb;
use smallvec::SmallVec;

use super::masks::Masks;
use super::matcher::{Matcher, TextMatcher};
use crate::criterion::{Counter, CriterionKind, Learned, Sign, Text, Word};
use crate::model::{Action, EHLO_KEYWORDS, MatchMode};
use crate::profile::Profile;
use crate::scope::{Close, Scope};

/// One layer 7 policy, ready to judge. Shared by all sessions of an attachment.
#[derive(Debug)]
pub struct CompiledPolicy {
    pub(super) name: String,
    pub(super) profile: Profile,
    pub(super) needs: Needs,
    pub(super) masks: Masks,
    pub(super) most_recipients: Option<u64>,
    pub(super) conditions: Vec<ConditionInfo>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) groups: Vec<Group>,
    pub(crate) negations: Vec<Negation>,
    /// For each scope, the conditions that end when it begins anew.
    pub(crate) endings: Vec<(Scope, Bits)>,
    pub(super) words: [Vec<(Words, ConditionId)>; Word::COUNT],
    /// None of [`Text::Body`], which comes in pieces.
    pub(super) fields: [Option<Field<TextMatcher>>; Text::COUNT],
    pub(super) body: Option<Field<Matcher>>,
    pub(super) thresholds: [Vec<(u64, ConditionId)>; Counter::COUNT],
    pub(super) signs: [Vec<ConditionId>; Sign::COUNT],
}

/// Which facts some condition asks for; the engine need not learn the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// [`Text::Header`].
    pub header_fields: bool,
    /// [`Text::ContentType`] and [`Word::Encoding`].
    pub parts: bool,
    /// [`Text::Body`].
    pub text: bool,
    /// The lowest limit of [`Counter::HeaderLineLength`]: no shorter line need be learned.
    pub header_lines_over: Option<u64>,
    /// The same of [`Counter::BodyLineLength`].
    pub body_lines_over: Option<u64>,
}

impl Needs {
    /// Adds what a criterion needs.
    pub(super) const fn add(&mut self, learned: Learned) {
        match learned {
            // Which lengths, the limits say.
            Learned::Always | Learned::HeaderLines | Learned::BodyLines => {}
            Learned::HeaderFields => self.header_fields = true,
            Learned::PartHeaders => self.parts = true,
            Learned::BodyText => self.text = true,
        }
    }
}

impl CompiledPolicy {
    /// The name of the policy-map.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The profile that it was compiled by.
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// Which facts its conditions ask for.
    pub const fn needs(&self) -> Needs {
        self.needs
    }

    /// What it masks, as far as that is known before a session begins.
    pub const fn masks(&self) -> &Masks {
        &self.masks
    }

    /// The most recipients of a message that no rule refuses for their number; absent without such a limit.
    pub const fn most_recipients(&self) -> Option<u64> {
        self.most_recipients
    }

    /// Whether any condition searches this text: if none does, it need not be learned.
    pub fn searches(&self, text: Text) -> bool {
        self.field(text).is_some() || text == Text::Body && self.body.is_some()
    }

    /// Whether any condition asks for this word: if none does, it need not be learned.
    pub fn asks(&self, word: Word) -> bool {
        !self.words(word).is_empty()
    }

    /// How many of its classes act, each counted once.
    pub fn classes(&self) -> usize {
        let names: std::collections::HashSet<&str> = self.rules.iter().map(|rule| &*rule.class).collect();
        names.len()
    }

    /// The class of a rule, by name; empty for a rule of another policy.
    pub fn class(&self, rule: RuleId) -> &str {
        self.rules.get(usize::from(rule.0)).map_or("", |rule| &rule.class)
    }

    /// The criterion as a configuration writes it, without `match`.
    pub fn criterion(&self, condition: ConditionId) -> &str {
        self.conditions.get(usize::from(condition.0)).map_or("", |condition| &condition.text)
    }

    /// What a condition asks; nothing for a group of conditions.
    pub fn kind(&self, condition: ConditionId) -> Option<CriterionKind> {
        self.conditions.get(usize::from(condition.0))?.kind
    }

    /// The criteria that can no longer become true once a session is encrypted.
    pub fn hidden_by_encryption(&self) -> impl Iterator<Item = &str> {
        let hidden = self
            .conditions
            .iter()
            .filter(|condition| condition.kind.is_some_and(|kind| kind.row().hidden_by_encryption));
        hidden.map(|condition| condition.text.as_str())
    }

    /// What is searched in a text that comes whole.
    pub(crate) fn field(&self, text: Text) -> Option<&Field<TextMatcher>> {
        self.fields.get(text as usize)?.as_ref()
    }

    /// What is searched in body text.
    pub(crate) const fn body(&self) -> Option<&Field<Matcher>> {
        self.body.as_ref()
    }

    pub(crate) fn words(&self, word: Word) -> &[(Words, ConditionId)] {
        self.words.get(word as usize).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn signs(&self, sign: Sign) -> &[ConditionId] {
        self.signs.get(sign as usize).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn thresholds(&self, counter: Counter) -> &[(u64, ConditionId)] {
        self.thresholds.get(counter as usize).map_or(&[], Vec::as_slice)
    }
}

/// A condition's number; the classes of a policy share one numbering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConditionId(pub(crate) u16);

/// A rule of a policy, in the order in which it is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(pub(crate) u16);

#[derive(Debug)]
pub(super) struct ConditionInfo {
    /// The criterion as a configuration writes it, without `match`.
    pub(super) text: String,
    /// Nothing for a group, which is no criterion of its own.
    pub(super) kind: Option<CriterionKind>,
    pub(super) scope: Scope,
}

/// A class of the policy with its actions. A class may have two rules, see [`super`].
#[derive(Debug)]
pub(crate) struct Rule {
    pub(super) class: String,
    pub(crate) mode: MatchMode,
    pub(crate) conditions: Bits,
    pub(crate) action: Option<Action>,
    pub(crate) log: bool,
    pub(crate) then: Then,
}

/// What follows after a rule that acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// No other rule is tried for the event.
    Stop,
    /// The rules after it are tried as well.
    Continue,
}

/// Conditions of a match-all class that must hold in the same command, reply or part, in a class
/// that also asks for something wider: once they have met, `condition` holds for the transaction.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) condition: ConditionId,
    pub(crate) members: Bits,
}

/// A condition `match not`, true when `of` can no longer become true.
#[derive(Debug)]
pub(crate) struct Negation {
    pub(crate) of: ConditionId,
    pub(crate) condition: ConditionId,
    pub(crate) close: Close,
}

/// All patterns that are searched in one kind of text.
#[derive(Debug)]
pub(crate) struct Field<M> {
    pub(crate) matcher: M,
    pub(super) owners: Vec<Vec<ConditionId>>,
}

impl<M> Field<M> {
    pub(crate) fn owners(&self, pattern: usize) -> &[ConditionId] {
        self.owners.get(pattern).map_or(&[], Vec::as_slice)
    }
}

/// The words that one condition accepts.
#[derive(Clone, Debug)]
pub(crate) enum Words {
    /// This one, in any case.
    Exactly(Box<[u8]>),
    /// A standard encoding, by any of its names.
    Encoding(TransferEncoding),
    /// Any.
    Any,
    /// A domain that is not this one; a dot at its end does not count.
    OtherThan(Box<[u8]>),
    /// A verb that an ASA does not know.
    OtherVerb,
    /// An EHLO keyword that an ASA has no name for, but STARTTLS; and but SMTPUTF8, without which mail to a
    /// recipient with such an address bounces at the sender (`docs/clients.md`).
    OtherKeyword,
    /// An encoding that is not standard; nor one of these, which the same class names.
    OtherEncoding { named: Vec<String> },
}

impl Words {
    pub(crate) fn contain(&self, word: &[u8]) -> bool {
        match self {
            Self::Exactly(this) => this.eq_ignore_ascii_case(word),
            Self::Encoding(encoding) => TransferEncoding::of(word) == Some(*encoding),
            Self::Any => true,
            Self::OtherThan(domain) => !word.strip_suffix(b".").unwrap_or(word).eq_ignore_ascii_case(domain),
            Self::OtherVerb => !Profile::ASA.allows(Verb::of(word)),
            Self::OtherKeyword => {
                let is = |keyword: &str| keyword.as_bytes().eq_ignore_ascii_case(word);
                !is("STARTTLS") && !is("SMTPUTF8") && !EHLO_KEYWORDS.iter().any(|known| is(known.keyword))
            }
            Self::OtherEncoding { named } => {
                TransferEncoding::of(word).is_none()
                    && !named.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(word))
            }
        }
    }
}

/// A set of conditions; 128 fit without an allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bits(SmallVec<[u64; 2]>);

impl Bits {
    pub(crate) fn insert(&mut self, condition: ConditionId) {
        let (word, bit) = place(condition);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    pub(crate) fn contains(&self, condition: ConditionId) -> bool {
        let (word, bit) = place(condition);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    pub(crate) fn contains_all(&self, others: &Self) -> bool {
        let mine = self.0.iter().copied().chain(std::iter::repeat(0));
        others.0.iter().zip(mine).all(|(other, mine)| other & !mine == 0)
    }

    pub(crate) fn intersects(&self, others: &Self) -> bool {
        self.0.iter().zip(&others.0).any(|(mine, other)| mine & other != 0)
    }

    pub(crate) fn first_in(&self, others: &Self) -> Option<ConditionId> {
        let both = self.0.iter().zip(&others.0).map(|(mine, other)| mine & other);
        let (word, bits) = both.zip(0_u32..).map(|(bits, word)| (word, bits)).find(|(_, bits)| *bits != 0)?;
        u16::try_from(word * 64 + bits.trailing_zeros()).ok().map(ConditionId)
    }

    pub(crate) fn remove(&mut self, others: &Self) {
        self.0.iter_mut().zip(&others.0).for_each(|(mine, other)| *mine &= !other);
    }

    pub(crate) fn add(&mut self, others: &Self) {
        if self.0.len() < others.0.len() {
            self.0.resize(others.0.len(), 0);
        }
        self.0.iter_mut().zip(&others.0).for_each(|(mine, other)| *mine |= other);
    }

    pub(crate) fn clear(&mut self) {
        self.0.iter_mut().for_each(|word| *word = 0);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }
}

impl FromIterator<ConditionId> for Bits {
    fn from_iter<I: IntoIterator<Item = ConditionId>>(ids: I) -> Self {
        let mut bits = Self::default();
        ids.into_iter().for_each(|id| bits.insert(id));
        bits
    }
}

fn place(condition: ConditionId) -> (usize, u64) {
    (usize::from(condition.0 / 64), 1 << (condition.0 % 64))
}
