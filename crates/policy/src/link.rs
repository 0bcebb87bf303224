//! Names must be defined: every use is looked up, whatever the order in the file.
//!
//! A use before its definition is normal. What the named things say is `validate.rs`'s affair.

use std::collections::HashMap;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{
    BUILT_IN_ZONES, Configuration, L3Class, L3Criterion, L7Class, Name, Named, ProxyPolicy, RegexMap,
};
use crate::nearest::nearest;
use crate::platform::Platform;
use crate::source::Span;

/// Limit: undefined names for which a similar one is sought; each search looks at all names of a kind.
const SEARCHES_MAX: usize = 100;

pub(crate) fn check(policy: &Configuration, complaints: &mut Diagnostics) {
    let mut linker = Linker { policy, complaints, searches: 0 };
    linker.smtp();
    linker.classes();
    linker.policies();
    linker.zones();
    linker.proxies();
    linker.cycles();
}

/// The things that rules name, found by name.
pub(crate) struct Index<'p> {
    pub(crate) regex_maps: HashMap<&'p str, &'p RegexMap>,
    pub(crate) l7_classes: HashMap<&'p str, &'p L7Class>,
    pub(crate) l3_classes: HashMap<&'p str, &'p L3Class>,
}

impl<'p> Index<'p> {
    pub(crate) fn of(policy: &'p Configuration) -> Self {
        Self {
            regex_maps: by_name(&policy.regex_maps),
            l7_classes: by_name(&policy.l7_classes),
            l3_classes: by_name(&policy.l3_classes),
        }
    }
}

fn by_name<T: Named>(things: &[T]) -> HashMap<&str, &T> {
    things.iter().map(|thing| (thing.name().text.as_str(), thing)).collect()
}

struct Linker<'p, 'c> {
    policy: &'p Configuration,
    complaints: &'c mut Diagnostics,
    searches: usize,
}

/// What can be named: how it is called, how it is defined, and where each is.
struct Kind<'p> {
    called: &'static str,
    defined: &'static str,
    names: HashMap<&'p str, Span>,
}

impl<'p> Kind<'p> {
    fn new(called: &'static str, defined: &'static str, things: &'p [impl Named]) -> Self {
        let names = things.iter().map(|thing| (thing.name().text.as_str(), thing.name().at)).collect();
        Self { called, defined, names }
    }
}

