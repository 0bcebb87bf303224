//! Real configurations, if `MAILWARDEN_CORPUS` names the folder that holds them: nothing panics, the
//! counts are those of an independent reader, connections are inspected as a reader by eye says, and transformations that
//! mean nothing change nothing.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

mod common;
#[path = "../../../tests/common/corpus.rs"]
mod corpus;
#[path = "corpus/flows.rs"]
mod flows;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use policy::survey::Summary;
use policy::{Loaded, load, render};
use serde_json::{Value, json};

fn files() -> Vec<(String, Vec<u8>)> {
    let Some(folder) = corpus::folder("configs") else { return Vec::new() };
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .filter(|(name, _)| name != "FACTS.json" && name != "MANIFEST.tsv")
        .collect();
    files.sort();
    files
}

#[test]
fn every_file_is_read_and_every_place_lies_inside_it() {
    for (name, octets) in files() {
        let Loaded { diagnostics, source, summary, .. } = load(&name, &octets);
        let text = render::diagnostics(&source, &diagnostics);
        assert_eq!(text.matches(&format!("{name}:")).count(), diagnostics.iter().count());
        for place in diagnostics.iter().map(|d| d.at).chain(summary.not_used_here) {
            assert!(source.text.get(place.start as usize..place.end as usize).is_some(), "{name}: {place:?}");
        }
    }
}

/// Where the other reader is wrong: it takes a subtype for a name, forgets an interface that is
/// followed by another of the same kind, or leaves out a line of `show` output.
const DISAGREEMENTS: &[(&str, &str)] = &[
    ("batfish_unit__cisco_qos.cfg", "class maps"),
    ("batfish_unit__cisco_qos.cfg", "policy maps"),
    ("chuckbag__client-vpn-with-radius-auth_b01.cfg", "interfaces"),
    ("chuckbag__debugging-tunnels_b01.cfg", "access lists"),
];

#[test]
fn the_counts_are_those_of_an_independent_reader() {
    let Some(folder) = corpus::folder("configs") else { return };
    let facts = corpus::facts(&folder);
    let mut differences = Vec::new();
    for (name, octets) in files() {
        let summary = load(&name, &octets).summary;
        let Some(facts) = facts.get(&name) else { continue };
        let mut differ = |what: &str, found: String, expected: String| {
            if found != expected && !DISAGREEMENTS.contains(&(name.as_str(), what)) {
                differences.push(format!("{name}: {what}\n  found    {found}\n  expected {expected}"));
            }
        };
        for (what, found, expected) in comparisons(&summary, facts) {
            differ(what, found, expected);
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn changes_that_mean_nothing_change_nothing() {
    let mut failures = Vec::new();
    for (name, octets) in files() {
        if let Ok(text) = std::str::from_utf8(&octets) {
            failures.extend(common::changed_by_transformations(&name, text));
        }
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

/// What is compared, as text that can be read in a failure.
fn comparisons(summary: &Summary, facts: &Value) -> Vec<(&'static str, String, String)> {
    let names = |maps: &Value| list(&maps["names"], text);
    let first = |words: &Value| text(&words[0]);
    let regexes: BTreeSet<&String> = summary.regexes.iter().collect();
    let lists = summary.access_lists.iter().map(|(name, counts)| (name, (counts.permit, counts.deny)));
    let lists: BTreeMap<_, _> = lists.collect();
    let counts = |list: &Value| (list["permit"].as_u64().unwrap(), list["deny"].as_u64().unwrap());
    let services: Vec<_> = summary.service_policies.iter().map(|s| (&s.policy, &s.place)).collect();
    let service = |words: &Value| (text(&words[0]), text(&words[1]));
    vec![
        ("class maps", show(&summary.class_maps), show(&by_name(&facts["class_maps"], names))),
        ("policy maps", show(&summary.policy_maps), show(&by_name(&facts["policy_maps"], names))),
        ("parameter maps", show(&summary.parameter_maps), show(&parameter_maps(&facts["parameter_maps"]))),
        (
            "regexes",
            show(&regexes),
            show(&by_name(&facts["regexes"], text).into_keys().collect::<BTreeSet<_>>()),
        ),
        ("zones", show(&summary.zones), show(&list(&facts["zones"], text))),
        (
            "zone pairs",
            show(&summary.zone_pairs),
            show(&list(&facts["zone_pairs"], |pair| text(&pair["name"]))),
        ),
        (
            "inspection rules",
            show(&summary.inspection_rules),
            show(&by_name(&facts["ip_inspect_names"], |protocols| list(protocols, first))),
        ),
        ("access lists", show(&lists), show(&by_name(&facts["access_lists"], counts))),
        ("service policies", show(&services), show(&list(&facts["service_policies"], service))),
        ("interfaces", show(&roles_found(summary)), show(&roles_expected(&facts["interfaces"]))),
    ]
}

fn parameter_maps(facts: &Value) -> BTreeMap<String, Vec<String>> {
    let mut maps: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for map in facts.as_array().unwrap() {
        let names = maps.entry(text(&map["type"])).or_default();
        names.extend(map["name"].as_str().filter(|name| !name.is_empty()).map(str::to_owned));
    }
    maps
}

/// Of each interface that says any of them: its name as a side, its level, its zone.
fn roles_found(summary: &Summary) -> BTreeMap<String, Value> {
    let roles = summary.interfaces.iter();
    let roles =
        roles.map(|(name, role)| (name.clone(), json!([role.nameif, role.security_level, role.zone])));
    roles.filter(|(_, role)| *role != json!([null, null, null])).collect()
}

fn roles_expected(facts: &Value) -> BTreeMap<String, Value> {
    let mut roles =
        by_name(facts, |role| json!([role["nameif"], role["security-level"], role["zone-member"]]));
    roles.retain(|_, role| *role != json!([null, null, null]));
    roles
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn list<T>(value: &Value, read: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().unwrap().iter().map(read).collect()
}

fn by_name<T>(value: &Value, read: impl Fn(&Value) -> T) -> BTreeMap<String, T> {
    value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), read(value))).collect()
}

fn show(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}")
}
