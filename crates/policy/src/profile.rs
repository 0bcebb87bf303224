//! What a dialect fixes for the sessions under its rules, as one value.
//!
//! Whoever needs to know asks the value; no other code knows a dialect by its name.

use proto::smtp::verb::Verb;

use crate::model::Action;

/// The choices of a dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// In which order the rules of a policy are tried, and which of them ends the search.
    pub order: Order,
    /// The verbs that a client may use; any other is masked.
    pub verbs: VerbSet,
}

impl Profile {
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
    };
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

/// A set of verbs; [`Verb::Unknown`] stands for all that have no name of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerbSet(u32);

impl VerbSet {
    pub const fn of(verbs: &[Verb]) -> Self {
        let mut bits = 0;
        let mut rest = verbs;
        while let [verb, others @ ..] = rest {
            bits |= bit(*verb);
            rest = others;
        }
        Self(bits)
    }

    pub const fn contains(self, verb: Verb) -> bool {
        self.0 & bit(verb) != 0
    }
}

const fn bit(verb: Verb) -> u32 {
    1 << verb as u32
}
