//! The report for a person: complaints first, then what the file contains and what `run` would do with it.

use std::collections::BTreeMap;

use policy::Attachment;
use policy::attach::{Handling, Traffic};
use policy::diagnostic::Severity;
use policy::render;
use policy::survey::{ByType, InterfaceRole, Summary};

use crate::configuration::Read;
use crate::terminal::Paint;
use crate::text::{counted, printable};

/// All of it. With `verbose`, also what zone-pairs do with mail, and which statements are not used here.
pub(super) fn report(read: &Read, verbose: bool, paint: Paint) -> String {
    let mut out = complaints(read, paint);
    out.push_str(&headline(read, paint));
    let mut table = Table::default();
    contents(&read.summary, &mut table);
    attachments(read, verbose, &mut table);
    not_used(read, verbose, &mut table);
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

fn headline(read: &Read, paint: Paint) -> String {
    let errors = counted(read.diagnostics.errors() as u64, "error");
    let warnings = counted(read.diagnostics.warnings() as u64, "warning");
    let result = match (read.diagnostics.errors(), read.diagnostics.warnings()) {
        (0, 0) => paint.green("no errors or warnings"),
        (0, _) => paint.yellow(warnings),
        (_, 0) => paint.red(errors),
        (_, _) => paint.red(format!("{errors}, {warnings}")),
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

/// What would become of mail: for each listener of `run`, and between zones.
fn attachments(read: &Read, verbose: bool, table: &mut Table) {
    let Some(plan) = &read.plan else {
        return table.row("proxies", "", "none: the file has errors");
    };
    if plan.listeners.is_empty() {
        table.row("proxies", "", "none: `run` needs a `proxy` block");
    }
    for attachment in &read.attachments {
        let name = &attachment.name.text;
        match &attachment.traffic {
            Traffic::Proxy { listen, servers } => {
                let servers = servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                for address in listen {
                    table.row("proxies", name, &format!("{address} to {servers}: {}", handling(attachment)));
                }
            }
            Traffic::Pair { from, to } if verbose => {
                let class = attachment.class.as_deref().unwrap_or_default();
                let way = format!("{from} to {to}, class {class}: {}", handling(attachment));
                table.row("mail between zones (not enforced by `run` yet)", name, &way);
            }
            Traffic::Pair { .. } => {}
        }
    }
}

fn handling(attachment: &Attachment) -> String {
    match attachment.handling {
        Handling::Relay => return "not inspected".to_owned(),
        Handling::Drop => return "every connection is dropped".to_owned(),
        Handling::Inspect => {}
    }
    let policy = match &attachment.policy {
        Some(policy) => format!("policy {}", policy.name()),
        None => "no policy".to_owned(),
    };
    format!("{policy}, conformance {}, starttls {}", attachment.conformance, attachment.starttls)
}

fn not_used(read: &Read, verbose: bool, table: &mut Table) {
    let summary = &read.summary;
    for map in &summary.unused {
        let of = if map.of == "plain" { String::new() } else { format!(" type {}", map.of) };
        table.row("other features", &map.name.text, &format!("{}{of}", map.kind.as_str()));
    }
    let count = summary.not_used_here.len();
    if count == 0 {
        return;
    }
    let hint = if verbose { "" } else { ", `--verbose` lists them" };
    table.row("not used here", "", &format!("{}{hint}", counted(count as u64, "statement")));
    if verbose {
        for (word, lines) in lines_by_word(read) {
            table.row("not used here", word, &format!("line {}", ranges(&lines)));
        }
    }
}

/// Where the statements stand that are not used here, by their first word.
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
    fn arguments_of_what_is_not_used_are_never_repeated() {
        let text = "snmp-server community s3cret RO\nenable secret 5 $1$hash\nusername x password 7 0110\n";
        let read = crate::configuration::read_bytes("edge.conf", text.as_bytes());
        let report = report(&read, true, Paint::Plain);
        assert!(report.contains("snmp-server: line 1\n"), "{report}");
        for secret in ["s3cret", "$1$hash", "0110"] {
            assert!(!report.contains(secret), "{report}");
        }
    }
}
