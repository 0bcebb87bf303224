//! Which object names which: said once by each kind of object, walked by everything that asks.
//!
//! Undefined names, "is being used", "nothing uses it", circles and forgotten places are all walks
//! over [`Object::references`] and [`Object::places_mut`].

use std::collections::HashMap;

use super::{Configuration, Name, Protocol};
use crate::source::Span;

/// Something a configuration defines under a name.
pub trait Object {
    /// What it is. Names are unique among the objects of a kind.
    fn kind(&self) -> ObjectKind;

    fn name(&self) -> &Name;

    /// Every name in it that means another object, in the order in which undefined ones are reported.
    fn references<'o>(&'o self, visit: &mut dyn FnMut(Reference<'o>));

    /// The place of every name and line in it, its own name included.
    fn places_mut(&mut self, visit: &mut dyn FnMut(&mut Span));
}

/// What can be defined under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// `parameter-map type regex`.
    RegexMap,
    /// `parameter-map type inspect`.
    InspectMap,
    /// `class-map type inspect PROTOCOL`.
    L7Class(Protocol),
    /// `policy-map type inspect PROTOCOL`.
    L7Policy(Protocol),
    /// `regex` of the ASA.
    Regex,
    /// `class-map type regex`.
    RegexClass,
    /// `policy-map type inspect esmtp`.
    EsmtpMap,
    /// `class-map` of the ASA.
    TrafficClass,
    /// `policy-map` of the ASA.
    TrafficPolicy,
    /// `service-policy` of the ASA; its name is its place.
    ServicePolicy,
    /// `access-group` of the ASA; its name is its line.
    AccessGroup,
    /// `class-map type inspect`.
    L3Class,
    /// `policy-map type inspect`.
    L3Policy,
    /// `zone security`.
    Zone,
    /// `zone-pair security`.
    ZonePair,
    /// `ip inspect name`.
    InspectRule,
    Interface,
    /// `name` of the ASA.
    HostName,
    /// `object` and `object-group` of the ASA.
    ObjectGroup,
    AccessList,
    Proxy,
}

impl ObjectKind {
    /// The kinds whose objects may name others of the same kind.
    pub(crate) const NESTING: &[Self] = &[Self::L3Class];

