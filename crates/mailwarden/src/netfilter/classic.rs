//! Interfaces of a router: access lists, and inspection that opens them for answers.

use std::collections::HashMap;

use policy::model::Name;

use super::condition::{FORGET, Test, if_permitted, unless_permitted};
use super::intercept::Gates;
use super::nft::{Rule, name};
use super::{CT_OPENED, Context, Hooks};

/// Lists are asked before anything is inspected. A list of IPv4 decides of IPv4 alone.
pub(super) fn compile(context: &mut Context<'_>, hooks: &mut Hooks) -> Gates {
    let mut gates = Gates::default();
    let known = context.interfaces;
    for known in known.iter() {
        let interface = known.interface;
        if let Some(chain) = gate(context, "in", &interface.name, interface.access_group_in.as_ref()) {
            let jump = format!("iifname \"{}\" meta nfproto ipv4 jump {chain}", known.linux);
            hooks.forward.push(Rule::new(&*jump));
            hooks.input.push(Rule::new(jump));
            gates.before(known.linux, chain);
        }
    }
    for known in known.iter() {
        let interface = known.interface;
        if let Some(chain) = gate(context, "out", &interface.name, interface.access_group_out.as_ref()) {
            let jump = format!("oifname \"{}\" meta nfproto ipv4 jump {chain}", known.linux);
            hooks.forward.push(Rule::new(jump));
            gates.behind(known.linux, chain);
        }
    }
    let mut opening = HashMap::new();
    for known in known.iter() {
        let interface = known.interface;
        for (field, rule) in [("iifname", &interface.inspect_in), ("oifname", &interface.inspect_out)] {
            let Some(rule) = rule else { continue };
            let Some((chain, of_router)) = opens(context, &mut opening, rule) else { continue };
            let text = format!("{field} \"{}\" ct state new jump {chain}", known.linux);
            if of_router {
                let rules = if field == "iifname" { &mut hooks.input } else { &mut hooks.output };
                rules.push(Rule::new(&*text));
            }
            hooks.forward.push(Rule::new(text));
            hooks.opens = true;
        }
    }
    gates
}

/// The chain that drops what a list of an interface does not permit. A list that is not defined permits everything.
fn gate(context: &mut Context<'_>, direction: &str, interface: &Name, list: Option<&Name>) -> Option<String> {
    let Test::Chain(list) = context.list(list?) else { return None };
    let chain = name(&[direction, &interface.text]);
    let counter = context.ruleset.counter(&chain);
    let rules = vec![
        Rule::new(format!("jump {list}")),
        unless_permitted(&format!("{counter} drop")),
        Rule::new(FORGET),
    ];
    Some(context.ruleset.chain(chain, rules))
}

/// The chain that lets the answers to what a rule inspects through, and whether sessions of this host are inspected too.
fn opens(
    context: &mut Context<'_>,
    known: &mut HashMap<String, (String, bool)>,
    rule: &Name,
) -> Option<(String, bool)> {
    if let Some(known) = known.get(&rule.text) {
        return Some(known.clone());
    }
    let rule = context.configuration.inspect_rules.get(&rule.text)?;
    let tests = rule.protocols.iter().map(|line| context.protocol(&line.protocol)).collect();
    let inspects = name(&["inspect", &rule.name.text]);
    context.answering(inspects.clone(), &Test::Any(tests));
    let chain = name(&["open", &rule.name.text]);
    let counter = context.ruleset.counter(&inspects);
    let mut rules = vec![Rule::new(format!("jump {inspects}"))];
    if rule.line("ftp").is_some() {
        rules.push(context.ruleset.helper_of_ftp());
    }
    rules.push(if_permitted(&format!("ct mark set ct mark | {CT_OPENED} {counter}")));
    rules.push(Rule::new(FORGET));
    context.ruleset.chain(chain.clone(), rules);
    let of_router = rule.protocols.iter().any(|line| line.options.router_traffic);
    known.insert(rule.name.text.clone(), (chain.clone(), of_router));
    Some((chain, of_router))
}
