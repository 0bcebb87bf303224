//! Real configurations, if `MAILWARDEN_CORPUS` names the folder that holds them: nothing panics, the
//! counts are those of an independent reader, and transformations that mean nothing change nothing.

#![allow(
    clippy::unwrap_used,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use policy::survey::Summary;
use policy::{Loaded, load, render};
use serde_json::Value;

fn folder() -> Option<PathBuf> {
    let corpus = std::env::var_os("MAILWARDEN_CORPUS");
    if corpus.is_none() {
        println!("skipped: MAILWARDEN_CORPUS is not set");
    }
    Some(Path::new(&corpus?).join("configs"))
}

fn files() -> Vec<(String, Vec<u8>)> {
    let Some(folder) = folder() else { return Vec::new() };
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
    let Some(folder) = folder() else { return };
    let facts: Value = serde_json::from_str(&fs::read_to_string(folder.join("FACTS.json")).unwrap()).unwrap();
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
    let strings = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect()
    };
    let by_type = |value: &Value| -> BTreeMap<String, Vec<String>> {
        let types = value.as_object().unwrap().iter();
        types.map(|(kind, maps)| (kind.clone(), strings(&maps["names"]))).collect()
    };
    let keys = |value: &Value| -> Vec<String> {
        let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    };
    let named = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap().to_owned()).collect()
    };
    let mut parameter_maps: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for map in facts["parameter_maps"].as_array().unwrap() {
        let names = parameter_maps.entry(map["type"].as_str().unwrap().to_owned()).or_default();
        names.extend(map["name"].as_str().filter(|name| !name.is_empty()).map(str::to_owned));
    }
    let mut regexes = summary.regexes.clone();
    regexes.sort();
    let rules: BTreeMap<String, Vec<String>> = facts["ip_inspect_names"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(rule, protocols)| {
            let protocols = protocols.as_array().unwrap().iter();
            (rule.clone(), protocols.map(|p| p[0].as_str().unwrap().to_owned()).collect())
        })
        .collect();
    let lists: BTreeMap<String, (u64, u64)> = facts["access_lists"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(list, counts)| {
            (list.clone(), (counts["permit"].as_u64().unwrap(), counts["deny"].as_u64().unwrap()))
        })
        .collect();
    let found_lists: BTreeMap<String, (u64, u64)> = summary
        .access_lists
        .iter()
        .map(|(list, counts)| (list.clone(), (u64::from(counts.permit), u64::from(counts.deny))))
        .collect();
    let service: Vec<(String, String)> =
        summary.service_policies.iter().map(|s| (s.policy.clone(), s.place.clone())).collect();
    let expected_service: Vec<(String, String)> = facts["service_policies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| (s[0].as_str().unwrap().to_owned(), s[1].as_str().unwrap().to_owned()))
        .collect();
    let roles: BTreeMap<String, String> = facts["interfaces"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(interface, role)| {
            (
                interface.clone(),
                format!("{} {} {}", role["nameif"], role["security-level"], role["zone-member"]),
            )
        })
        .filter(|(_, role)| role != "null null null")
        .collect();
    let found_roles: BTreeMap<String, String> = summary
        .interfaces
        .iter()
        .map(|(interface, role)| {
            let text = |text: &Option<String>| text.as_ref().map_or(Value::Null, |t| Value::from(t.as_str()));
            let level = role.security_level.map_or(Value::Null, Value::from);
            (interface.clone(), format!("{} {} {}", text(&role.nameif), level, text(&role.zone)))
        })
        .filter(|(_, role)| role != "null null null")
        .collect();
    vec![
        ("class maps", show(&summary.class_maps), show(&by_type(&facts["class_maps"]))),
        ("policy maps", show(&summary.policy_maps), show(&by_type(&facts["policy_maps"]))),
        ("parameter maps", show(&summary.parameter_maps), show(&parameter_maps)),
        ("regexes", show(&regexes), show(&keys(&facts["regexes"]))),
        ("zones", show(&summary.zones), show(&strings(&facts["zones"]))),
        ("zone pairs", show(&summary.zone_pairs), show(&named(&facts["zone_pairs"]))),
        ("inspection rules", show(&summary.inspection_rules), show(&rules)),
        ("access lists", show(&found_lists), show(&lists)),
        ("service policies", show(&service), show(&expected_service)),
        ("interfaces", show(&found_roles), show(&roles)),
    ]
}

fn show(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}")
}
