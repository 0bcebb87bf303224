//! A table of nftables as a value, and how it is printed for `nft -f -`.
//!
//! The limits of the language are kept here, those of nft 1.0.6: which octets a name may have, how long a comment is.
//! What rules mean is nobody's business here.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

use crate::text::printable;

/// Everything of ours is in this table, and nothing of others.
pub(crate) const TABLE_NAME: &str = "inet mailwarden";

/// Limit: octets of a comment; nft refuses 129.
const COMMENT_MAX: usize = 128;

/// Limit: octets of a log prefix; the kernel refuses 128.
const LOG_PREFIX_MAX: usize = 127;

/// The table, as it is printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ruleset {
    /// Whether connection tracking looks into FTP for its data connections.
    helps_ftp: bool,
    /// Named counters.
    pub(super) counters: BTreeSet<String>,
    pub(super) maps: Vec<Map>,
    pub(super) chains: Vec<Chain>,
}

/// A verdict map, whose elements count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Map {
    pub(super) name: String,
    /// `inet_proto . ipv4_addr . …`.
    pub(super) keys: &'static str,
    pub(super) elements: Vec<Element>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) key: String,
    pub(super) comment: String,
    /// The chain that goes on.
    pub(super) goto: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) name: String,
    /// `type filter hook …` of a base chain.
    pub(super) hook: Option<&'static str>,
    pub(super) rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    text: String,
    comment: Option<String>,
}

impl Ruleset {
    /// Adds a chain. There is no other of its name.
    pub(super) fn chain(&mut self, name: impl Into<String>, rules: Vec<Rule>) -> String {
        let name = name.into();
        debug_assert!(!self.has_chain(&name), "chain {name} is there already");
        self.chains.push(Chain { name: name.clone(), hook: None, rules });
        name
    }

    pub(super) fn base_chain(&mut self, name: &str, hook: &'static str, rules: Vec<Rule>) {
        self.chains.push(Chain { name: name.to_owned(), hook: Some(hook), rules });
    }

    pub(super) fn has_chain(&self, name: &str) -> bool {
        self.chains.iter().any(|chain| chain.name == name)
    }

    /// A statement that counts by name.
    pub(super) fn counter(&mut self, name: &str) -> String {
        self.counters.insert(name.to_owned());
        format!("counter name {name}")
    }

    /// The rule by which the data connections of FTP belong to the one that asks for them.
    pub(super) fn helper_of_ftp(&mut self) -> Rule {
        self.helps_ftp = true;
        Rule::new("tcp dport 21 ct state new ct helper set \"ftp\"")
    }

    /// What makes of a table that is `previous` this one, in one transaction. What stays counts on: named counters, and
    /// the elements of maps that are the same.
    pub(crate) fn replacing(&self, previous: &Self) -> String {
        let mut text = format!("table {TABLE_NAME}\nflush table {TABLE_NAME}\n");
        let mut delete = |kind: &str, name: &str| {
            text.push_str(&format!("delete {kind} {TABLE_NAME} {name}\n"));
        };
        // The elements of a map name chains, so it goes first.
        let kept = |map: &Map| self.maps.contains(map);
        previous.maps.iter().filter(|map| !kept(map)).for_each(|map| delete("map", &map.name));
        let gone = previous.chains.iter().filter(|chain| !self.has_chain(&chain.name));
        gone.for_each(|chain| delete("chain", &chain.name));
        previous.counters.difference(&self.counters).for_each(|counter| delete("counter", counter));
        let mut next = self.clone();
        next.maps.retain(|map| !previous.maps.contains(map));
        text + &next.to_string()
    }
}

impl Display for Ruleset {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "table {TABLE_NAME} {{")?;
        if self.helps_ftp {
            writeln!(f, "\tct helper ftp {{\n\t\ttype \"ftp\" protocol tcp\n\t}}")?;
        }
        self.counters.iter().try_for_each(|counter| writeln!(f, "\tcounter {counter} {{ }}"))?;
        for map in &self.maps {
            writeln!(f, "\n{map}")?;
        }
        for chain in &self.chains {
            writeln!(f, "\n{chain}")?;
        }
        writeln!(f, "}}")
    }
}

