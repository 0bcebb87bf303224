//! Zones: what passes between two of them, and between one and this host.
//!
//! An interface in a zone reaches those of its zone, and others by the policy of a zone-pair alone. This host is the zone
//! `self`, which reaches every zone and is reached from each, unless a zone-pair with a policy says otherwise.

use std::collections::BTreeSet;

use policy::model::{Configuration, L3Criterion, L3Policy, Name, TopAction, ZonePair};

use super::condition::{self, ACCEPTED, Test};
use super::nft::{self, Rule, interfaces, name};
use super::{CT_ZONES, Context, Hooks, LOG_GROUP, established};

/// This host.
pub(super) const SELF: &str = "self";
/// The interfaces in no zone.
pub(super) const DEFAULT: &str = "default";

/// IPv6 needs them to find a neighbour; no device has them inspected (RFC 4861 §4).
const NEIGHBOURS: &str = "icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } \
    accept";

pub(super) fn compile(context: &mut Context<'_>, hooks: &mut Hooks) {
    let known = context.interfaces;
    let all = known.of_zones();
    if all.is_empty() {
        return;
    }
    hooks.forward.push(established(CT_ZONES));
    let zones: BTreeSet<&str> = known.iter().filter_map(super::interfaces::Known::zone).collect();
    for &zone in &zones {
        let mut rules = Vec::new();
        for &other in &zones {
            let to = interfaces(&known.of_zone(other));
            let decision = decision(context, zone, other);
            rules.push(Rule::new(format!("oifname {to} {decision}")));
        }
        rules.push(Rule::new(decision(context, zone, DEFAULT)));
        let chain = context.ruleset.chain(name(&["zone", zone]), rules);
        let from = interfaces(&known.of_zone(zone));
        hooks.forward.push(Rule::new(format!("iifname {from} goto {chain}")));
    }
    for &zone in &zones {
        let to = interfaces(&known.of_zone(zone));
        let decision = decision(context, DEFAULT, zone);
        hooks.forward.push(Rule::new(format!("oifname {to} {decision}")));
    }
    own(context, hooks, &zones);
}

/// What comes to this host, and what it sends.
fn own(context: &mut Context<'_>, hooks: &mut Hooks, zones: &BTreeSet<&str>) {
    let known = context.interfaces;
    let others = interfaces(&known.of_zones());
    for (field, rules, is_input) in
        [("iifname", &mut hooks.input, true), ("oifname", &mut hooks.output, false)]
    {
        let mut decided = Vec::new();
        for zone in zones.iter().copied().chain([DEFAULT]) {
            let (from, to) = if is_input { (zone, SELF) } else { (SELF, zone) };
            let Some(pair) = pair(context, from, to).filter(|pair| pair.policy.is_some()) else { continue };
            let members = known.of_zone(zone);
            let expression = match zone {
                DEFAULT => format!("{field} != {others} {field} != \"lo\""),
                _ => format!("{field} {}", interfaces(&members)),
            };
            let chain = pair_chain(context, pair);
            decided.push(Rule::new(format!("{expression} goto {chain}")));
        }
        if !decided.is_empty() {
            rules.extend([established(CT_ZONES), Rule::new(NEIGHBOURS)]);
            rules.extend(decided);
        }
    }
}

/// What becomes of a packet from one zone to another.
fn decision(context: &mut Context<'_>, from: &str, to: &str) -> String {
    match pair(context, from, to).filter(|pair| pair.policy.is_some()) {
        Some(pair) => format!("goto {}", pair_chain(context, pair)),
        None if from == to => format!("goto {ACCEPTED}"),
        None => {
            let counter = context.ruleset.counter(&name(&["no-policy", from, to]));
            format!("{counter} drop")
        }
    }
}

pub(super) fn pair<'c>(context: &Context<'c>, from: &str, to: &str) -> Option<&'c ZonePair> {
    let mut pairs = context.configuration.zone_pairs.iter();
    pairs.find(|pair| pair.source.text == from && pair.destination.text == to)
}

/// The chain of a zone-pair: the first class that has a packet decides.
fn pair_chain(context: &mut Context<'_>, pair: &ZonePair) -> String {
    let chain = name(&["zone-pair", &pair.name.text]);
    if context.ruleset.has_chain(&chain) {
        return chain;
    }
    let policy = pair.policy.as_ref().and_then(|policy| context.configuration.l3_policies.get(&policy.text));
    let mut rules = vec![Rule::new(context.ruleset.counter(&chain))];
    if let Some(L3Policy { rules: classes, default, .. }) = policy {
        for (number, rule) in classes.iter().enumerate() {
            let class = context.class(&rule.class);
            let action = action(context, pair, &rule.class.text, rule.action.as_ref());
            let inner = name(&["test", &pair.name.text, &number.to_string()]);
            condition::leave(&mut context.ruleset, &mut rules, &class, &inner, &action);
        }
        let action = action(context, pair, "class-default", default.as_ref());
        condition::leave(&mut context.ruleset, &mut rules, &Test::Always, &chain, &action);
    }
    context.ruleset.chain(chain, rules)
}

/// The chain of an action of a class. A class without one drops.
fn action(context: &mut Context<'_>, pair: &ZonePair, class: &str, action: Option<&TopAction>) -> String {
    let Name { text: pair, .. } = &pair.name;
    let chain = name(&["zone-pair", pair, class]);
    let counter = context.ruleset.counter(&chain);
    let log = |said: bool| match said {
        true => format!("{} ", nft::log(&format!("zone-pair {pair} class {class} "), LOG_GROUP)),
        false => String::new(),
    };
    let rules = match action {
        Some(TopAction::Inspect { .. }) => {
            let stray = context.ruleset.counter(&name(&["stray", pair, class]));
            let helps = names(context.configuration, class, "ftp");
            let helper = helps.then(|| context.ruleset.helper_of_ftp());
            let rules = [
                Rule::new(format!("ct state new ct mark set ct mark | {CT_ZONES} {counter} goto {ACCEPTED}")),
                Rule::new(format!("{stray} drop")).comment("of no session that was inspected from its start"),
            ];
            helper.into_iter().chain(rules).collect()
        }
        Some(TopAction::Pass { log: said }) => {
            vec![Rule::new(format!("{}{counter} goto {ACCEPTED}", log(*said)))]
        }
        Some(TopAction::Drop { log: said }) => vec![Rule::new(format!("{}{counter} drop", log(*said)))],
        None => vec![Rule::new(format!("{counter} drop"))],
    };
    if context.ruleset.has_chain(&chain) { chain } else { context.ruleset.chain(chain, rules) }
}

/// Whether a class, or one that it names, asks for a protocol by name.
fn names(configuration: &Configuration, class: &str, protocol: &str) -> bool {
    let class = configuration.l3_classes.get(class);
    class.is_some_and(|class| {
        let mut asked = class.conditions.iter().filter(|condition| !condition.negated);
        asked.any(|condition| match &condition.criterion {
            L3Criterion::Protocol(name) => name.text == protocol,
            L3Criterion::Class(name) => names(configuration, &name.text, protocol),
            L3Criterion::AccessGroup(_) => false,
        })
    })
}
