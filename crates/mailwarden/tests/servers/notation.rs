//! How a row writes its policy, and the configuration that this stands for, in each of the three dialects.

use std::fmt::Write as _;

/// Between the parts of a policy stands `·`, between what is asked and what is done `→`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Policy {
    /// Classes in order: `match A | match B → reset log · match C + match D → mask`, where `|` makes a match-any class,
    /// and `+` or one condition alone a class that names no mode. They are called c1, c2 and so on, their policy p1.
    C3pl(&'static str),
    /// Matches and parameters of the map M, in order: `mask-banner · match cmd verb VRFY → mask log`. Of none, it is the
    /// built-in map that inspects.
    Asa(&'static str),
    /// A line of the inspection rule R: `esmtp max-data 1000`.
    Classic(&'static str),
}

impl Policy {
    /// As the configuration that a device shows.
    pub(crate) fn render(self) -> String {
        match self {
            Self::C3pl(policy) => c3pl(policy),
            Self::Asa(map) => asa(map),
            Self::Classic(line) => format!("ip inspect name R {line}\n"),
        }
    }

    /// The line of the `proxy` block that puts it to work.
    pub(crate) fn attachment(self) -> &'static str {
        match self {
            Self::C3pl(_) => "service-policy type inspect smtp p1",
            Self::Asa("") => "inspect esmtp",
            Self::Asa(_) => "inspect esmtp M",
            Self::Classic(_) => "ip inspect R",
        }
    }

    /// Whether `seen` is what it makes of a line of the EHLO reply: an `X` for each octet, the last of which an ASA
    /// replaces by a running letter.
    pub(crate) fn masks(self, offered: &str, seen: &str) -> bool {
        let Some((last, rest)) = seen.as_bytes().split_last() else { return false };
        let last_is_right = match self {
            Self::Asa(_) => last.is_ascii_uppercase(),
            Self::C3pl(_) | Self::Classic(_) => *last == b'X',
        };
        seen.len() == offered.len() && last_is_right && rest.iter().all(|octet| *octet == b'X')
    }

    /// The row's own words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::C3pl(words) | Self::Asa(words) | Self::Classic(words) => words,
        }
    }
}

fn c3pl(policy: &str) -> String {
    let mut text = String::new();
    for (name, patterns) in
        MAPS.into_iter().filter(|(name, _)| policy.split_whitespace().any(|word| word == *name))
    {
        let _ = writeln!(text, "parameter-map type regex {name}");
        for pattern in patterns {
            let _ = writeln!(text, " pattern \"{pattern}\"");
        }
    }
    let mut classes = "policy-map type inspect smtp p1\n".to_owned();
    for (number, class) in policy.split(" · ").enumerate() {
        let (matches, actions) = class.split_once(" → ").expect("matches → actions");
        let (mode, separator) = if matches.contains(" | ") { ("match-any ", " | ") } else { ("", " + ") };
        let name = format!("c{}", number + 1);
        let _ = writeln!(text, "class-map type inspect smtp {mode}{name}");
        for condition in matches.split(separator) {
            let _ = writeln!(text, " {condition}");
        }
        let _ = writeln!(classes, " class type inspect smtp {name}");
        for action in actions.split(' ') {
            let _ = writeln!(classes, "  {action}");
        }
    }
    text + &classes + TOP_LEVEL
}

fn asa(map: &str) -> String {
    let mut text = "ASA Version 9.8(2)\n".to_owned();
    if map.is_empty() {
        return text;
    }
    text.push_str(REGEXES);
    text.push_str("policy-map type inspect esmtp M\n");
    for part in map.split(" · ") {
        let _ = match part.split_once(" → ") {
            Some((condition, action)) if condition.starts_with("match ") => {
                writeln!(text, " {condition}\n  {action}")
            }
            Some((parameter, action)) => writeln!(text, " parameters\n  {parameter} action {action}"),
            None => writeln!(text, " parameters\n  {part}"),
        };
    }
    text + SERVICE_POLICIES
}

/// The regular expressions that the maps of an ASA name, and classes of them.
const REGEXES: &str = r"regex ABC_SENDER @abc\.com
regex PROGRAM \.exe
regex ARCHIVE application/x-tar
class-map type regex match-any BAD_SENDERS
 match regex ABC_SENDER
class-map type regex match-any BAD_FILES
 match regex PROGRAM
 match regex ARCHIVE
";

/// The map for the connections that a list permits: from anywhere, and from anywhere but the host of these tests.
const SERVICE_POLICIES: &str = "access-list mail permit tcp any any eq smtp
access-list foreign-mail deny tcp 127.0.0.0 255.0.0.0 any eq smtp
access-list foreign-mail permit tcp any any eq 25
class-map mail
 match access-list mail
class-map foreign-mail
 match access-list foreign-mail
policy-map inspecting
 class mail
  inspect esmtp M
policy-map exempting
 class foreign-mail
  inspect esmtp M
service-policy inspecting interface outside
";

/// The regex maps that the rows name.
const MAPS: [(&str, &[&str]); 8] = [
    ("bad-guys", &[r"*deals\.com", r"*crazyperson*@wrdmail\.com"]),
    ("friends", &[r"^anna@hot\.deals\.com"]),
    ("known-unknown-users", &[r"username@example\.test"]),
    ("routes", &[r"^@relay\.example\.org"]),
    ("lottery-spam", &[r"Subject:.*lottery"]),
    ("private-field", &[r"^X-Codeword: .*swordfish"]),
    ("doc-data", &[r"*UD-421590*"]),
    ("jpeg", &[r"*image//*"]),
];

/// A policy of layer 3 and 4 above the row's own, for rows that ask for it, and one for the way back.
const TOP_LEVEL: &str = "class-map type inspect match-any mail
 match protocol smtp
policy-map type inspect out-in
 class type inspect mail
  inspect
  service-policy smtp p1
 class class-default
  drop log
policy-map type inspect in-out
 class type inspect mail
  inspect
 class class-default
  drop log
zone security inside
zone security outside
zone-pair security oi source outside destination inside
 service-policy type inspect out-in
zone-pair security io source inside destination outside
 service-policy type inspect in-out
";

#[test]
fn classes_are_rendered_as_a_running_config() {
    let policy = "match sender address regex friends | match cmd verb VRFY → log · \
                  match cmd line length gt 256 + match cmd verb MAIL → reset";
    let expected = r#"parameter-map type regex friends
 pattern "^anna@hot\.deals\.com"
class-map type inspect smtp match-any c1
 match sender address regex friends
 match cmd verb VRFY
class-map type inspect smtp c2
 match cmd line length gt 256
 match cmd verb MAIL
policy-map type inspect smtp p1
 class type inspect smtp c1
  log
 class type inspect smtp c2
  reset
"#;
    assert_eq!(c3pl(policy), expected.to_owned() + TOP_LEVEL);
}

#[test]
fn matches_and_parameters_are_rendered_as_a_running_config() {
    let map = "mask-banner · mail-relay example.test → drop-connection log · match cmd verb VRFY → mask";
    let expected = "policy-map type inspect esmtp M
 parameters
  mask-banner
 parameters
  mail-relay example.test action drop-connection log
 match cmd verb VRFY
  mask
";
    assert_eq!(asa(map), format!("ASA Version 9.8(2)\n{REGEXES}{expected}{SERVICE_POLICIES}"));
}
