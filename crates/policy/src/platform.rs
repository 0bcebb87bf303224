//! The platform whose language a file is written in: it chooses the command tree and the reading of masks.

use crate::lines::{self, Line, Prompt};
use crate::source::{Source, Span};

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

    /// As people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Ios => "IOS",
            Self::Asa => "ASA",
        }
    }

    pub fn other(self) -> Self {
        match self {
            Self::Ios => Self::Asa,
            Self::Asa => Self::Ios,
        }
    }
}

/// Which platform a file is of, and which line says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) platform: Platform,
    /// `None` if no line does.
    pub(crate) by: Option<Span>,
}

impl Decision {
    /// What the `mailwarden` block says, else what the first sure sign shows, else the first line that a proxy of
    /// ours may have on either platform, else the default.
    pub(crate) fn of(source: &Source) -> Self {
        let first = |shows: fn(&Line<'_>) -> Option<Platform>| {
            lines::bare(source).find_map(|line| Some((shows(&line)?, line.span())))
        };
        let sure = |line: &Line<'_>| sign(line.text).or_else(|| shown(line));
        let found = configured(source).or_else(|| first(sure)).or_else(|| likely(source));
        found.map_or_else(Self::default, |(platform, by)| Self { platform, by: Some(by) })
    }
}

/// `platform …` after a line `mailwarden`.
fn configured(source: &Source) -> Option<(Platform, Span)> {
    let after = lines::bare(source).skip_while(|line| !is(unquoted(line.text), "mailwarden"));
    after.into_iter().find_map(|line| {
        let words: Vec<&str> = unquoted(line.text).split_ascii_whitespace().collect();
        let platform = match *words {
            [platform, value] if is(platform, "platform") && is(value, "ios") => Platform::Ios,
            [platform, value] if is(platform, "platform") && is(value, "asa") => Platform::Asa,
            _ => return None,
        };
        Some((platform, line.span()))
    })
}

/// A line of quoted mail without its marks.
fn unquoted(line: &str) -> &str {
    line.trim_start_matches(['>', ' '])
}

/// What a prompt shows: the name a device has of its maker, or a mode of one platform alone.
fn shown(line: &Line<'_>) -> Option<Platform> {
    let Some(Prompt::Configuration { host, mode }) = line.prompt else { return None };
    let begins =
        |names: &[&str]| names.iter().any(|name| mode.get(..name.len()).is_some_and(|it| is(it, name)));
    match () {
        () if ["ciscoasa", "pixfirewall"].iter().any(|name| is(host, name)) => Some(Platform::Asa),
        () if begins(&["config-pmap-p", "config-network-object", "config-service-object"]) => {
            Some(Platform::Asa)
        }
        () if begins(&["config-sec-zone", "config-profile", "config-ext-nacl", "config-std-nacl"]) => {
            Some(Platform::Ios)
        }
        () => None,
    }
}

/// What only one of the platforms has.
fn sign(line: &str) -> Option<Platform> {
    let mut words = unquoted(line).split_ascii_whitespace();
    let first = words.next().map(str::to_ascii_lowercase)?;
    let first = if first == "no" { words.next()?.to_ascii_lowercase() } else { first };
    let second = words.next().unwrap_or("").to_ascii_lowercase();
    let third = words.next().unwrap_or("").to_ascii_lowercase();
    let fourth = words.next().unwrap_or("");
    match (first.as_str(), second.as_str(), third.as_str()) {
        ("asa" | "pix" | "fwsm", "version", _) => Some(Platform::Asa),
        ("nameif" | "security-level" | "fixup" | "regex", _, _) => Some(Platform::Asa),
        ("class-map", "type", "regex") => Some(Platform::Asa),
        ("access-list", name, "extended" | "standard" | "permit" | "deny" | "remark" | "line")
            if name.contains(|c: char| c.is_ascii_alphabetic()) =>
        {
            Some(Platform::Asa)
        }
        ("access-list", _, "extended") | ("object", "network" | "service", _) => Some(Platform::Asa),
        ("access-group", _, "in" | "out") if is(fourth, "interface") => Some(Platform::Asa),
        ("service-policy", _, "global") => Some(Platform::Asa),
        ("service-policy", policy, "interface") if policy != "type" => Some(Platform::Asa),
        ("match", "default-inspection-traffic", _) => Some(Platform::Asa),
        ("class" | "class-map", "inspection_default", _) => Some(Platform::Asa),
        ("policy-map", "type", "inspect") if is(fourth, "esmtp") => Some(Platform::Asa),
        ("version", number, _) if number.starts_with(|c: char| c.is_ascii_digit()) => Some(Platform::Ios),
        ("zone" | "zone-pair", "security", _) | ("ip", "inspect", _) | ("parameter-map", _, _) => {
            Some(Platform::Ios)
        }
        ("class-map", "type", "inspect") => Some(Platform::Ios),
        _ => None,
    }
}

/// `inspect esmtp` below a class. A proxy of ours may have it on both platforms.
fn likely(source: &Source) -> Option<(Platform, Span)> {
    let mut in_class = false;
    lines::bare(source).find_map(|line| {
        let mut words = unquoted(line.text).split_ascii_whitespace().skip_while(|word| is(word, "no"));
        let first = words.next()?;
        let is_one_of = |keywords: &[&str]| keywords.iter().any(|keyword| is(first, keyword));
        if is_one_of(&["class", "policy-map", "proxy"]) {
            in_class = is(first, "class");
        }
        let is_sign = in_class && is(first, "inspect") && words.next().is_some_and(|word| is(word, "esmtp"));
        is_sign.then(|| (Platform::Asa, line.span()))
    })
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
            ("ciscoasa(config)# policy-map global_policy\n", Platform::Asa),
            ("edge(config)# policy-map type inspect esmtp M\n", Platform::Asa),
            ("edge(config-pmap-p)# no mask-banner\n", Platform::Asa),
            ("access-list MAIL extended permit tcp any any eq smtp\n", Platform::Asa),
            ("access-list acl_out permit tcp any any eq smtp\n", Platform::Asa),
            ("access-list 101 permit tcp any any eq smtp\n", Platform::Ios),
            ("object network MX\n host 192.0.2.25\n", Platform::Asa),
            ("access-group acl_out in interface outside\n", Platform::Asa),
            ("interface e0\n service-policy input QOS\nservice-policy P interface outside\n", Platform::Asa),
            ("policy-map P\n class inspection_default\n  inspect esmtp\n", Platform::Asa),
            ("policy-map P\n class C\n  no inspect esmtp\n", Platform::Asa),
            ("proxy mx\n inspect esmtp\n", Platform::Ios),
            ("> ASA Version 9.1(2)\n", Platform::Asa),
            ("hostname x\n", Platform::Ios),
            ("", Platform::Ios),
            ("version 15.4\nmailwarden\n workers 2\n platform asa\n", Platform::Asa),
        ];
        for (text, expected) in table {
            assert_eq!(Decision::of(&Source::decode("t", text.as_bytes()).0).platform, expected, "{text:?}");
        }
    }
}
