//! Configurations made of the tables of the language: octets choose blocks, statements, and what stands in their
//! places. What the manual lists can be chosen, so no statement of any dialect is missing.

use std::sync::LazyLock;

use policy::manual::{self, Block};

use crate::input::Input;

/// The language of a text. IOS has both of its dialects in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Ios,
    Asa,
}

/// Statements of a language as the octets choose, in the blocks that they belong to.
pub(crate) fn chosen(language: Language, mut input: Input<'_>) -> Vec<u8> {
    let (version, defined) = match language {
        Language::Ios => ("version 15.2\n", DEFINED_BY_IOS),
        Language::Asa => ("ASA Version 9.8(2)\n", DEFINED_BY_ASA),
    };
    let mut text = Vec::from(version);
    // With what the names stand for in front, far more texts load.
    if !input.octet().is_multiple_of(4) {
        text.extend_from_slice(defined.as_bytes());
    }
    let blocks = &*BLOCKS;
    while let Some(choice) = input.next() {
        let Some(block) = blocks.get(usize::from(choice) % (blocks.len() + 1)) else {
            text.extend_from_slice(pick(OTHERS, &mut input).as_bytes());
            continue;
        };
        begin(block, blocks, &mut input, &mut text);
        for _ in 0..=input.octet() % 6 {
            let known =
                |only: Option<&str>| only.is_none_or(|only| (only == "ASA") == (language == Language::Asa));
            let entries: Vec<_> = block.entries.iter().filter(|entry| known(entry.only)).collect();
            let choice = usize::from(input.octet()) % entries.len().max(1);
            if let Some(entry) = entries.get(choice) {
                write(&entry.usage, &mut input, &mut text);
            }
        }
    }
    text
}

/// Every keyword of every statement.
#[cfg(test)]
pub(crate) fn keywords() -> impl Iterator<Item = String> {
    let usages = BLOCKS.iter().flat_map(|block| &block.entries).map(|entry| entry.usage.as_str());
    let words = usages.flat_map(|usage| usage.split([' ', '[', ']', '{', '}', '|']));
    words.filter(|word| word.contains(|c: char| c.is_ascii_lowercase())).map(str::to_owned)
}

static BLOCKS: LazyLock<Vec<Block>> = LazyLock::new(manual::blocks);

/// The statements that lead into a block, from the outermost one.
fn begin(block: &Block, blocks: &[Block], input: &mut Input<'_>, text: &mut Vec<u8>) {
    // Blocks lie in each other three deep; tables that went in a circle would end here too.
    const DEPTH_MAX: usize = 4;
    let mut statements: Vec<&str> = Vec::new();
    let mut inner = block;
    while statements.len() < DEPTH_MAX && !inner.begun_by.is_empty() {
        let choice = usize::from(input.octet()) % inner.begun_by.len();
        let Some(statement) = inner.begun_by.get(choice) else { break };
        statements.push(statement);
        let has = |outer: &&Block| outer.entries.iter().any(|entry| entry.usage == *statement);
        let Some(outer) = blocks.iter().find(has) else { break };
        inner = outer;
    }
    for statement in statements.iter().rev() {
        write(statement.strip_prefix("[no] ").unwrap_or(statement), input, text);
    }
}

/// One statement of a usage such as `[no] match cmd {RCPT count | line length} gt 1-65535`, its choices made.
fn write(usage: &str, input: &mut Input<'_>, text: &mut Vec<u8>) {
    expand(usage, input, text);
    text.push(b'\n');
}

fn expand(usage: &str, input: &mut Input<'_>, text: &mut Vec<u8>) {
    let mut rest = usage.trim_start();
    while let Some(first) = rest.chars().next() {
        if matches!(first, '{' | '[') {
            let (alternatives, after) = group(rest);
            let none = usize::from(first == '[');
            let choice = usize::from(input.octet()) % (alternatives.len() + none);
            if let Some(alternative) = alternatives.get(choice) {
                expand(alternative, input, text);
            }
            rest = after.trim_start();
        } else {
            let end = rest.find([' ', '{', '[']).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            text.extend_from_slice(value(word, input).as_bytes());
            text.push(b' ');
            rest = after.trim_start();
        }
    }
}