    /// The first word of its block, for "by policy-map `p`".
    pub const fn noun(self) -> &'static str {
        match self {
            Self::RegexMap | Self::InspectMap => "parameter-map",
            Self::L7Class(_) | Self::L3Class | Self::RegexClass | Self::TrafficClass => "class-map",
            Self::L7Policy(_) | Self::L3Policy | Self::EsmtpMap | Self::TrafficPolicy => "policy-map",
            Self::Regex => "regex",
            Self::ServicePolicy => "service-policy",
            Self::AccessGroup => "access-group",
            Self::Zone => "zone",
            Self::ZonePair => "zone-pair",
            Self::InspectRule => "inspection rule",
            Self::Interface => "interface",
            Self::HostName => "name",
            Self::ObjectGroup => "object",
            Self::AccessList => "access list",
            Self::Proxy => "proxy",
        }
    }

    /// What it is called where it is named: a policy names a class, not a class-map.
    pub(crate) const fn called(self) -> &'static str {
        match self {
            Self::L7Class(_) | Self::L3Class | Self::TrafficClass => "class",
            other => other.noun(),
        }
    }

    /// The command that defines it, without its name.
    pub(crate) fn command(self) -> String {
        match self {
            Self::RegexMap => "parameter-map type regex".to_owned(),
            Self::InspectMap => "parameter-map type inspect".to_owned(),
            Self::L7Class(protocol) => format!("class-map type inspect {protocol}"),
            Self::L7Policy(protocol) => format!("policy-map type inspect {protocol}"),
            Self::Regex => "regex".to_owned(),
            Self::RegexClass => "class-map type regex match-any".to_owned(),
            Self::EsmtpMap => "policy-map type inspect esmtp".to_owned(),
            Self::TrafficClass => "class-map".to_owned(),
            Self::TrafficPolicy => "policy-map".to_owned(),
            Self::ServicePolicy => "service-policy".to_owned(),
            Self::AccessGroup => "access-group".to_owned(),
            Self::L3Class => "class-map type inspect".to_owned(),
            Self::L3Policy => "policy-map type inspect".to_owned(),
            Self::Zone => "zone security".to_owned(),
            Self::ZonePair => "zone-pair security".to_owned(),
            Self::InspectRule => "ip inspect name".to_owned(),
            Self::Interface => "interface".to_owned(),
            Self::HostName => "name".to_owned(),
            Self::ObjectGroup => "object network".to_owned(),
            Self::AccessList => "ip access-list extended".to_owned(),
            Self::Proxy => "proxy".to_owned(),
        }
    }

    /// What has to name it, lest it has no effect; `None` if it needs nobody or may wait for its use.
    pub(crate) fn has_effect_by(self) -> Option<String> {
        match self {
            Self::L7Class(protocol) => Some(format!("policy-map type inspect {protocol}")),
            Self::L3Class => Some("policy-map type inspect".to_owned()),
            Self::L7Policy(_) => Some("service-policy".to_owned()),
            Self::L3Policy => Some("zone-pair or proxy".to_owned()),
            Self::EsmtpMap => Some("`inspect esmtp`".to_owned()),
            Self::RegexMap
            | Self::InspectMap
            | Self::Regex
            | Self::RegexClass
            | Self::TrafficClass
            | Self::TrafficPolicy
            | Self::ServicePolicy
            | Self::AccessGroup
            | Self::Zone
            | Self::ZonePair
            | Self::InspectRule
            | Self::Interface
            | Self::HostName
            | Self::ObjectGroup
            | Self::AccessList
            | Self::Proxy => None,
        }
    }

    /// Whether `no` in front of its command is refused while something names it. A router removes an
    /// access list and an inspection rule in any case.
    pub(crate) const fn is_kept_while_used(self) -> bool {
        !matches!(self, Self::AccessList | Self::InspectRule)
    }
}

/// A name that means another object.
#[derive(Clone, Copy, Debug)]
pub struct Reference<'n> {
    pub name: &'n Name,
    kind: ObjectKind,
    or: &'static [ObjectKind],
    built_in: &'static [&'static str],
    may_lack: bool,
}

impl<'n> Reference<'n> {
    pub(crate) const fn to(kind: ObjectKind, name: &'n Name) -> Self {
        Self { name, kind, or: &[], built_in: &[], may_lack: false }
    }

    /// If there is no object of the first kind, one of these kinds is meant.
    pub(crate) const fn or(self, kinds: &'static [ObjectKind]) -> Self {
        Self { or: kinds, ..self }
    }

    /// Names that have a meaning here without a definition.
    pub(crate) const fn or_built_in(self, names: &'static [&'static str]) -> Self {
        Self { built_in: names, ..self }
    }

    /// An object that the file lacks is only warned of: a device does without it.
    pub(crate) const fn or_none(self) -> Self {
        Self { may_lack: true, ..self }
    }

    pub(crate) const fn may_lack(&self) -> bool {
        self.may_lack
    }

    /// The kinds of object that the name may mean; the first that exists is taken.
    pub fn kinds(&self) -> impl Iterator<Item = ObjectKind> + use<> {
        std::iter::once(self.kind).chain(self.or.iter().copied())
    }

    /// Names that need no definition.
    pub(crate) const fn built_in(&self) -> &'static [&'static str] {
        self.built_in
    }

    pub(crate) fn is_built_in(&self) -> bool {
        self.built_in.contains(&self.name.text.as_str())
    }

    fn means(&self, kind: ObjectKind, name: &str) -> bool {
        self.name.text == name && self.kinds().any(|of| of == kind)
    }
}

/// Objects of one kind that name each other.
pub(crate) struct Nesting<'c> {
    /// Each after those it names.
    pub(crate) order: Vec<&'c dyn Object>,
    /// Names by which an object leads back to itself.
    pub(crate) circles: Vec<&'c Name>,
}

