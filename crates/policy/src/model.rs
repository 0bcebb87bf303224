//! What a configuration says, with names still names: the one model all dialects are lowered to.
//!
//! Lists are in the order of the file, because order is meaning in a policy. Every name keeps
//! the place where it was written, so that a complaint can point at it.

use crate::platform::Platform;
use crate::source::Span;

pub use address::{AccessList, AccessListForm};
pub use class::{
    Action, Condition, Criterion, Encoding, L7Class, L7Policy, L7Rule, MatchMode, PatternText, PerSecond,
    Protocol, RegexMap,
};
pub use limits::{InspectMap, Limits};
pub use settings::{Conformance, Proxy, ProxyPolicy, RecipientLimit, Refusals, Settings, StartTls};
pub(crate) use traffic::BUILT_IN_ZONES;
pub use traffic::{
    Interface, L3Class, L3Condition, L3Criterion, L3Policy, L3Rule, TopAction, Zone, ZonePair,
};

mod address;
mod class;
mod limits;
mod settings;
mod traffic;

/// A name as written, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub text: String,
    pub at: Span,
}

impl Name {
    pub fn new(text: impl Into<String>, at: Span) -> Self {
        Self { text: text.into(), at }
    }
}

/// One configuration: what its statements said of mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    pub platform: Platform,
    pub hostname: Option<Name>,
    pub settings: Settings,
    pub regex_maps: Vec<RegexMap>,
    pub inspect_maps: Vec<InspectMap>,
    pub l7_classes: Vec<L7Class>,
    pub l7_policies: Vec<L7Policy>,
    pub l3_classes: Vec<L3Class>,
    pub l3_policies: Vec<L3Policy>,
    pub zones: Vec<Zone>,
    pub zone_pairs: Vec<ZonePair>,
    pub interfaces: Vec<Interface>,
    pub access_lists: Vec<AccessList>,
    pub proxies: Vec<Proxy>,
}

/// What a list of a policy is made of.
pub trait Named {
    fn name(&self) -> &Name;
}

macro_rules! named {
    ($($kind:ty),*) => { $(impl Named for $kind { fn name(&self) -> &Name { &self.name } })* };
}

named!(
    RegexMap, InspectMap, L7Class, L7Policy, L3Class, L3Policy, Zone, ZonePair, Interface, AccessList, Proxy
);

/// The element of that name; names are unique in each list once lowered.
pub fn find<'p, T: Named>(list: &'p [T], name: &str) -> Option<&'p T> {
    list.iter().find(|element| element.name().text == name)
}
