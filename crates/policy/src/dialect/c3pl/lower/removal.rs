//! `no` in front of a block's header: what is not used any more goes, what is used stays.

use super::Lowering;
use crate::diagnostic::{Code, Diagnostic};
use crate::dialect::Statement;
use crate::model::{Name, ProxyPolicy, Settings};
use crate::source::Span;

/// Who uses a thing: for the complaint and its help.
struct User {
    what: String,
    at: Span,
}

impl Lowering<'_> {
    pub(super) fn remove(&mut self, statement: Statement, at: Span) {
        match statement {
            Statement::Hostname(_) => self.hostname = None,
            Statement::LogFile(_) => self.settings.log_file = None,
            Statement::Mailwarden => {
                let log_file = self.settings.log_file.take();
                self.settings = Settings { log_file, ..Settings::default() };
            }
            Statement::AccessListLine { name, .. } | Statement::AccessList { name, .. } => {
                self.access_lists.remove(&name.text);
            }
            Statement::Interface(name) => self.interfaces.remove(&name.text),
            Statement::Proxy(name) => self.proxies.remove(&name.text),
            Statement::ZonePair { name, .. } => self.zone_pairs.remove(&name.text),
            statement => self.remove_unless_used(&statement, at),
        }
    }

    fn remove_unless_used(&mut self, statement: &Statement, at: Span) {
        let (kind, name, user) = match statement {
            Statement::RegexMap(name) => ("parameter-map", name, self.user_of_regex_map(name)),
            Statement::InspectMap { name, .. } => ("parameter-map", name, self.user_of_inspect_map(name)),
            Statement::L7Class { name, .. } => ("class-map", name, self.user_of_smtp_class(name)),
            Statement::L3Class { name, .. } => ("class-map", name, self.user_of_inspect_class(name)),
            Statement::L7Policy(name) => ("policy-map", name, self.user_of_smtp_policy(name)),
            Statement::L3Policy(name) => ("policy-map", name, self.user_of_inspect_policy(name)),
            Statement::Zone(name) => ("zone", name, self.user_of_zone(name)),
            _ => return,
        };
        if let Some(user) = user {
            let message = format!("{kind} `{}` is being used", name.text);
            self.complaints.push(
                Diagnostic::new(Code::InUse, at, message)
                    .related(user.at, format!("by {}", user.what))
                    .help(format!("take it out of {} first", user.what)),
            );
            return;
        }
        match statement {
            Statement::RegexMap(name) => self.regex_maps.remove(&name.text),
            Statement::InspectMap { name, .. } => self.inspect_maps.remove(&name.text),
            Statement::L7Class { name, .. } => self.l7_classes.remove(&name.text),
            Statement::L3Class { name, .. } => self.l3_classes.remove(&name.text),
            Statement::L7Policy(name) => self.l7_policies.remove(&name.text),
            Statement::L3Policy(name) => self.l3_policies.remove(&name.text),
            Statement::Zone(name) => self.zones.remove(&name.text),
            _ => {}
        }
    }

    fn user_of_regex_map(&self, map: &Name) -> Option<User> {
        self.l7_classes.iter().find_map(|class| {
            let mut used = class.conditions.iter().filter_map(|condition| condition.criterion.regex_map());
            let used = used.find(|used| used.text == map.text)?;
            Some(user("class-map", &class.name, used.at))
        })
    }

    fn user_of_inspect_map(&self, map: &Name) -> Option<User> {
        let in_policies = self.l3_policies.iter().find_map(|policy| {
            let used = policy.parameter_maps().find(|used| used.text == map.text)?;
            Some(user("policy-map", &policy.name, used.at))
        });
        in_policies.or_else(|| {
            self.proxies.iter().find_map(|proxy| {
                let used = proxy.parameters.as_ref().filter(|used| used.text == map.text)?;
                Some(user("proxy", &proxy.name, used.at))
            })
        })
    }

    fn user_of_smtp_class(&self, class: &Name) -> Option<User> {
        self.l7_policies.iter().find_map(|policy| {
            let rule = policy.rules.iter().find(|rule| rule.class.text == class.text)?;
            Some(user("policy-map", &policy.name, rule.class.at))
        })
    }

    fn user_of_inspect_class(&self, class: &Name) -> Option<User> {
        let in_policies = self.l3_policies.iter().find_map(|policy| {
            let rule = policy.rules.iter().find(|rule| rule.class.text == class.text)?;
            Some(user("policy-map", &policy.name, rule.class.at))
        });
        in_policies.or_else(|| {
            self.l3_classes.iter().find_map(|other| {
                let mut used = other.conditions.iter().filter_map(|condition| condition.criterion.class());
                let used = used.find(|used| used.text == class.text)?;
                Some(user("class-map", &other.name, used.at))
            })
        })
    }

    fn user_of_smtp_policy(&self, policy: &Name) -> Option<User> {
        let nested = self.l3_policies.iter().find_map(|outer| {
            let mut used = outer.rules.iter().filter_map(|rule| rule.smtp_policy());
            let used = used.find(|used| used.text == policy.text)?;
            Some(user("policy-map", &outer.name, used.at))
        });
        nested.or_else(|| self.proxy_with(policy))
    }

    fn user_of_inspect_policy(&self, policy: &Name) -> Option<User> {
        let attached = self.zone_pairs.iter().find_map(|pair| {
            let used = pair.policy.as_ref().filter(|used| used.text == policy.text)?;
            Some(user("zone-pair", &pair.name, used.at))
        });
        attached.or_else(|| self.proxy_with(policy))
    }

    fn proxy_with(&self, policy: &Name) -> Option<User> {
        self.proxies.iter().find_map(|proxy| {
            let used = proxy.attachment.as_ref().and_then(ProxyPolicy::policy)?;
            (used.text == policy.text).then(|| user("proxy", &proxy.name, used.at))
        })
    }

    fn user_of_zone(&self, zone: &Name) -> Option<User> {
        let in_pairs = self.zone_pairs.iter().find_map(|pair| {
            let used = [&pair.source, &pair.destination].into_iter().find(|used| used.text == zone.text)?;
            Some(user("zone-pair", &pair.name, used.at))
        });
        in_pairs.or_else(|| {
            self.interfaces.iter().find_map(|interface| {
                let used = interface.zone.as_ref().filter(|used| used.text == zone.text)?;
                Some(user("interface", &interface.name, used.at))
            })
        })
    }
}

fn user(kind: &str, name: &Name, at: Span) -> User {
    User { what: format!("{kind} `{}`", name.text), at }
}
