//! Generated configurations of many thousand lines load in a time that grows with their length alone.
//!
//! No clock is asked: a list that is searched for each of its lines takes minutes here.

#![allow(
    clippy::unwrap_used,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

use policy::compile::CompiledPolicy;
use policy::criterion::Text;
use policy::fact::Fact;
use policy::model::Configuration;
use policy::profile::Profile;
use policy::{RuleState, Verdict};

const MANY: usize = 20_000;

fn policy(text: &str) -> Configuration {
    policy::load("large", text.as_bytes()).configuration.unwrap()
}

fn lines(line: impl Fn(usize) -> String) -> String {
    (0..MANY).map(line).collect()
}

#[test]
fn many_conditions_are_taken_back_one_by_one() {
    let typed = lines(|i| format!(" match cmd verb V{i}\n"));
    let taken_back = lines(|i| format!(" no match cmd verb V{i}\n"));
    let text = format!("class-map type inspect smtp match-any c\n{typed}{taken_back} match cmd verb V7\n");
    let policy = policy(&text);
    let conditions = &policy.l7_classes.get("c").unwrap().conditions;
    assert_eq!(conditions.iter().map(ToString::to_string).collect::<Vec<_>>(), ["match cmd verb V7"]);
}

#[test]
fn more_conditions_than_can_be_numbered_are_refused() {
    let conditions =
        lines(|i| format!(" match cmd verb V{i}\n match not cmd verb V{i}\n match cmd verb W{i}\n"));
    let text = format!(
        "class-map type inspect smtp match-any c\n{conditions}policy-map type inspect smtp p\n class c\n  log\n"
    );
    let loaded = policy::load("large", text.as_bytes());
    let complaints: Vec<&str> = loaded.diagnostics.iter().map(|found| found.code.as_str()).collect();
    assert_eq!(complaints, ["too-many-conditions"]);
}

#[test]
fn many_classes_have_a_rule_each() {
    let classes = lines(|i| format!("class-map type inspect smtp match-any c{i}\n match cmd verb V{i}\n"));
    let rules = lines(|i| format!(" class type inspect smtp c{i}\n  log\n"));
    let policy = policy(&format!("{classes}policy-map type inspect smtp p\n{rules}{rules}"));
    assert_eq!(policy.l7_policies.get("p").unwrap().rules.len(), MANY);
}

#[test]
fn many_entries_and_addresses_are_listed() {
    let entries = lines(|i| format!(" permit tcp any any eq {i}\n"));
    let no_entries = lines(|i| format!(" no permit tcp any any eq {i}\n"));
    let listen = lines(|i| format!(" listen 10.0.{}.{}:25\n", i / 256, i % 256));
    let text = format!(
        "ip access-list extended L\n permit ip any any\n{entries}{no_entries}\
         proxy x\n server 192.0.2.1:25\n{listen}{listen}"
    );
    let policy = policy(&text);
    assert_eq!(policy.access_lists.get("L").unwrap().entries().count(), 1);
    assert_eq!(policy.proxies.get("x").unwrap().listen.len(), MANY);
}

#[test]
fn many_domains_are_searched_at_the_end_of_an_address() {
    const A_MAP: usize = 50;
    let maps = lines(|i| {
        let begin =
            if i % A_MAP == 0 { format!("parameter-map type regex r{}\n", i / A_MAP) } else { String::new() };
        format!("{begin} pattern \"[@.]d{i}\\.example$\"\n")
    });
    let matches: String =
        (0..MANY / A_MAP).map(|map| format!(" match sender address regex r{map}\n")).collect();
    let text = format!(
        "{maps}class-map type inspect smtp match-any c\n{matches}\
         policy-map type inspect smtp p\n class type inspect smtp c\n  reset\n"
    );
    let policy = policy(&text);
    let compiled = CompiledPolicy::compile(&policy, "p", &Profile::C3PL).unwrap();
    let acts = |sender: &str| {
        let mut state = RuleState::default();
        compiled.learn(&mut state, Fact::Text(Text::Sender, sender.as_bytes()));
        compiled.judge(&mut state, &mut |_| {}) != Verdict::Pass
    };
    assert!(acts("a@d0.example") && acts("a@x.d19999.example"));
    assert!(!acts("a@d20000.example") && !acts("a@d7.example.org") && !acts("@d7"));
}
