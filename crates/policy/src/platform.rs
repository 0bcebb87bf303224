//! The platform whose language a file is written in: it chooses the command tree and the reading of masks.

use crate::source::Source;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Platform {
    #[default]
    Ios,
    Asa,
}

impl Platform {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ios => "ios",
            Self::Asa => "asa",
        }
    }

    /// What the `mailwarden` block says, else what the first sure sign shows, else the default.
    pub fn of(source: &Source) -> Self {
        configured(source).or_else(|| source.lines().find_map(|(_, line)| sign(line))).unwrap_or_default()
    }
}

/// `platform …` after a line `mailwarden`.
fn configured(source: &Source) -> Option<Platform> {
    let after = source.lines().map(|(_, line)| line.trim()).skip_while(|line| !is(line, "mailwarden"));
    after.map(|line| line.split_ascii_whitespace().collect::<Vec<_>>()).find_map(|words| match *words {
        [platform, value] if is(platform, "platform") && is(value, "ios") => Some(Platform::Ios),
        [platform, value] if is(platform, "platform") && is(value, "asa") => Some(Platform::Asa),
        _ => None,
    })
}

/// What only one of the platforms has.
fn sign(line: &str) -> Option<Platform> {
    let mut words = line.split_ascii_whitespace();
    let first = words.next().map(str::to_ascii_lowercase)?;
    let first = if first == "no" { words.next()?.to_ascii_lowercase() } else { first };
    let second = words.next().unwrap_or("").to_ascii_lowercase();
    let third = words.next().unwrap_or("").to_ascii_lowercase();
    let fourth = words.next().unwrap_or("");
    match (first.as_str(), second.as_str(), third.as_str()) {
        ("asa" | "pix" | "fwsm", "version", _) => Some(Platform::Asa),
        ("nameif" | "security-level" | "fixup" | "regex", _, _) => Some(Platform::Asa),
        ("class-map", "type", "regex") => Some(Platform::Asa),
        ("policy-map", "type", "inspect") if is(fourth, "esmtp") => Some(Platform::Asa),
        ("version", number, _) if number.starts_with(|c: char| c.is_ascii_digit()) => Some(Platform::Ios),
        ("zone" | "zone-pair", "security", _) | ("ip", "inspect", _) | ("parameter-map", _, _) => {
            Some(Platform::Ios)
        }
        ("class-map", "type", "inspect") => Some(Platform::Ios),
        _ => None,
    }
}

fn is(word: &str, keyword: &str) -> bool {
    word.eq_ignore_ascii_case(keyword)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sure_sign_tells() {
        let table = [
            ("hostname x\nversion 15.4\nnameif inside\n", Platform::Ios),
            ("ASA Version 9.1(2)\n", Platform::Asa),
            ("interface e0\n no nameif\nzone security x\n", Platform::Asa),
            ("ip inspect name x smtp\n", Platform::Ios),
            ("policy-map type inspect esmtp M\n", Platform::Asa),
            ("policy-map type inspect esmtp\n", Platform::Asa),
            ("class-map type regex match-any R\n", Platform::Asa),
            ("hostname x\n", Platform::Ios),
            ("", Platform::Ios),
            ("version 15.4\nmailwarden\n workers 2\n platform asa\n", Platform::Asa),
        ];
        for (text, expected) in table {
            assert_eq!(Platform::of(&Source::decode("t", text.as_bytes()).0), expected, "{text:?}");
        }
    }
}
