//! Interfaces of an ASA: security levels, and access groups that decide in their place.
//!
//! Connections of TCP and UDP that may pass let their answers through; everything else is asked about packet by packet.

use policy::model::{AccessGroup, AccessList, Direction, Name};

use super::condition::{ACCEPTED, FORGET, Test, unless_permitted};
use super::intercept::Gates;
use super::interfaces::Known;
use super::nft::{Rule, interfaces, name};
use super::{CT_OPENED, Context, Hooks};

pub(super) fn compile(context: &mut Context<'_>, hooks: &mut Hooks) -> Gates {
    let mut gates = Gates::default();
    let known = context.interfaces;
    let named: Vec<(&Known<'_>, &Name)> =
        known.iter().filter_map(|known| Some((known, known.interface.nameif.as_ref()?))).collect();
    if named.is_empty() {
        return gates;
    }
    let passes = passes(context);
    hooks.opens = true;
    for &(from, from_name) in &named {
        let mut rules = Vec::new();
        for &(to, to_name) in &named {
            let gate = gate(context, (from, from_name), (to, to_name));
            rules.push(Rule::new(format!("oifname \"{}\" jump {gate}", to.linux)));
            rules.push(Rule::new(format!("oifname \"{}\" goto {passes}", to.linux)));
            gates.between(from.linux, to.linux, gate);
        }
        let counter = context.ruleset.counter(&name(&["no-nameif", &from_name.text]));
        rules.push(Rule::new(format!("{counter} drop")));
        let chain = context.ruleset.chain(name(&["from", &from_name.text]), rules);
        hooks.forward.push(Rule::new(format!("iifname \"{}\" goto {chain}", from.linux)));
    }
    let all: Vec<&str> = named.iter().map(|(known, _)| known.linux).collect();
    let counter = context.ruleset.counter("no-nameif");
    hooks.forward.push(Rule::new(format!("oifname {} {counter} drop", interfaces(&all))));
    gates
}

/// What may pass opens a session.
fn passes(context: &mut Context<'_>) -> String {
    let opened = context.ruleset.counter("opened");
    let stray = context.ruleset.counter("stray");
    let rules = vec![
        context.ruleset.helper_of_ftp(),
        Rule::new(format!(
            "meta l4proto {{ tcp, udp }} ct state new ct mark set ct mark | {CT_OPENED} {opened} goto {ACCEPTED}"
        )),
        Rule::new(format!("meta l4proto {{ tcp, udp }} {stray} drop"))
            .comment("of no session that was seen from its start"),
        Rule::new(format!("goto {ACCEPTED}")),
    ];
    context.ruleset.chain("passes", rules)
}

/// The chain that drops what must not pass from one interface to another.
fn gate(
    context: &mut Context<'_>,
    (from, from_name): (&Known<'_>, &Name),
    (to, to_name): (&Known<'_>, &Name),
) -> String {
    let chain = name(&["between", &from_name.text, &to_name.text]);
    let mut rules = Vec::new();
    let denied = context.ruleset.counter(&name(&["in", &from_name.text]));
    // Where no list decides, levels do.
    match permitted(context, from_name, Direction::In) {
        Some(list) => asked(&mut rules, &list, &format!("{denied} drop")),
        None if level(from) > level(to) => {}
        None => rules.push(Rule::new(format!("{denied} drop")).comment(format!(
            "security level {} to {}",
            level(from),
            level(to)
        ))),
    }
    if let Some(list) = permitted(context, to_name, Direction::Out) {
        let denied = context.ruleset.counter(&name(&["out", &to_name.text]));
        asked(&mut rules, &list, &format!("{denied} drop"));
    }
    context.ruleset.chain(chain, rules)
}

fn asked(rules: &mut Vec<Rule>, list: &Test, otherwise: &str) {
    if let Test::Chain(list) = list {
        rules.push(Rule::new(format!("jump {list}")));
        rules.push(unless_permitted(otherwise));
        rules.push(Rule::new(FORGET));
    }
}

/// The lists that decide at an interface: its own, and what they leave open that of all interfaces.
fn permitted(context: &mut Context<'_>, nameif: &Name, direction: Direction) -> Option<Test> {
    let configuration = context.configuration;
    let groups = || configuration.access_groups.iter().filter(|group| group.is_of_traffic());
    let list = |group: &AccessGroup| configuration.access_lists.get(&group.list.text);
    let own = groups().find(|group| {
        group.interface.as_ref().is_some_and(|(of, name)| *of == direction && name.text == nameif.text)
    });
    // It decides of what comes in.
    let global = groups().find(|group| group.interface.is_none() && direction == Direction::In);
    let lists: Vec<&AccessList> = own.into_iter().chain(global).filter_map(list).collect();
    (!lists.is_empty()).then(|| context.lists(&lists))
}

/// An interface that is called inside is the inside.
pub(super) fn level(known: &Known<'_>) -> u8 {
    let is_inside = known.interface.nameif.as_ref().is_some_and(|name| name.text == "inside");
    known.interface.security_level.unwrap_or(if is_inside { 100 } else { 0 })
}
