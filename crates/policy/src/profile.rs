//! What a dialect fixes for the sessions under its rules, as one value.
//!
//! Whoever needs to know asks the value; no other code knows a dialect by its name.

use proto::smtp::extension::Extensions;
use proto::smtp::verb::Verb;

use crate::model::Action;

/// The choices of a dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// In which order the rules of a policy are tried, and which of them ends the search.
    pub order: Order,
    /// The verbs that a client may use; any other is masked.
    pub verbs: VerbSet,
    /// Keywords of an EHLO reply that are masked whatever the rules say, and whatever verbs there are.
    pub hidden: Extensions,
    /// What is written over what is masked.
    pub ink: Ink,
    /// What becomes of BDAT (RFC 3030) where the server offers it.
    pub bdat: Bdat,
    /// What blanks before a verb are.
    pub leading_blanks: Blanks,
    /// Whose words the log uses.
    pub log: LogForm,
}

impl Profile {
    /// A session without rules.
    pub const NONE: Self = Self {
        order: Order::AsConfigured,
        verbs: VerbSet::ALL,
        hidden: Extensions::of(&[]),
        ink: Ink { command: Letter::Small, keyword: Letter::Capital },
        bdat: Bdat::Inspected,
        leading_blanks: Blanks::Skipped,
        log: LogForm::Ios,
    };

    /// Cisco IOS, zone-based firewall: class-maps and policy-maps of type inspect.
    pub const C3PL: Self = Self {
        order: Order::AsConfigured,
        verbs: VerbSet::of(&[
            Verb::Auth,
            Verb::Data,
            Verb::Ehlo,
            Verb::Etrn,
            Verb::Expn,
            Verb::Helo,
            Verb::Help,
            Verb::Mail,
            Verb::Noop,
            Verb::Quit,
            Verb::Rcpt,
            Verb::Rset,
            Verb::Saml,
            Verb::Send,
            Verb::Soml,
            Verb::Starttls,
            Verb::Verb,
            Verb::Vrfy,
        ]),
        hidden: Extensions::of(&["CHUNKING"]),
        ink: Ink { command: Letter::Small, keyword: Letter::Capital },
        bdat: Bdat::Masked,
        leading_blanks: Blanks::Verb,
        log: LogForm::Ios,
    };

    /// Whether a client may use the verb. LHLO is EHLO (RFC 2033 §4.1), under another name.
    pub const fn allows(&self, verb: Verb) -> bool {
        let verb = if matches!(verb, Verb::Lhlo) { Verb::Ehlo } else { verb };
        self.verbs.contains(verb)
    }
}

/// In which order the rules of a policy are tried for an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As written; the first rule that matches acts, and no other is tried.
    AsConfigured,
    /// By the progress of parsing, then as written: [`Row::order`](crate::criterion::Row::order) of the
    /// condition of a class that is decided last. A rule that neither masks nor ends the session lets the
    /// next one act too.
    ByCriterion,
}

impl Order {
    /// Whether a rule with this action lets the rules after it be tried.
    pub const fn continues_after(self, action: Option<Action>) -> bool {
        match (self, action) {
            (Self::AsConfigured, _) => false,
            (Self::ByCriterion, None | Some(Action::Allow | Action::Pace(_))) => true,
            (Self::ByCriterion, Some(Action::Mask | Action::Close | Action::Reset)) => false,
        }
    }
}

/// A set of verbs; [`Verb::Unknown`] is any verb that is not in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerbSet(u64);

impl VerbSet {
    /// Every verb, known or not.
    pub const ALL: Self = Self(u64::MAX);

    /// The set of these verbs.
    pub const fn of(verbs: &[Verb]) -> Self {
        let mut bits = 0;
        let mut rest = verbs;
        while let [verb, others @ ..] = rest {
            bits |= bit(*verb);
            rest = others;
        }
        Self(bits)
    }

    /// Whether the verb is a member.
    pub const fn contains(self, verb: Verb) -> bool {
        self.0 & bit(verb) != 0
    }
}

const fn bit(verb: Verb) -> u64 {
    1 << verb as u32
}

/// The letters that take the place of what is masked, one for each byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ink {
    /// Of a command line, up to its line end.
    pub command: Letter,
    /// Of a keyword of an EHLO reply with its parameters.
    pub keyword: Letter,
}

/// A letter to mask with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letter {
    /// `x`
    Small,
    /// `X`
    Capital,
}

/// What becomes of BDAT where the server offers CHUNKING.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bdat {
    /// Its message is inspected as that of DATA.
    Inspected,
    /// The command is masked, and its bytes are skipped.
    Masked,
}

/// What blanks before a verb are. Some servers, Postfix among them, skip them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blanks {
    /// Nothing: the verb follows them.
    Skipped,
    /// A part of the verb, which no dialect has.
    Verb,
}

/// Whose words the messages of the log are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogForm {
    /// `%APPFW-4-…`, `%FW-6-…`
    Ios,
}

#[cfg(test)]
mod tests {
    use proto::smtp::verb::VERBS;

    use super::*;

    #[test]
    fn c3pl_has_eighteen_verbs() {
        let verbs = VERBS.iter().filter(|row| Profile::C3PL.verbs.contains(row.verb));
        assert_eq!(verbs.count(), 18);
        assert!(!Profile::C3PL.verbs.contains(Verb::Unknown));
    }

    #[test]
    fn without_rules_every_verb_may_be_used() {
        assert!(VERBS.iter().all(|row| Profile::NONE.verbs.contains(row.verb)));
        assert!(Profile::NONE.verbs.contains(Verb::Unknown));
    }

    #[test]
    fn lhlo_is_ehlo() {
        assert!(Profile::C3PL.allows(Verb::Lhlo) && !Profile::C3PL.verbs.contains(Verb::Lhlo));
        assert!(Profile::C3PL.allows(Verb::Noop) && !Profile::C3PL.allows(Verb::Turn));
    }
}