/// The alternatives of a group in brackets, and what stands behind it.
fn group(text: &str) -> (Vec<&str>, &str) {
    let (mut alternatives, mut depth, mut from) = (Vec::new(), 0, 1);
    for (at, character) in text.char_indices() {
        match character {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 || (depth == 1 && character == '|') {
            alternatives.push(&text[from..at]);
            from = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    (alternatives, &text[from..])
}

/// A keyword as it is; for a value something that it may be, and now and then something else.
fn value(word: &str, input: &mut Input<'_>) -> String {
    if let Some((low, high)) =
        word.split_once('-').and_then(|(low, high)| Some((low.parse().ok()?, high.parse().ok()?)))
    {
        return number(low, high, input);
    }
    let of = |words: &[&str], input: &mut Input<'_>| pick(words, input).to_owned();
    match word {
        "REST" | "OTHER" | "OPTIONS" if !input.octet().is_multiple_of(4) => entry(input),
        "REST" | "OTHER" | "OPTIONS" => {
            (0..input.octet() % 7).map(|_| format!("{} ", pick(WORDS, input))).collect()
        }
        "REGEX" | "PATTERN" | "TEXT" | "DESCRIPTION" => of(PATTERNS, input),
        "ADDRESS" | "HOST" | "NETWORK" | "SOURCE" | "DESTINATION" => of(ADDRESSES, input),
        "VERBS" | "PARAMETERS" => format!("{} {}", pick(VERBS, input), pick(VERBS, input)),
        "ENCODINGS" => of(&["7bit", "base64 binary", "x-uuencode", "x-me", "other"], input),
        "PORT" | "PORTS" | "PROTOCOL" | "APPLICATION" => {
            of(&["smtp", "25", "pop3", "imap", "tcp", "http", "65536"], input)
        }
        "FILE" | "PATH" | "CODE" | "LEVEL" | "LOW" | "HIGH" => {
            of(&["/tmp/x", "dangling-star", "x", "3", ""], input)
        }
        // Few names, so that they meet.
        "NAME" | "MAP" | "POLICY" | "LIST" | "RULE" | "CLASS" | "ZONE" | "INTERFACE" | "DOMAIN" | "VRF"
        | "JAVA_LIST" => of(NAMES, input),
        other => other.to_owned(),
    }
}

fn number(low: u64, high: u64, input: &mut Input<'_>) -> String {
    let octet = u64::from(input.octet());
    let number = match octet % 8 {
        0 => low,
        1 => high,
        2 => low.wrapping_sub(1),
        3 => high.saturating_add(1),
        _ => low.saturating_add(octet * octet / 8).min(high),
    };
    number.to_string()
}

/// An entry of an access list, or what a group of objects has, often with a slip in it.
fn entry(input: &mut Input<'_>) -> String {
    let ports =
        ["", "eq smtp", "eq 25", "range 25 587", "range 587 25", "gt 24", "lt 1", "neq 25", "object-group a"];
    let mut parts = vec![pick(&["tcp", "ip", "udp", "6", "icmp", "object-group a", "object b", ""], input)];
    for _ in 0..2 {
        parts.push(pick(ADDRESSES, input));
        parts.push(pick(&ports, input));
    }
    parts.push(pick(&["", "log", "inactive", "established", "time-range a", "log 6 interval 300"], input));
    parts.join(" ")
}

fn pick<'w>(words: &[&'w str], input: &mut Input<'_>) -> &'w str {
    words.get(usize::from(input.octet()) % words.len().max(1)).copied().unwrap_or_default()
}

const NAMES: &[&str] = &[
    "a",
    "b",
    "a",
    "b",
    "a",
    "b",
    "a",
    "b",
    "a",
    "A",
    "self",
    "class-default",
    "101",
    "x.y",
    "inside",
    "global_policy",
];

const DEFINED_BY_IOS: &str = "\
parameter-map type regex a
 pattern x
class-map type inspect smtp match-any a
 match body regex a
policy-map type inspect smtp a
 class type inspect smtp a
  reset
class-map type inspect match-any a
 match protocol smtp
parameter-map type inspect a
 tcp idle-time 60
policy-map type inspect a
 class type inspect a
  inspect a
zone security a
zone security b
zone-pair security a source a destination b
ip inspect name a smtp
ip access-list extended a
 permit tcp any any eq smtp
access-list 101 permit tcp any any eq smtp
";

const DEFINED_BY_ASA: &str = "\
regex a x
class-map type regex match-any b
 match regex a
policy-map type inspect esmtp a
 match body length gt 9
  log
access-list a permit tcp any any eq smtp
object network b
 host 192.0.2.1
object-group network a
 network-object object b
interface a
 nameif inside
class-map a
 match access-list a
policy-map a
 class a
  inspect esmtp a
";

const ADDRESSES: &[&str] = &[
    "any",
    "host 192.0.2.1",
    "192.0.2.0 0.0.0.255",
    "192.0.2.0 255.255.255.0",
    "192.0.2.1",
    "any4",
    "any6",
    "2001:db8::/32",
    "10.0.0.0/8",
    "object-group a",
    "object b",
    "interface outside",
    "0.0.0.0:25",
    "[::]:25",
    "192.0.2.1:25",
    "host",
    "range 192.0.2.9 192.0.2.1",
    "localhost:25",
    "300.1.1.1",
    "::",
];

const VERBS: &[&str] =
    &["MAIL", "ehlo", "BDAT", "XEXCH50", "x-y", "STARTTLS", "etrn", "DSN", "SIZE", "others", ""];

const PATTERNS: &[&str] = &[
    "a",
    ".*",
    "*deals\\.com",
    "Subject:*lottery*",
    "[a-z]+@",
    "(a|b)*c",
    "^a",
    "a$",
    "_x_",
    "\"a b\"",
    "[^\\0]",
    "\\",
    "(",
    "x{3}",
    "((a*)*)*",
    "(a+)+$",
    ".*.*.*.*x",
    "[[:alpha:]]",
    "a?b?c?d?",
    "é",
    "\"say\\\"so\"",
    "*image//*",
    "[a-",
    "(.*)(.*)(.*)",
    "\\d\\s",
    "^*x",
    "x?",
    "",
];

/// Words of entries and of what stands in their place.
const WORDS: &[&str] = &[
    "permit",
    "deny",
    "tcp",
    "any",
    "host",
    "eq",
    "range",
    "log",
    "in",
    "out",
    "interface",
    "network-object",
    "port-object",
    "group-object",
    "service-object",
    "source",
    "destination",
    "25",
    "smtp",
    "no",
    "|",
    "?",
    "a",
];

/// Lines around statements, and lines of nobody.
const OTHERS: &[&str] = &[
    "exit\n",
    "end\n",
    "!\n",
    "banner motd ^C\n",
    "^C\n",
    "Router(config)# ",
    "ciscoasa(config-pmap-p)# ",
    "no ",
    "router ospf 1\n",
    " network 10.0.0.0 0.0.0.255 area 0\n",
    "clas-map a\n",
    "fixup protocol smtp 25\n",
    "crypto pki certificate chain x\n certificate 01\n  3082 quit\n",
    "<--- More --->\n",
    "\r\n",
    " ",
    "\x00",
    "class-map type regex match-any a\n",
    "default ",
    "\t",
];
