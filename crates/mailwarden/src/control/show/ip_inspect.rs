//! `show ip inspect`: classic inspection in the layouts of IOS.

use std::fmt::Write as _;

use policy::model::{
    CLASSIC_DEFAULTS, Configuration, InspectOptions, InspectRule, InspectedProtocol, Interface, Limits,
    MAX_DATA_DEFAULT, Name, Protocol, ProxyPolicy,
};

use super::statistics::Statistics;
use super::{IpInspect, Part, Seen, sessions, threshold};

/// Protocols of UDP, which are idle sooner than those of TCP.
const OF_UDP: [&str; 7] = ["udp", "dns", "tftp", "ntp", "snmp", "syslog", "sip"];

/// A screen, or why there is none.
pub(super) fn screen(what: &IpInspect, seen: &Seen) -> Result<Vec<Part>, String> {
    let configuration = seen.configuration().ok_or("The daemon runs without a configuration file")?;
    let text = |text| Ok(vec![Part::Text(text)]);
    match what {
        IpInspect::Config => text(global(configuration) + &rules(configuration)),
        IpInspect::Name(name) => {
            let rule = configuration.inspect_rules.get(name);
            let rule = rule.ok_or_else(|| format!("There is no inspection rule {name}"))?;
            text(named(rule, configuration, 1))
        }
        IpInspect::Interfaces => text(interfaces(configuration)),
        IpInspect::Sessions { detail } => Ok(sessions::classic(seen, *detail)),
        IpInspect::Statistics => text(statistics(seen, configuration)),
        IpInspect::All => {
            let mut all = global(configuration) + &rules(configuration);
            all.push('\n');
            all.push_str(&interfaces(configuration));
            let mut parts = vec![Part::Text(all)];
            parts.extend(sessions::classic(seen, true));
            Ok(parts)
        }
        IpInspect::Plain => text(plain(configuration)),
    }
}

/// What holds for all rules.
fn global(configuration: &Configuration) -> String {
    let limits = &limits(configuration);
    let state = |on: bool| if on { "enabled" } else { "disabled" };
    let mut out = format!("Session audit trail is {}\n", state(limits.audit_trail.unwrap_or_default()));
    let _ = writeln!(out, "Session alert is {}", state(limits.alert.unwrap_or_default()));
    out + &thresholds(limits)
}

/// What holds for all rules, said or not: nothing but the maximum of sessions is left open.
fn limits(configuration: &Configuration) -> Limits {
    configuration.settings.classic.limits.clone().or(CLASSIC_DEFAULTS)
}

fn thresholds(limits: &Limits) -> String {
    let pair = |low: Option<u32>, high| format!("[{}:{}]", threshold(low), threshold(high));
    let seconds = |time: Option<u32>| time.unwrap_or_default();
    let one_minute = pair(limits.one_minute_low, limits.one_minute_high);
    let max_incomplete = pair(limits.max_incomplete_low, limits.max_incomplete_high);
    let (host, block) = limits.tcp_max_incomplete_host.unzip();
    format!(
        "one-minute (sampling period) thresholds are {one_minute} connections\n\
         max-incomplete sessions thresholds are {max_incomplete}\n\
         max-incomplete tcp connections per host is {}. Block-time {} minute.\n\
         tcp synwait-time is {} sec -- tcp finwait-time is {} sec\n\
         tcp idle-time is {} sec -- udp idle-time is {} sec\n\
         dns-timeout is {} sec\n",
        threshold(host),
        block.unwrap_or_default(),
        seconds(limits.tcp_synwait),
        seconds(limits.tcp_finwait),
        seconds(limits.tcp_idle),
        seconds(limits.udp_idle),
        seconds(limits.dns_timeout),
    )
}

fn rules(configuration: &Configuration) -> String {
    let rules = configuration.inspect_rules.iter().map(|rule| named(rule, configuration, 2));
    "Inspection Rule Configuration\n".to_owned() + &rules.collect::<String>()
}

fn named(rule: &InspectRule, configuration: &Configuration, indent: usize) -> String {
    let lines = lines(rule, configuration, indent + 2);
    format!("{:indent$}Inspection name {}\n{lines}", "", rule.name)
}

fn lines(rule: &InspectRule, configuration: &Configuration, indent: usize) -> String {
    let limits = &limits(configuration);
    rule.protocols.iter().map(|line| format!("{:indent$}{}\n", "", told(line, limits))).collect()
}

