//! The report for a person: complaints first, then what the file contains, what of it is in force, and what is not.

use std::collections::BTreeMap;

use policy::attach::Selector;
use policy::diagnostic::Severity;
use policy::model::MatchMode;
use policy::render;
use policy::survey::{ByType, InterfaceRole, Summary};

use super::standing::{Class, Proxied, Standing, handling};
use crate::configuration::Read;
use crate::terminal::Paint;
use crate::text::{counted, printable};

/// All of it. With `verbose`, also every condition of a class, and which statements are not ours.
pub(super) fn report(read: &Read, verbose: bool, paint: Paint) -> String {
    let standing = Standing::of(read);
    let mut out = complaints(read, paint);
    out.push_str(&headline(read, &standing, paint));
    let mut table = Table::default();
    contents(&read.summary, &mut table);
    in_force(read, &standing, verbose, &mut table);
    not_in_force(&standing, &mut table);
    not_ours(read, verbose, &mut table);
    out.push_str(&printable(&table.text));
    out
}

fn complaints(read: &Read, paint: Paint) -> String {
    let complaint = |found| {
        let text = render::diagnostic(&read.source, found);
        let severity = found.severity();
        let word = format!(" {}: ", severity.as_str());
        let coloured = match severity {
            Severity::Error => paint.red(severity.as_str()),
            Severity::Warning => paint.yellow(severity.as_str()),
            Severity::Note => paint.bold(severity.as_str()),
        };
        text.replacen(&word, &format!(" {coloured}: "), 1)
    };
    read.diagnostics.iter().map(complaint).collect()
}

/// How many complaints there are. That there are none is said only where something is enforced.
fn headline(read: &Read, standing: &Standing<'_>, paint: Paint) -> String {
    let of_kind = |count: usize, what| (count > 0).then(|| counted(count as u64, what));
    let found = &read.diagnostics;
    let counts = [
        of_kind(found.errors(), "error"),
        of_kind(found.warnings(), "warning"),
        of_kind(found.notes(), "note"),
    ];
    let idle =
        (!found.has_errors() && standing.enforced.is_empty()).then(|| "nothing is enforced".to_owned());
    let result = counts.into_iter().flatten().chain(idle.clone()).collect::<Vec<_>>().join(", ");
    let result = match (found.errors(), found.warnings(), idle) {
        (0, 0, None) if result.is_empty() => paint.green("no errors or warnings"),
        (0, 0, None) => paint.green(result),
        (0, _, _) => paint.yellow(result),
        (_, _, _) => paint.red(result),
    };
    format!("{}: {result}\n", paint.bold(printable(&read.source.name)))
}

fn contents(summary: &Summary, table: &mut Table) {
    by_type("class-map", &summary.class_maps, table);
    by_type("policy-map", &summary.policy_maps, table);
    by_type("parameter-map", &summary.parameter_maps, table);
    table.list("regexes", &summary.regexes);
    table.list("zones", &summary.zones);
    table.list("zone-pairs", &summary.zone_pairs);
    for (rule, protocols) in &summary.inspection_rules {
        table.row("inspection rules", rule, &protocols.join(", "));
    }
    for (name, role) in &summary.interfaces {
        table.row("interfaces", name, &part_of(role));
    }
    for (name, list) in &summary.access_lists {
        table.row("access lists", name, &format!("{} permit, {} deny", list.permit, list.deny));
    }
    for service in &summary.service_policies {
        table.row("service policies", &service.policy, &service.place);
    }
}

fn by_type(what: &str, maps: &ByType, table: &mut Table) {
    for (of, names) in maps {
        let what = if of == "plain" { what.to_owned() } else { format!("{what} type {of}") };
        table.list(&what, names);
    }
}

/// What an interface has to do with inspection.
fn part_of(role: &InterfaceRole) -> String {
    let said = [
        ("nameif", &role.nameif, ""),
        ("zone", &role.zone, ""),
        ("inspect", &role.inspect_in, " in"),
        ("inspect", &role.inspect_out, " out"),
        ("access-group", &role.access_group_in, " in"),
        ("access-group", &role.access_group_out, " out"),
    ];
    let said = said.iter().filter_map(|(what, name, way)| Some(format!("{what} {}{way}", name.as_ref()?)));
    let level = role.security_level.map(|level| format!("security-level {level}"));
    said.chain(level).collect::<Vec<_>>().join(", ")
}

/// What `run` holds sessions to, and what it only relays.
fn in_force(read: &Read, standing: &Standing<'_>, verbose: bool, table: &mut Table) {
    const ENFORCED: &str = "enforced now";
    for proxied in &standing.enforced {
        table.row(ENFORCED, &proxy(proxied), &handling(proxied.attachment));
        for class in &proxied.classes {
            table.nested(&self::class(class, verbose));
        }
    }
    if read.configuration.is_none() {
        table.row(ENFORCED, "", "nothing: the file has errors");
    } else if standing.enforced.is_empty() {
        table.row(ENFORCED, "", "nothing: `run` needs a `proxy` block that inspects mail");
    }
    for proxied in &standing.relayed {
        table.row("relayed without inspection", "", &proxy(proxied));
    }
}

