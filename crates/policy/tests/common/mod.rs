//! Changes to a configuration's text that change nothing of what it says.

use policy::diagnostic::Code;
use policy::survey::Summary;
use policy::{Loaded, load};

/// A change by its name.
type Transformation = (&'static str, fn(&str) -> String);

const UPPER_CASE: &str = "upper case";

/// Every change. The last one also changes names, so that only what is printed in one case compares.
pub(crate) fn transformations() -> Vec<Transformation> {
    vec![
        ("line ends CRLF", |text| lines(text, |line| format!("{}\r", line.trim_end_matches('\r')))),
        ("trailing blanks", |text| lines(text, |line| format!("{line}  \t"))),
        ("no indentation", |text| lines(text, |line| line.trim_start().to_owned())),
        ("indented by tabs", |text| lines(text, tabs)),
        ("a byte order mark", |text| format!("\u{FEFF}{text}")),
        ("exit after each block", exits),
        (UPPER_CASE, str::to_ascii_uppercase),
    ]
}

/// What a configuration says, whatever its places and the case of its names.
pub(crate) fn meaning(loaded: &Loaded) -> String {
    // A statement that nobody knows is only known to belong to its block by its indentation.
    let by_indentation = [Code::NotSupported, Code::UnknownStatement];
    let codes = loaded.diagnostics.iter().map(|d| d.code).filter(|code| !by_indentation.contains(code));
    let codes: Vec<&str> = codes.map(Code::as_str).collect();
    let policy = loaded.configuration.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{codes:?}\n{}\n{policy}", contents(&loaded.summary).join("\n")).to_lowercase()
}

/// One line for each thing in a summary, in an order that does not depend on the case of names.
fn contents(summary: &Summary) -> Vec<String> {
    let maps = [&summary.class_maps, &summary.policy_maps, &summary.parameter_maps];
    let maps = maps.iter().flat_map(|maps| maps.iter()).map(|(of, names)| format!("{of} {names:?}"));
    let interfaces = summary.interfaces.iter().map(|(name, role)| format!("{name} {role:?}"));
    let lists = summary.access_lists.iter().map(|(name, entries)| format!("{name} {entries:?}"));
    let rules = summary.inspection_rules.iter().map(|(name, protocols)| format!("{name} {protocols:?}"));
    let zones = summary.zones.iter().chain(&summary.zone_pairs).cloned();
    let all = maps.chain(interfaces).chain(lists).chain(rules).chain(zones);
    let mut all: Vec<String> = all.map(|line| line.to_lowercase()).collect();
    all.sort();
    all
}

/// Every change under which the text means something else, with both meanings.
pub(crate) fn changed_by_transformations(name: &str, text: &str) -> Vec<String> {
    let loaded = load(name, text.as_bytes());
    let expected = meaning(&loaded);
    let mut failures = Vec::new();
    for (what, transform) in transformations() {
        if what == UPPER_CASE && has_names_that_differ_in_case(&loaded) {
            continue;
        }
        let found = meaning(&load(name, transform(text).as_bytes()));
        if found != expected {
            failures.push(format!("{name} with {what}:\n{found}\nexpected:\n{expected}"));
        }
    }
    failures
}

/// Whether two objects would have one name in one case.
fn has_names_that_differ_in_case(loaded: &Loaded) -> bool {
    let groups = loaded.configuration.iter().flat_map(|configuration| configuration.object_groups.iter());
    let mut names: Vec<String> = groups.map(|group| group.name.text.to_lowercase()).collect();
    names.sort();
    names.windows(2).any(|pair| matches!(pair, [one, other] if one == other))
}

fn lines(text: &str, change: impl Fn(&str) -> String) -> String {
    text.split('\n').map(change).collect::<Vec<_>>().join("\n")
}

fn tabs(line: &str) -> String {
    let text = line.trim_start_matches(' ');
    "\t".repeat(line.len() - text.len()) + text
}

/// A line `exit` behind the last line of each block.
fn exits(text: &str) -> String {
    let mut out = String::new();
    let mut deep = false;
    for line in text.split('\n') {
        let is_deep = line.starts_with([' ', '\t']);
        let is_statement = !line.trim().is_empty() && !line.trim().starts_with(['!', '#', ':']);
        // Scripts that end their blocks with `exit` already are left alone.
        if deep && !is_deep && is_statement && !text.contains("\nexit") {
            out.push_str("exit\n");
        }
        deep = if is_statement { is_deep } else { deep };
        out.push_str(line);
        out.push('\n');
    }
    out
}