/// `smtp max-data 20000000 alert is on audit-trail is off timeout 3600`.
fn told(InspectedProtocol { protocol, options }: &InspectedProtocol, limits: &Limits) -> String {
    let state = |on: bool| if on { "on" } else { "off" };
    let InspectOptions { max_data, alert, audit_trail, timeout, reset, secure_login, .. } = options;
    let is_smtp = Protocol::Smtp.names().contains(&&*protocol.text);
    let max_data = max_data.or(is_smtp.then_some(MAX_DATA_DEFAULT));
    let max_data = max_data.map_or_else(String::new, |bytes| format!(" max-data {bytes}"));
    format!(
        "{protocol}{max_data}{} alert is {} audit-trail is {} timeout {}{}",
        if *secure_login { " secure-login is on" } else { "" },
        state(alert.or(limits.alert).unwrap_or_default()),
        state(audit_trail.or(limits.audit_trail).unwrap_or_default()),
        timeout.unwrap_or_else(|| idle(&protocol.text, limits)),
        if *reset { " reset" } else { "" },
    )
}

/// How long sessions of a protocol may be idle.
fn idle(protocol: &str, limits: &Limits) -> u32 {
    let time = match protocol {
        "icmp" => limits.icmp_idle,
        of_udp if OF_UDP.contains(&of_udp) => limits.udp_idle,
        _ => limits.tcp_idle,
    };
    time.unwrap_or_default()
}

/// The interfaces that have a rule, in the order in which the configuration has their rules.
fn interfaces(configuration: &Configuration) -> String {
    let rule = |name: &Option<Name>| {
        let name = &name.as_ref()?.text;
        configuration.inspect_rules.iter().position(|rule| rule.name.text == *name)
    };
    let first_rule = |interface: &&Interface| {
        rule(&interface.inspect_in).into_iter().chain(rule(&interface.inspect_out)).min()
    };
    let mut inspected: Vec<_> = configuration
        .interfaces
        .iter()
        .filter(|interface| interface.inspect_in.is_some() || interface.inspect_out.is_some())
        .collect();
    inspected.sort_by_key(first_rule);
    let mut out = "Interface Configuration\n".to_owned();
    for interface in inspected {
        let _ = writeln!(out, "Interface {}", interface.name);
        for (way, name) in [("Inbound", &interface.inspect_in), ("Outgoing", &interface.inspect_out)] {
            put_set(&mut out, &format!("{way} inspection rule"), name.as_ref());
            let rule = name.as_ref().and_then(|name| configuration.inspect_rules.get(&name.text));
            out.extend(rule.map(|rule| lines(rule, configuration, 4)));
        }
        put_set(&mut out, "Inbound access list", interface.access_group_in.as_ref());
        put_set(&mut out, "Outgoing access list", interface.access_group_out.as_ref());
    }
    for proxy in &configuration.proxies {
        if let Some(ProxyPolicy::Classic(name)) = &proxy.policy {
            let _ = writeln!(out, "Proxy {}", proxy.name);
            put_set(&mut out, "Inbound inspection rule", Some(name));
            let rule = configuration.inspect_rules.get(&name.text);
            out.extend(rule.map(|rule| lines(rule, configuration, 4)));
            put_set(&mut out, "Inbound access list", proxy.access_group.as_ref());
        }
    }
    out
}

fn put_set(out: &mut String, what: &str, name: Option<&Name>) {
    let name = name.map_or("not set", |name| &name.text);
    let _ = writeln!(out, "  {what} is {name}");
}

/// Without an argument, an older screen: no alerts, and of each protocol its timeout.
fn plain(configuration: &Configuration) -> String {
    let limits = &limits(configuration);
    let state = if limits.audit_trail.unwrap_or_default() { "enabled" } else { "disabled" };
    let mut out = format!("Session audit trail is {state}\n{}", thresholds(limits));
    out.push_str("Inspection Rule Configuration\n");
    for rule in &configuration.inspect_rules {
        let _ = writeln!(out, "Inspection name {}", rule.name);
        for InspectedProtocol { protocol, options } in &rule.protocols {
            let timeout = options.timeout.unwrap_or_else(|| idle(&protocol.text, limits));
            let _ = writeln!(out, "{protocol} timeout {timeout}");
        }
    }
    out
}

fn statistics(seen: &Seen, configuration: &Configuration) -> String {
    let classic = seen.in_force.attachments_where(|attachment| attachment.rule.is_some());
    let statistics = Statistics::of(&classic, seen);
    let is_inspected =
        |interface: &&Interface| interface.inspect_in.is_some() || interface.inspect_out.is_some();
    let interfaces = configuration.interfaces.iter().filter(is_inspected).count();
    let mut out = "Packet inspection statistics [process switch:fast switch]\n".to_owned();
    statistics.put_packets(&mut out, 2);
    let _ = writeln!(out, "Interfaces configured for inspection {interfaces}");
    statistics.put_sessions(&mut out, 0, seen);
    out
}