impl<'p> Linker<'p, '_> {
    fn smtp(&mut self) {
        let policy = self.policy;
        let maps = Kind::new("parameter-map", "parameter-map type regex", &policy.regex_maps);
        for class in &policy.l7_classes {
            for map in class.conditions.iter().filter_map(|condition| condition.criterion.regex_map()) {
                self.look_up(&maps, map, &format!("class-map `{}`", class.name.text));
            }
        }
        let classes = Kind::new("class", "class-map type inspect smtp", &policy.l7_classes);
        for outer in &policy.l7_policies {
            for rule in &outer.rules {
                self.look_up(&classes, &rule.class, &format!("policy-map `{}`", outer.name.text));
            }
        }
    }

    fn classes(&mut self) {
        let policy = self.policy;
        let lists = Kind::new("access list", "ip access-list extended", &policy.access_lists);
        let classes = Kind::new("class", "class-map type inspect", &policy.l3_classes);
        for class in &policy.l3_classes {
            let place = format!("class-map `{}`", class.name.text);
            for condition in &class.conditions {
                match &condition.criterion {
                    L3Criterion::AccessGroup(list) => self.look_up(&lists, list, &place),
                    L3Criterion::Class(other) => self.look_up(&classes, other, &place),
                    L3Criterion::Protocol(_) => {}
                }
            }
        }
    }

    fn policies(&mut self) {
        let policy = self.policy;
        let classes = Kind::new("class", "class-map type inspect", &policy.l3_classes);
        let smtp = Kind::new("policy-map", "policy-map type inspect smtp", &policy.l7_policies);
        let maps = Kind::new("parameter-map", "parameter-map type inspect", &policy.inspect_maps);
        for outer in &policy.l3_policies {
            let place = format!("policy-map `{}`", outer.name.text);
            for rule in &outer.rules {
                self.look_up(&classes, &rule.class, &place);
                if let Some(inner) = rule.smtp_policy() {
                    self.look_up(&smtp, inner, &place);
                }
            }
            for map in outer.parameter_maps().filter(|map| map.text != "default") {
                self.look_up(&maps, map, &place);
            }
        }
    }

    fn zones(&mut self) {
        let policy = self.policy;
        let zones = Kind::new("zone", "zone security", &policy.zones);
        let policies = Kind::new("policy-map", "policy-map type inspect", &policy.l3_policies);
        for pair in &policy.zone_pairs {
            let place = format!("zone-pair `{}`", pair.name.text);
            for zone in [&pair.source, &pair.destination] {
                if !BUILT_IN_ZONES.contains(&zone.text.as_str()) {
                    self.look_up(&zones, zone, &place);
                }
            }
            if let Some(policy) = &pair.policy {
                self.look_up(&policies, policy, &place);
            }
        }
        for interface in &policy.interfaces {
            if let Some(zone) = &interface.zone {
                self.look_up(&zones, zone, &format!("interface `{}`", interface.name.text));
            }
        }
    }

    fn proxies(&mut self) {
        let policy = self.policy;
        let mut policies = Kind::new("policy-map", "policy-map type inspect smtp", &policy.l7_policies);
        let smtp = Kind::new("policy-map", "policy-map type inspect smtp", &policy.l7_policies);
        let inspect = Kind::new("policy-map", "policy-map type inspect", &policy.l3_policies);
        let maps = Kind::new("parameter-map", "parameter-map type inspect", &policy.inspect_maps);
        let both: Vec<&str> =
            inspect.names.keys().copied().filter(|name| policies.names.contains_key(name)).collect();
        policies.names.extend(inspect.names);
        for proxy in &policy.proxies {
            let place = format!("proxy `{}`", proxy.name.text);
            match &proxy.attachment {
                Some(ProxyPolicy::Named(name) | ProxyPolicy::Smtp(name))
                    if policy.platform == Platform::Asa =>
                {
                    let message = "policies of the ASA are not available in this version";
                    self.complaints.push(Diagnostic::new(Code::NotInThisVersion, name.at, message));
                }
                Some(ProxyPolicy::Smtp(name)) => self.look_up(&smtp, name, &place),
                Some(ProxyPolicy::Named(name)) => {
                    self.look_up(&policies, name, &place);
                    if both.contains(&name.text.as_str()) {
                        let message = format!(
                            "two policy-maps are called `{}`, that of type inspect is taken",
                            name.text
                        );
                        self.complaints.push(Diagnostic::new(Code::AmbiguousName, name.at, message));
                    }
                }
                Some(ProxyPolicy::Pinhole) | None => {}
            }
            if let Some(map) = &proxy.parameters {
                self.look_up(&maps, map, &place);
            }
        }
    }

    fn look_up(&mut self, kind: &Kind<'p>, name: &Name, place: &str) {
        if kind.names.contains_key(name.text.as_str()) {
            return;
        }
        self.searches += 1;
        let similar =
            (self.searches <= SEARCHES_MAX).then(|| nearest(&name.text, kind.names.keys().copied()));
        let similar = similar.flatten();
        let message = format!("unknown {} `{}` in {place}", kind.called, name.text);
        let mut complaint = Diagnostic::new(Code::UndefinedName, name.at, message);
        complaint = match similar {
            Some(similar) => complaint.help(format!("did you mean `{similar}`?")),
            None => complaint.help(format!("define it with `{} {}`", kind.defined, name.text)),
        };
        if let Some(at) = similar.and_then(|similar| kind.names.get(similar)) {
            complaint = complaint.related(*at, "it is defined here");
        }
        self.complaints.push(complaint);
    }

    /// A class that matches itself through others; found without recursion, whatever their depth.
    fn cycles(&mut self) {
        let classes = by_name(&self.policy.l3_classes);
        // A class is open while its members are looked at, and done afterwards.
        let mut open: HashMap<&str, bool> = HashMap::new();
        for class in &self.policy.l3_classes {
            let mut stack = vec![(class, class.conditions.iter())];
            if open.contains_key(class.name.text.as_str()) {
                continue;
            }
            open.insert(&class.name.text, true);
            while let Some((at, conditions)) = stack.last_mut() {
                let Some(condition) = conditions.next() else {
                    open.insert(&at.name.text, false);
                    stack.pop();
                    continue;
                };
                let Some(member) = condition.criterion.class() else { continue };
                match (open.get(member.text.as_str()), classes.get(member.text.as_str())) {
                    (Some(true), _) => {
                        let message = format!("class-map `{}` matches itself", member.text);
                        self.complaints.push(Diagnostic::new(Code::Cyclic, member.at, message));
                    }
                    (None, Some(class)) => {
                        open.insert(&class.name.text, true);
                        stack.push((class, class.conditions.iter()));
                    }
                    _ => {}
                }
            }
        }
    }
}
