//! Real configurations: no panic, and the JSON report agrees with the facts of an independent reader.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

#[path = "../../../../tests/common/corpus.rs"]
mod common;

fn configurations() -> Option<(PathBuf, Map<String, Value>)> {
    let folder = common::folder("configs")?;
    let facts = common::facts(&folder);
    Some((folder, facts))
}

/// Where the other reader is wrong: it takes a subtype for a name, forgets an interface that is
/// followed by another of the same kind, or leaves out a line of `show` output.
const DISAGREEMENTS: &[(&str, &str)] = &[
    ("batfish_unit__cisco_qos.cfg", "class_maps"),
    ("batfish_unit__cisco_qos.cfg", "policy_maps"),
    ("chuckbag__client-vpn-with-radius-auth_b01.cfg", "interfaces"),
    ("chuckbag__debugging-tunnels_b01.cfg", "access_lists"),
];

#[test]
fn reports_agree_with_an_independent_reader() {
    let Some((folder, facts)) = configurations() else { return };
    let mut agreement: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    let mut differences = Vec::new();
    for (name, facts) in &facts {
        let output = super::check(&folder, &["--format", "json", name]);
        let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
        let errors = report["errors"].as_u64().expect("a count");
        assert_eq!(output.status.code(), Some(if errors > 0 { 2 } else { 0 }), "{name}");
        assert!(output.stderr.is_empty(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        for (field, expected) in expected(facts) {
            let (agreed, all) = agreement.entry(field).or_default();
            *all += 1;
            let found = comparable(field, &report[field]);
            if found == expected {
                *agreed += 1;
            } else if !DISAGREEMENTS.contains(&(name.as_str(), field)) {
                differences.push(format!("{name}: {field}\n  found    {found}\n  expected {expected}"));
            }
        }
    }
    for (field, (agreed, all)) in agreement {
        println!("{field}: {agreed} of {all}");
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn reports_for_a_person_are_exited_from_as_those_for_a_program() {
    let Some((folder, facts)) = configurations() else { return };
    for name in facts.keys() {
        let text = super::check(&folder, &["-v", "--strict", name]);
        let json = super::check(&folder, &["--strict", "--format", "json", name]);
        assert!(matches!(text.status.code(), Some(0..=2)), "{name}: {}", text.status);
        assert_eq!(text.status, json.status, "{name}");
        let places = String::from_utf8_lossy(&text.stdout);
        let places = places.lines().filter(|line| line.starts_with(&format!("{name}:")));
        let report: Value = serde_json::from_slice(&json.stdout).expect("one JSON object");
        let complaints = report["diagnostics"].as_array().expect("a list").len();
        assert_eq!(places.count(), complaints + 1, "{name}: one line each, and the headline");
    }
}

#[test]
fn all_is_said_to_be_well_only_where_something_is_enforced() {
    let Some((folder, facts)) = configurations() else { return };
    for name in facts.keys() {
        let text = super::check(&folder, &[name]);
        let json = super::check(&folder, &["--format", "json", name]);
        let report: Value = serde_json::from_slice(&json.stdout).expect("one JSON object");
        let enforced = report["enforced"].as_array().expect("a list").len();
        let text = String::from_utf8_lossy(&text.stdout);
        assert!(enforced > 0 || !text.contains("no errors or warnings"), "{name}: {text}");
    }
}

#[test]
fn the_lines_that_are_said_to_be_missing_load_behind_any_file() {
    let Some((folder, facts)) = configurations() else { return };
    let mut added = 0;
    for name in facts.keys() {
        let json = super::check(&folder, &["--format", "json", name]);
        let report: Value = serde_json::from_slice(&json.stdout).expect("one JSON object");
        let blocks = report["needs_proxy"].as_array().expect("a list").iter();
        let blocks: Vec<&str> = blocks.map(|needs| needs["block"].as_str().expect("lines")).collect();
        if blocks.is_empty() {
            continue;
        }
        added += blocks.len();
        let mut text = std::fs::read(folder.join(name)).expect("a configuration");
        text.extend_from_slice(format!("\n{}", blocks.concat()).as_bytes());
        let after = super::check_stdin(&text);
        assert!(after.contains("  enforced now\n    proxy "), "{name}: {after}");
        assert!(!after.contains("needs a `proxy` block"), "{name}: {after}");
    }
    println!("{added} blocks");
}

/// The fields of the report that the facts tell, in the report's form.
fn expected(facts: &Value) -> Vec<(&'static str, Value)> {
    vec![
        ("class_maps", maps(&facts["class_maps"])),
        ("policy_maps", maps(&facts["policy_maps"])),
        ("parameter_maps", parameter_maps(&facts["parameter_maps"])),
        ("regexes", json!(facts["regexes"].as_object().map(|all| sorted(all.keys().cloned())))),
        ("zones", facts["zones"].clone()),
        ("zone_pairs", list(&facts["zone_pairs"], |pair| pair["name"].clone())),
        ("inspection_rules", each(&facts["ip_inspect_names"], |rule| list(rule, |line| line[0].clone()))),
        (
            "access_lists",
            each(&facts["access_lists"], |list| json!({"permit": list["permit"], "deny": list["deny"]})),
        ),
        (
            "service_policies",
            list(&facts["service_policies"], |line| json!({"policy": line[0], "where": line[1]})),
        ),
        ("interfaces", interfaces(&facts["interfaces"], ["nameif", "security-level", "zone-member"])),
    ]
}

/// A field of the report, as far as the facts tell it.
fn comparable(field: &str, found: &Value) -> Value {
    match field {
        "regexes" => {
            let names = found.as_array().expect("a list").iter();
            json!(sorted(names.map(|name| name.as_str().expect("a name").to_owned())))
        }
        "interfaces" => interfaces(found, ["nameif", "security_level", "zone"]),
        "class_maps" | "policy_maps" | "parameter_maps" | "inspection_rules" | "access_lists" => {
            each(found, Value::clone)
        }
        _ => found.clone(),
    }
}

fn maps(facts: &Value) -> Value {
    each(facts, |of| of["names"].clone())
}

fn parameter_maps(facts: &Value) -> Value {
    let mut maps: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for map in facts.as_array().expect("a list") {
        let names = maps.entry(map["type"].as_str().expect("a type")).or_default();
        names.extend(map["name"].as_str().filter(|name| !name.is_empty()));
    }
    json!(maps)
}

/// Interfaces that have any of these, in this order.
fn interfaces(all: &Value, keys: [&str; 3]) -> Value {
    let mut all = each(all, |role| json!(keys.map(|key| &role[key])));
    if let Value::Object(all) = &mut all {
        all.retain(|_, role| *role != json!([null, null, null]));
    }
    all
}

fn list(all: &Value, render: impl Fn(&Value) -> Value) -> Value {
    all.as_array().expect("a list").iter().map(render).collect()
}

/// An object with every value rendered, its keys in order.
fn each(all: &Value, render: impl Fn(&Value) -> Value) -> Value {
    let all: BTreeMap<&String, Value> =
        all.as_object().expect("an object").iter().map(|(key, value)| (key, render(value))).collect();
    json!(all)
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}
