//! A replay held against the facts that an independent reader found in a collection of captures.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The sessions of a capture in which this was spoken.
pub(crate) fn replay(capture: &Path, protocol: &str) -> Vec<Value> {
    let output =
        Command::new(env!("CARGO_BIN_EXE_mailwarden")).arg("replay").arg("--json").arg(capture).output();
    let output = output.unwrap();
    assert!(output.status.code().is_some_and(|code| code < 2), "{capture:?}: {output:?}");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|session| session["protocol"] == protocol)
        .collect()
}

/// Whether a session that was found is the one that is expected.
pub(crate) fn is_same(expected: &Value, found: &Value) -> bool {
    address(&found["client"]) == address(&expected["client"])
        && address(&found["server"]) == address(&expected["server"])
}

/// The facts write IPv6 addresses without brackets.
fn address(value: &Value) -> SocketAddr {
    let text = value.as_str().unwrap();
    let (host, port) = text.rsplit_once(':').unwrap();
    let host = host.trim_matches(['[', ']']);
    SocketAddr::new(host.parse().unwrap(), port.parse().unwrap())
}

/// What was compared, and what differs.
#[derive(Default)]
pub(crate) struct Ledger {
    /// Differences that are looked at: capture, the beginning of the place, and why we say otherwise.
    known: &'static [(&'static str, &'static str, &'static str)],
    /// Fields in which nothing may differ that is not among them.
    strict: &'static [&'static str],
    pub(crate) capture: String,
    /// Compared and differing, by field.
    fields: BTreeMap<&'static str, (u64, u64)>,
    not_explained: Vec<String>,
    not_allowed: Vec<String>,
    explained: Vec<String>,
}

impl Ledger {
    pub(crate) fn new(
        known: &'static [(&'static str, &'static str, &'static str)],
        strict: &'static [&'static str],
    ) -> Self {
        Self { known, strict, ..Self::default() }
    }

    pub(crate) fn compare(&mut self, field: &'static str, at: &str, expected: &Value, found: &Value) {
        let (compared, differing) = self.fields.entry(field).or_default();
        *compared += 1;
        if expected == found {
            return;
        }
        *differing += 1;
        let place = format!("{at}{field}");
        let difference = format!("{} {place}: {expected} in the facts, found {found}", self.capture);
        let known =
            self.known.iter().find(|(capture, of, _)| *capture == self.capture && place.starts_with(of));
        match known {
            Some((_, _, why)) => self.explained.push(format!("{difference}\n    {why}")),
            None if self.strict.contains(&field) => self.not_allowed.push(difference),
            None => self.not_explained.push(difference),
        }
    }

    pub(crate) fn conclude(self) {
        println!("{:<22}{:>9}{:>9}", "field", "compared", "differ");
        let (mut compared, mut differing) = (0, 0);
        for (field, (of, differ)) in &self.fields {
            println!("{field:<22}{of:>9}{differ:>9}");
            compared += of;
            differing += differ;
        }
        println!("{:<22}{compared:>9}{differing:>9}", "all");
        for (heading, list) in [
            ("explained", &self.explained),
            ("not explained", &self.not_explained),
            ("not allowed", &self.not_allowed),
        ] {
            println!("\n{heading}: {}", list.len());
            list.iter().for_each(|difference| println!("  {}", cut(difference)));
        }
        assert!(compared > 0 && differing * 100 <= compared, "{differing} of {compared} fields differ");
        let count = self.not_allowed.len();
        assert!(count == 0, "{count} differences that are not allowed");
    }
}

fn cut(text: &str) -> String {
    text.chars().take(600).collect()
}
