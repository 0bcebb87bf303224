//! Screens of the daemon itself: what runs, its proxies and servers, and its configuration.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use policy::model::DEFAULT_ESMTP_MAP;

use super::Seen;
use crate::in_force;
use crate::proxy::Target;
use crate::proxy::upstream::Upstream;
use crate::text::counted;

/// `show version`.
pub(super) fn version(seen: &Seen) -> String {
    let in_force = &*seen.in_force;
    let name = seen.configuration().and_then(|configuration| configuration.hostname.as_ref());
    let name = name.map_or("mailwarden", |name| &name.text);
    let uptime = Uptime(Duration::from_nanos(seen.now.0));
    let since = time(in_force.since);
    let source =
        in_force.plan.source.as_deref().map_or_else(String::new, |source| format!(", from {source}"));
    let all = in_force.total.population(seen.now);
    let mut out = format!("mailwarden, version {}\n{name} uptime is {uptime}\n", env!("CARGO_PKG_VERSION"));
    put(&mut out, format_args!("Configuration {} in force since {since}{source}\n", in_force.generation));
    if !seen.last_reload.ok {
        put(&mut out, format_args!("The last reload, {}, was refused\n", time(seen.last_reload.at)));
    }
    put(&mut out, format_args!("{}, {} at most\n", counted(all.all.into(), "session"), all.all_most));
    out
}

/// `show proxies`.
pub(super) fn proxies(seen: &Seen) -> String {
    let in_force = &*seen.in_force;
    let mut out = String::new();
    for (name, listeners) in in_force::proxies(&in_force.plan) {
        put(&mut out, format_args!("Proxy {name}\n  Listening on {}\n", in_force::addresses(&listeners)));
        let Some(first) = listeners.first() else { continue };
        let target = in_force.targets.iter().find(|(address, _)| *address == first.address);
        let Some((_, target)) = target else { continue };
        let servers = target.servers.iter().map(|server| server_told(server));
        let servers = servers.collect::<Vec<_>>().join(", ");
        put(&mut out, format_args!("  Servers {}\n", if servers.is_empty() { "none" } else { &servers }));
        for (attachment, config) in attachments(target) {
            let class =
                if config.class.is_empty() { String::new() } else { format!("Class {}: ", config.class) };
            put(&mut out, format_args!("  {class}{}\n", in_force::handling(config)));
            let Some((.., census)) = in_force.attachments.get(attachment) else { continue };
            let population = census.population(seen.now);
            let [opening, open, closing] = population.now;
            put(
                &mut out,
                format_args!(
                    "    Sessions (estab/half-open/terminating) [{open}:{opening}:{closing}], {} since the start, {} at most\n",
                    population.created, population.all_most
                ),
            );
        }
    }
    out
}

/// The attachments of a target, in the order in which they are asked.
fn attachments(target: &Target) -> impl Iterator<Item = (usize, &engine::SessionConfig)> {
    let choices = target.choices.iter().map(|choice| (choice.attachment.index(), &*choice.config));
    choices.chain([(target.attachment.index(), &*target.config)])
}

fn server_told(server: &Upstream) -> String {
    let down = if server.health().is_none() { "" } else { " (down)" };
    format!("{}{down}", server.address())
}

/// `show servers`.
pub(super) fn servers(seen: &Seen) -> String {
    let mut out = format!("{:<24} {:<16} State\n", "Address", "Proxy");
    let mut seen_already = Vec::new();
    for (_, target) in &seen.in_force.targets {
        for server in &*target.servers {
            let row = (server.address(), &target.config.name);
            if seen_already.contains(&row) {
                continue;
            }
            seen_already.push(row);
            let state = match server.health() {
                None => "up".to_owned(),
                Some(down) => {
                    let failures = counted(down.failures.into(), "failure");
                    let wait = down.due.since(seen.now).as_secs();
                    format!("down, {failures}, tried again in {wait} s")
                }
            };
            let address = server.address().to_string();
            put(&mut out, format_args!("{address:<24} {:<16} {state}\n", target.config.name));
        }
    }
    out
}

/// `show running-config`.
pub(super) fn running_config(seen: &Seen, all: bool, section: Option<&str>) -> Result<String, String> {
    let configuration = seen.configuration().ok_or("The daemon runs without a configuration file")?;
    let mut text = configuration.to_string();
    if all {
        // As comments, so that the text can still be loaded.
        let map = configuration.esmtp_map(DEFAULT_ESMTP_MAP).map(ToString::to_string);
        let limits = super::objects::inspect_maps(configuration, Some("default"))?;
        text.push_str("! built in:\n");
        for line in map.iter().flat_map(|map| map.lines()).chain(limits.lines()) {
            put(&mut text, format_args!("! {line}\n"));
        }
    }
    Ok(match section {
        None => text,
        Some(section) => blocks(&text).filter(|block| begins(block, section)).collect(),
    })
}

/// The blocks of a configuration: a line at the margin, and what is indented below it.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut ends = rest.match_indices('\n').map(|(at, _)| at + 1);
        let end = ends.find(|end| !rest.get(*end..).is_some_and(|next| next.starts_with(' ')))?;
        let (block, behind) = rest.split_at_checked(end)?;
        rest = behind;
        Some(block)
    })
}

fn begins(block: &str, section: &str) -> bool {
    let mut words = block.lines().next().unwrap_or_default().split_whitespace();
    section
        .split_whitespace()
        .all(|wanted| words.next().is_some_and(|word| word.eq_ignore_ascii_case(wanted)))
}

/// `2026-11-29 07:45:01 UTC`.
fn time(at: SystemTime) -> String {
    Timestamp::try_from(at).map_or_else(|_| "?".to_owned(), |at| at.strftime("%F %T UTC").to_string())
}

/// `3 days, 4 hours, 12 minutes`.
struct Uptime(Duration);

impl std::fmt::Display for Uptime {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let minutes = self.0.as_secs() / 60;
        let units = [("day", minutes / 1440), ("hour", minutes / 60 % 24), ("minute", minutes % 60)];
        let from = units.iter().position(|(_, count)| *count > 0).unwrap_or(units.len() - 1);
        let told = units.iter().skip(from).map(|(unit, count)| counted(*count, unit));
        out.write_str(&told.collect::<Vec<_>>().join(", "))
    }
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    // A String takes everything.
    let _ = out.write_fmt(text);
}
