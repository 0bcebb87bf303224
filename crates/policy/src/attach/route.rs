//! Where the classes of a policy lead which sessions.

use super::selector::{Classes, Selector};
use super::{CLASS_DEFAULT, Handling};
use crate::model::{Connection, EsmtpInspection, L3Policy, Name, TopAction};

/// The layer 7 rules of sessions, by the name of the map.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Rules<'c> {
    /// A `policy-map type inspect` of `smtp`, `pop3` or `imap`.
    Classes(&'c str),
    /// A `policy-map type inspect esmtp`.
    Esmtp(&'c str),
}

/// Where the policies lead some sessions of an attachment.
#[derive(Clone, Copy)]
pub(super) struct Route<'c> {
    pub(super) handling: Handling,
    /// Whether each session that is passed or dropped is logged.
    pub(super) log: bool,
    pub(super) class: Option<&'c str>,
    pub(super) rules: Option<Rules<'c>>,
    pub(super) parameters: Option<&'c Name>,
    /// `set connection` of the class, in this policy-map.
    pub(super) connection: Option<(&'c Name, &'c Connection)>,
}

impl<'c> Route<'c> {
    /// By conformance alone.
    pub(super) const INSPECT: Self = Self {
        handling: Handling::Inspect,
        log: false,
        class: None,
        rules: None,
        parameters: None,
        connection: None,
    };
    pub(super) const RELAY: Self = Self { handling: Handling::Relay, ..Self::INSPECT };
    pub(super) const DROP: Self = Self { handling: Handling::Drop, ..Self::INSPECT };

    /// By a `policy-map type inspect` of `smtp`, `pop3` or `imap`.
    pub(super) fn classes(name: &'c Name) -> Self {
        Self { rules: Some(Rules::Classes(&name.text)), ..Self::INSPECT }
    }

    /// By the map of `inspect esmtp`.
    pub(super) fn esmtp(inspection: &'c EsmtpInspection) -> Self {
        Self { rules: Some(Rules::Esmtp(inspection.map_name())), ..Self::INSPECT }
    }

    /// Through a class of a top-level policy. Without a layer 7 policy IOS lets the answers of an inspected
    /// connection through, and looks no further.
    fn through(class: &'c str, action: Option<&'c TopAction>, rules: Option<&'c Name>) -> Self {
        let rules = rules.map(|name| Rules::Classes(&name.text));
        let (handling, rules) = match action {
            Some(TopAction::Inspect { .. }) if rules.is_some() => (Handling::Inspect, rules),
            Some(TopAction::Inspect { .. } | TopAction::Pass { .. }) => (Handling::Relay, None),
            Some(TopAction::Drop { .. }) | None => (Handling::Drop, None),
        };
        let parameters = action.and_then(TopAction::parameters);
        let log = matches!(action, Some(TopAction::Pass { log: true } | TopAction::Drop { log: true }));
        Self { handling, log, class: Some(class), rules, parameters, connection: None }
    }
}

/// Where a policy leads the sessions of some traffic.
pub(super) struct Routes<'c> {
    /// In their order, each for those that none before it has.
    pub(super) selected: Vec<(Selector, Route<'c>)>,
    /// That of all others.
    pub(super) rest: Route<'c>,
}

impl<'c> Routes<'c> {
    /// The same for every session.
    pub(super) const fn all(rest: Route<'c>) -> Self {
        Self { selected: Vec::new(), rest }
    }

    /// The routes of classes in their order, up to the first that has all that are left.
    fn of(classes: impl Iterator<Item = (Selector, Route<'c>)>, otherwise: Route<'c>) -> Self {
        let mut selected = Vec::new();
        for (sessions, route) in classes {
            match sessions {
                Selector::All => return Self { selected, rest: route },
                Selector::None => {}
                _ => selected.push((sessions, route)),
            }
        }
        Self { selected, rest: otherwise }
    }
}

impl<'c> IntoIterator for Routes<'c> {
    type Item = (Selector, Route<'c>);
    type IntoIter = std::iter::Chain<std::vec::IntoIter<Self::Item>, std::iter::Once<Self::Item>>;

    fn into_iter(self) -> Self::IntoIter {
        self.selected.into_iter().chain(std::iter::once((Selector::All, self.rest)))
    }
}

impl<'c> Classes<'c> {
    /// By a top-level policy. `class-default` has what no class has.
    pub(super) fn through_zones(self, top: &'c L3Policy) -> Routes<'c> {
        let classes = top.rules.iter().map(|rule| {
            let rules = rule.l7_policy().filter(|(of, _)| *of == self.protocol).map(|(_, policy)| policy);
            let route = Route::through(&rule.class.text, rule.action.as_ref(), rules);
            (self.of_zones(&rule.class), route)
        });
        Routes::of(classes, Route::through(CLASS_DEFAULT, top.default.as_ref(), None))
    }

    /// By a policy-map of an ASA. What no class inspects passes without inspection.
    pub(super) fn through_asa(self, policy: &'c Name) -> Routes<'c> {
        let classes = self.configuration.traffic_rules(policy).iter().filter_map(|rule| {
            let inspection = rule.inspection.as_ref()?;
            let (class, connection) = (Some(rule.class.text.as_str()), Some((policy, &rule.connection)));
            let route = Route { class, connection, ..Route::esmtp(inspection) };
            Some((self.of_asa(&rule.class), route))
        });
        Routes::of(classes, Route::RELAY)
    }
}
