//! Configurations: complaints lie inside the text, what loads is printed as it was meant, and each
//! policy for mail compiles or says why not.

use policy::profile::Profile;
use policy::source::Span;
use policy::{CompiledPolicy, Loaded, load, render};

use crate::input::Input;

const TEXT_MAX: usize = 16 << 10;

/// Text as it comes, or lines that the octets choose: of those far more load.
pub(crate) fn run(input: &[u8]) {
    let mut input = Input::new(input);
    match input.octet() % 2 {
        0 => check(input.take(TEXT_MAX)),
        _ => check(&chosen(input)),
    }
}

fn check(text: &[u8]) {
    let loaded = load("fuzz", text);
    check_diagnostics(&loaded);
    assert_eq!(loaded.configuration.is_none(), loaded.diagnostics.has_errors());
    let Some(configuration) = loaded.configuration else { return };
    let printed = configuration.to_string();
    let again = load("printed", printed.as_bytes());
    let complaints = render::diagnostics(&again.source, &again.diagnostics);
    let Some(same) = again.configuration else {
        panic!("what is printed has errors:\n{complaints}\n{printed}")
    };
    assert_eq!(same.to_string(), printed);
    assert_eq!(same.without_places(), configuration.clone().without_places(), "{printed}");
    for map in &configuration.l7_policies {
        match CompiledPolicy::compile(&configuration, &map.name.text, &Profile::C3PL) {
            Ok(compiled) => assert_eq!(compiled.name(), map.name.text),
            Err(too_large) => assert!(!too_large.is_empty()),
        }
    }
}

fn check_diagnostics(loaded: &Loaded) {
    for diagnostic in &loaded.diagnostics {
        let places = std::iter::once(diagnostic.at).chain(diagnostic.related.iter().map(|(at, _)| *at));
        for Span { start, end } in places {
            assert!(start <= end, "{diagnostic:?}");
            let inside = loaded.source.text.get(start as usize..end as usize);
            assert!(inside.is_some(), "{diagnostic:?} is outside the text");
        }
        let message = &diagnostic.message;
        assert!(!message.is_empty() && !message.ends_with('.') && !message.contains('\n'), "{message:?}");
        render::ios("router(config)#", loaded.source.line_of(diagnostic.at).1, diagnostic);
    }
    render::diagnostics(&loaded.source, &loaded.diagnostics);
}

/// Lines from the table, their places filled as the octets say.
fn chosen(mut input: Input<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..200 {
        let choice = input.octet();
        let Some(line) = LINES.get(usize::from(choice)) else {
            // Octets as they come, now and then, in the middle of a line as well.
            match choice {
                255 => return text,
                254 => text.extend_from_slice(b"no "),
                _ => {
                    let len = input.octet() % 16;
                    text.extend_from_slice(input.take(usize::from(len)));
                }
            }
            continue;
        };
        for (number, piece) in line.split('%').enumerate() {
            match (number, piece.as_bytes().split_first()) {
                (1.., Some((&slot, rest))) => {
                    text.extend_from_slice(fill(slot, &mut input).as_bytes());
                    text.extend_from_slice(rest);
                }
                _ => text.extend_from_slice(piece.as_bytes()),
            }
        }
        text.push(b'\n');
    }
    text
}

fn fill(slot: u8, input: &mut Input<'_>) -> String {
    let choice = usize::from(input.octet());
    let of = |words: &[&str]| words.get(choice % words.len()).copied().unwrap_or_default().to_owned();
    match slot {
        // Few names, so that they meet.
        b'n' => of(&["a", "b", "c", "A", "self", "log", "class-default", "1", "x.y"]),
        b'd' => (choice * choice * if choice % 3 == 0 { 70_000 } else { 1 }).to_string(),
        b'p' => of(PATTERNS),
        b'v' => of(&["MAIL", "ehlo", "BDAT", "XEXCH50", "x-y", "STARTTLS", "etrn", "DSN", "SIZE"]),
        b'e' => {
            of(&["7-bit", "8-bit", "base64", "binary", "quoted-printable", "x-uuencode", "unknown", "x-me"])
        }
        b'm' => of(&["", "match-any ", "match-all "]),
        b'a' => of(&["0.0.0.0:25", "[::]:25", "192.0.2.1:25", "192.0.2.1", "any"]),
        _ => of(&["smtp", "tcp", "pop3", "imap", "http"]),
    }
}

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

const LINES: &[&str] = &[
    "parameter-map type regex %n",
    " pattern %p",
    " pattern %p%p%p",
    "class-map type inspect smtp %m%n",
    " match sender address regex %n",
    " match recipient address regex %n",
    " match recipient count gt %d",
    " match recipient invalid count gt %d",
    " match cmd line length gt %d",
    " match cmd verb %v",
    " match header length gt %d",
    " match header regex %n",
    " match body regex %n",
    " match mime content-type regex %n",
    " match mime encoding %e",
    " match reply ehlo %v",
    " match data-length gt %d",
    " match protocol smtp",
    " match not header regex %n",
    " match not cmd verb %v",
    " match not mime encoding %e",
    "policy-map type inspect smtp %n",
    " class type inspect smtp %n",
    "  reset",
    "  log",
    "  mask",
    "  allow",
    "  inspect",
    " description %p %n",
    "class-map type inspect %m%n",
    " match protocol %s",
    " match not protocol %s",
    " match access-group name %n",
    " match access-group %d",
    " match class-map %n",
    "policy-map type inspect %n",
    " class type inspect %n",
    " class class-default",
    "  inspect %n",
    "  drop log",
    "  pass",
    "  service-policy smtp %n",
    "  police rate %d burst %d",
    "parameter-map type inspect %n",
    " tcp idle-time %d",
    " max-incomplete high %d",
    " max-incomplete low %d",
    " one-minute high %d",
    " tcp max-incomplete host %d block-time %d",
    " audit-trail on",
    "zone security %n",
    "zone-pair security %n source %n destination %n",
    " service-policy type inspect %n",
    "interface %n",
    " zone-member security %n",
    " linux-interface %n",
    "mailwarden",
    " platform ios",
    " platform asa",
    " conformance strict",
    " refusals silent",
    " starttls mask",
    " recipient-limit refuse",
    " workers %d",
    " metrics %a",
    " events json %n",
    "proxy %n",
    " listen %a",
    " server %a",
    " protocol %s",
    " inspect esmtp",
    " no inspect esmtp",
    " parameter-map %n",
    "ip access-list extended %n",
    " permit tcp any any eq %d",
    "access-list %d permit tcp any any eq 25",
    "ipv6 access-list %n",
    "banner motd ^C",
    "^C",
    "exit",
    "end",
    "!",
    "hostname %n",
    "logging file %n",
    "interface GigabitEthernet0/%d",
    "ip inspect name %n %s",
    "Router(config)# ",
];

#[cfg(test)]
pub(crate) fn generate(random: &mut fastrand::Rng) -> Vec<u8> {
    let mut input = vec![1];
    let lines = u8::try_from(LINES.len()).unwrap_or(u8::MAX);
    for _ in 0..random.usize(1..60) {
        // What belongs together comes together: a map, and conditions or classes in it.
        let begin = random.u8(..lines);
        input.extend([begin, random.u8(..), random.u8(..)]);
        input.extend((0..random.u8(..4)).flat_map(|more| [begin.saturating_add(more), random.u8(..8)]));
    }
    input
}