/// What is understood and has no effect: policies that lack a proxy, and what this version does not have.
fn not_in_force(standing: &Standing<'_>, table: &mut Table) {
    const NEEDS_PROXY: &str =
        "understood, needs a `proxy` block: add these lines, with the address of your mail server";
    for needs in &standing.needs_proxy {
        let named_by = match needs.named_by.as_slice() {
            [] => String::new(),
            pairs => format!(" ({})", pairs.join("; ")),
        };
        table.row(NEEDS_PROXY, "", &format!("{}{named_by}", needs.command));
        needs.block.lines().for_each(|line| table.nested(line));
    }
    for line in &standing.not_yet {
        table.row("understood, not in this version", "", line);
    }
}

/// `proxy mx, 192.0.2.1:25 to 10.10.10.25:25 (send-proxy v2)`, and which of its sessions if not all that are left.
fn proxy(proxied: &Proxied<'_>) -> String {
    let (listen, servers) = (proxied.listen.join(", "), proxied.servers.join(", "));
    let told = proxied.attachment.traffic.introduction().map(|how| format!(" ({how})")).unwrap_or_default();
    let name = &proxied.attachment.name;
    let which = match (&proxied.attachment.sessions, &proxied.attachment.class) {
        (Selector::Denied(list), _) => format!(", what access-group {} denies", list.name),
        (Selector::All, _) | (_, None) => String::new(),
        (_, Some(class)) => format!(", class {class}"),
    };
    format!("proxy {name}, {listen} to {servers}{told}{which}")
}

/// `MANY (recipient count gt 100): log, reset`; of many conditions the first, and all with `--verbose`.
fn class(class: &Class<'_>, verbose: bool) -> String {
    const SHOWN: usize = 3;
    let shown = if verbose { class.conditions.len() } else { SHOWN.min(class.conditions.len()) };
    let separator = if class.mode == MatchMode::All { " and " } else { " or " };
    let mut conditions = class.conditions.iter().take(shown).cloned().collect::<Vec<_>>().join(separator);
    if shown < class.conditions.len() {
        conditions.push_str(&format!("{separator}{} more", class.conditions.len() - shown));
    }
    let actions = if class.actions.is_empty() { "no action".to_owned() } else { class.actions.join(", ") };
    format!("{} ({conditions}): {actions}", class.name)
}

/// What the file says of other things: counted, and with `verbose` listed by its first word.
fn not_ours(read: &Read, verbose: bool, table: &mut Table) {
    const NOT_OURS: &str = "not ours";
    let summary = &read.summary;
    for map in &summary.unused {
        let of = if map.of == "plain" { String::new() } else { format!(" type {}", map.of) };
        table.row(NOT_OURS, "", &format!("{}{of} {}", map.kind.as_str(), map.name.text));
    }
    let count = summary.not_used_here.len();
    if count == 0 {
        return;
    }
    let hint = if verbose { "" } else { ", `--verbose` lists them" };
    table.row(NOT_OURS, "", &format!("{}{hint}", counted(count as u64, "statement")));
    if verbose {
        for (word, lines) in lines_by_word(read) {
            table.row(NOT_OURS, word, &format!("line {}", ranges(&lines)));
        }
    }
}

/// Where the statements stand that are not ours, by their first word.
fn lines_by_word(read: &Read) -> BTreeMap<&str, Vec<usize>> {
    let mut lines: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for &at in &read.summary.not_used_here {
        let word = read.source.slice(at);
        // The rest of a line that was broken in two may be a secret; no command looks like this.
        let is_command = word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
        let word = if is_command { word } else { "(not a command)" };
        lines.entry(word).or_default().push(read.source.position(at).line);
    }
    lines
}

/// `1-3, 7`.
fn ranges(lines: &[usize]) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for &line in lines {
        match ranges.last_mut() {
            Some((_, last)) if line <= *last + 1 => *last = line.max(*last),
            _ => ranges.push((line, line)),
        }
    }
    let written = ranges.iter().map(|(first, last)| match last - first {
        0 => first.to_string(),
        _ => format!("{first}-{last}"),
    });
    written.collect::<Vec<_>>().join(", ")
}

/// Rows under headings, each heading written once.
#[derive(Default)]
struct Table {
    text: String,
    heading: String,
}

impl Table {
    fn list(&mut self, heading: &str, names: &[String]) {
        if !names.is_empty() {
            self.row(heading, "", &names.join(", "));
        }
    }

    fn row(&mut self, heading: &str, name: &str, value: &str) {
        if self.heading != heading {
            heading.clone_into(&mut self.heading);
            self.text.push_str(&format!("  {heading}\n"));
        }
        let name = if name.is_empty() { String::new() } else { format!("{name}: ") };
        self.text.push_str(&format!("    {name}{value}\n"));
    }

    /// A line that belongs to the row before.
    fn nested(&mut self, line: &str) {
        self.text.push_str(&format!("      {line}\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_in_a_row_are_written_as_a_range() {
        assert_eq!(ranges(&[1, 2, 3, 7, 9, 9, 10]), "1-3, 7, 9-10");
        assert_eq!(ranges(&[]), "");
    }

    #[test]
    fn arguments_of_what_is_not_ours_are_never_repeated() {
        let text = "snmp-server community s3cret RO\nenable secret 5 $1$hash\nusername x password 7 0110\n";
        let read = crate::configuration::read_bytes("edge.conf", text.as_bytes());
        let report = report(&read, true, Paint::Plain);
        assert!(report.contains("snmp-server: line 1\n"), "{report}");
        for secret in ["s3cret", "$1$hash", "0110"] {
            assert!(!report.contains(secret), "{report}");
        }
    }
}