impl Configuration {
    /// Whoever names the object, and where: the first in the order of [`Configuration::objects`].
    pub(crate) fn user_of(&self, kind: ObjectKind, name: &str) -> Option<(&dyn Object, Span)> {
        self.objects().find_map(|object| {
            let mut used = None;
            object.references(&mut |reference| {
                if used.is_none() && reference.means(kind, name) {
                    used = Some(reference.name.at);
                }
            });
            Some((object, used?))
        })
    }

    /// How the objects of `kind` name each other; found without recursion, whatever their depth.
    pub(crate) fn nesting(&self, kind: ObjectKind) -> Nesting<'_> {
        let mut nesting = Nesting { order: Vec::new(), circles: Vec::new() };
        // An object is open while its members are looked at, and done afterwards.
        let mut is_open: HashMap<&str, bool> = HashMap::new();
        for object in self.objects_of(kind) {
            if is_open.contains_key(object.name().text.as_str()) {
                continue;
            }
            is_open.insert(&object.name().text, true);
            let mut stack = vec![(object, members(object, kind))];
            while let Some((at, rest)) = stack.last_mut() {
                let Some(member) = rest.next() else {
                    is_open.insert(&at.name().text, false);
                    nesting.order.push(*at);
                    stack.pop();
                    continue;
                };
                match (is_open.get(member.text.as_str()), self.find(kind, &member.text)) {
                    (Some(true), _) => nesting.circles.push(member),
                    (None, Some(object)) => {
                        is_open.insert(&object.name().text, true);
                        stack.push((object, members(object, kind)));
                    }
                    (Some(false), _) | (None, None) => {}
                }
            }
        }
        nesting
    }

    /// The same configuration with every place forgotten: two texts that say the same give equal ones.
    #[must_use]
    pub fn without_places(mut self) -> Self {
        let mut forget = |at: &mut Span| *at = Span::default();
        self.hostname.iter_mut().for_each(|name| forget(&mut name.at));
        self.settings.places_mut(&mut forget);
        self.for_each_object_mut(&mut |object| object.places_mut(&mut forget));
        self
    }
}

/// The objects of `kind` that an object names.
fn members(object: &dyn Object, kind: ObjectKind) -> std::vec::IntoIter<&Name> {
    let mut members = Vec::new();
    object.references(&mut |reference| {
        members.extend(reference.kinds().any(|of| of == kind).then_some(reference.name));
    });
    members.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(text: &str) -> Configuration {
        crate::load("test", text.as_bytes()).configuration.unwrap()
    }

    #[test]
    fn the_user_of_an_object_is_the_first_that_names_its_kind() {
        let configuration = configuration(
            "class-map type inspect mail\n match protocol smtp\n\
             class-map type inspect outer\n match class-map mail\n\
             policy-map type inspect top\n class type inspect outer\n  inspect\n\
             policy-map type inspect smtp top\n\
             proxy x\n listen 127.0.0.1:25\n server 192.0.2.1:25\n service-policy type inspect smtp top\n",
        );
        let user = |kind, name| {
            let (user, _) = configuration.user_of(kind, name)?;
            Some(format!("{} {}", user.kind().noun(), user.name()))
        };
        assert_eq!(user(ObjectKind::L3Class, "mail").unwrap(), "class-map outer");
        assert_eq!(user(ObjectKind::L3Class, "outer").unwrap(), "policy-map top");
        assert_eq!(user(ObjectKind::L7Policy(Protocol::Smtp), "top").unwrap(), "proxy x");
        assert_eq!(user(ObjectKind::L3Policy, "top"), None);
    }

    #[test]
    fn nested_classes_come_before_what_names_them() {
        let configuration = configuration(
            "class-map type inspect c\n match class-map a\n match class-map b\n\
             class-map type inspect b\n match class-map a\n\
             class-map type inspect a\n match protocol smtp\n",
        );
        let nesting = configuration.nesting(ObjectKind::L3Class);
        let order: Vec<&str> = nesting.order.iter().map(|object| object.name().text.as_str()).collect();
        assert_eq!(order, ["a", "b", "c"]);
        assert!(nesting.circles.is_empty());
    }
}