impl Display for Map {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "\tmap {} {{", self.name)?;
        writeln!(f, "\t\ttype {} : verdict\n\t\tflags interval\n\t\tcounter", self.keys)?;
        if !self.elements.is_empty() {
            writeln!(f, "\t\telements = {{")?;
            for Element { key, comment, goto } in &self.elements {
                writeln!(f, "\t\t\t{key} comment \"{}\" : goto {goto},", quoted(comment, COMMENT_MAX))?;
            }
            writeln!(f, "\t\t}}")?;
        }
        write!(f, "\t}}")
    }
}

impl Display for Chain {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "\tchain {} {{", self.name)?;
        if let Some(hook) = self.hook {
            writeln!(f, "\t\t{hook}; policy accept;")?;
        }
        self.rules.iter().try_for_each(|rule| writeln!(f, "\t\t{rule}"))?;
        write!(f, "\t}}")
    }
}

impl Rule {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), comment: None }
    }

    #[must_use]
    pub(super) fn comment(mut self, comment: impl Into<String>) -> Self {
        self.comment = Some(comment.into());
        self
    }
}

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.comment {
            Some(comment) => write!(f, " comment \"{}\"", quoted(comment, COMMENT_MAX)),
            None => Ok(()),
        }
    }
}

/// A name of parts, of which no two lists have the same. nft takes letters, digits and `-./_`: the slash is between the
/// parts, and every other octet is a full stop and its value.
pub(super) fn name(parts: &[&str]) -> String {
    let part = |part: &&str| -> String {
        let octets = part.bytes().map(|octet| match octet {
            b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(octet).to_string(),
            _ => format!(".{octet:02x}"),
        });
        octets.collect()
    };
    parts.iter().map(part).collect::<Vec<_>>().join("/")
}

/// A statement that logs to a group of netlink.
pub(super) fn log(prefix: &str, group: u16) -> String {
    format!("log prefix \"{}\" group {group}", quoted(prefix, LOG_PREFIX_MAX))
}

/// `"a"`, or `{ "a", "b" }`.
pub(super) fn interfaces(names: &[&str]) -> String {
    one_or_set(names.iter().map(|name| format!("\"{name}\"")))
}

/// One value, or an anonymous set.
pub(super) fn one_or_set(values: impl Iterator<Item = String>) -> String {
    let values: Vec<String> = values.collect();
    match &*values {
        [one] => one.clone(),
        several => format!("{{ {} }}", several.join(", ")),
    }
}

/// What may be between quotes: nft knows no escape.
fn quoted(text: &str, max: usize) -> String {
    let text: String = printable(text).replace('"', "'").replace('\n', " ");
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_only_what_nft_takes_and_no_two_are_the_same() {
        assert_eq!(name(&["acl", "101"]), "acl/101");
        assert_eq!(name(&["in", "Ethernet0/1"]), "in/Ethernet0.2f1");
        assert_ne!(name(&["a", "b/c"]), name(&["a/b", "c"]));
        assert_ne!(name(&["a.2f"]), name(&["a/"]));
    }

    #[test]
    fn comments_end_before_the_limit_and_between_characters() {
        let rule = Rule::new("accept").comment(format!("\"{}", "ä".repeat(100)));
        let text = rule.to_string();
        assert_eq!(text, format!("accept comment \"'{}\"", "ä".repeat(63)));
    }

    #[test]
    fn a_replacement_deletes_what_is_gone_and_keeps_maps_that_are_the_same() {
        let map = |name: &str, key: &str| Map {
            name: name.to_owned(),
            keys: "inet_proto",
            elements: vec![Element { key: key.to_owned(), comment: String::new(), goto: "a" }],
        };
        let ruleset = |maps, counter: &str, chain: &str| {
            let mut ruleset = Ruleset { maps, ..Ruleset::default() };
            ruleset.counter(counter);
            ruleset.chain("a", Vec::new());
            ruleset.chain(chain, vec![Rule::new("accept")]);
            ruleset
        };
        let before = ruleset(vec![map("same", "1"), map("other", "1")], "n", "c");
        let text = ruleset(vec![map("same", "1"), map("other", "2")], "m", "d").replacing(&before);
        let (deletions, table) = text.split_once("table inet mailwarden {").unwrap();
        assert_eq!(
            deletions,
            "table inet mailwarden\nflush table inet mailwarden\ndelete map inet mailwarden other\n\
             delete chain inet mailwarden c\ndelete counter inet mailwarden n\n"
        );
        assert!(table.contains("map other") && !table.contains("map same"));
    }
}
