//! `show limits`: how many sessions there may be, are and were, and what the limits have done.

use std::fmt::Write as _;

use engine::admission::{Counted, DomainView, HighLow, Limit, LoginLimit, Thresholds, UNLIMITED};

use super::Seen;

/// A screen with a part for each domain that is or was limited.
pub(super) fn screen(seen: &Seen) -> String {
    let mut out = String::new();
    for (domain, view) in &seen.limits {
        let _ = writeln!(out, "Limits of {domain}");
        put(&mut out, view);
    }
    if out.is_empty() { "No limits on sessions\n".to_owned() } else { out }
}

fn put(out: &mut String, view: &DomainView) {
    let DomainView { sessions, sessions_max, incomplete, incomplete_max, rate, rate_max, .. } = view;
    let _ = writeln!(out, "  Sessions {sessions}, {sessions_max} at most");
    let _ = writeln!(out, "  Half-open sessions {incomplete}, {incomplete_max} at most");
    let _ = writeln!(out, "  Clients in the last minute {rate}, {rate_max} at most");
    for line in thresholds(&view.thresholds) {
        let _ = writeln!(out, "  {line}");
    }
    if view.is_aggressive {
        out.push_str("  Aggressive: opening sessions go as others come\n");
    }
    for blocked in &view.blocked {
        let _ = writeln!(out, "  Host {} is blocked for {} s", blocked.host, blocked.left.as_secs());
    }
    for (limit, Counted { refused, evicted, blocked }) in &view.counted {
        let name = limit.name();
        let _ = writeln!(out, "  {name}: {refused} refused, {evicted} evicted, {blocked} blocked");
    }
}

/// The thresholds that there are, as they are configured.
fn thresholds(of: &Thresholds) -> Vec<String> {
    let mut lines = Vec::new();
    for (limit, HighLow { high, low }) in
        [(Limit::MaxIncomplete, of.incomplete), (Limit::OneMinute, of.one_minute)]
    {
        if high < UNLIMITED {
            lines.push(format!("{} low {low} high {high}", limit.name()));
        }
    }
    if let Some(host) = of.host.filter(|host| host.sessions < UNLIMITED) {
        lines.push(format!("tcp max-incomplete host {} block-time {}", host.sessions, host.block_minutes));
    }
    let single = [
        ("sessions maximum", of.sessions),
        ("conn-max", of.connections),
        ("embryonic-conn-max", of.embryonic),
        ("per-client-max", of.per_client),
        ("per-client-embryonic-max", of.per_client_embryonic),
    ];
    let set = single.iter().filter_map(|(name, most)| Some((name, most.filter(|most| *most < UNLIMITED)?)));
    lines.extend(set.map(|(name, most)| format!("{name} {most}")));
    if let Some(LoginLimit { failures, block_minutes }) = of.logins {
        lines.push(format!("login maximum-failures {failures} block-time {block_minutes}"));
    }
    lines
}
