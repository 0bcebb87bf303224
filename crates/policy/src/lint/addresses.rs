//! Patterns for addresses that find none, or more than they were written for.

use std::collections::HashMap;

use crate::criterion::Text;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{Configuration, Criterion, PatternText};
use crate::source::Span;

pub(super) fn check(configuration: &Configuration, complaints: &mut Diagnostics) {
    for (map, used) in maps_for_addresses(configuration) {
        let patterns = configuration.regex_maps.get(map).map_or(&[][..], |map| &map.patterns);
        for pattern in patterns {
            complaints.extend(check_one(pattern).map(|complaint| complaint.related(used, "searched here")));
        }
    }
}

/// The maps that are searched in addresses and in nothing else, in the order of their first use.
fn maps_for_addresses(configuration: &Configuration) -> Vec<(&str, Span)> {
    let mut order = Vec::new();
    let mut only: HashMap<&str, bool> = HashMap::new();
    for condition in configuration.l7_classes.iter().flat_map(|class| &class.conditions) {
        let Criterion::Regex { text, map } = &condition.criterion else { continue };
        let address = matches!(text, Text::Sender | Text::Recipient);
        *only.entry(&map.text).or_insert_with(|| {
            order.push((map.text.as_str(), condition.at));
            true
        }) &= address;
    }
    order.retain(|(map, _)| only.get(map) == Some(&true));
    order
}

fn check_one(pattern: &PatternText) -> Option<Diagnostic> {
    let text = pattern.text.as_str();
    let inner = text.trim_start_matches('^').trim_end_matches('$');
    if inner.starts_with('<') || inner.ends_with('>') {
        let bare = text.replace(['<', '>'], "");
        let bare = tightened(&bare).unwrap_or(bare);
        let message =
            format!("pattern `{text}` finds no address: an address is searched without its brackets");
        return Some(
            Diagnostic::new(Code::AddressBrackets, pattern.at, pattern.said(message))
                .help(format!("write `{}`", pattern.typed_as(&bare))),
        );
    }
    let tight = tightened(text)?;
    let message = format!("pattern `{text}` finds more addresses than those of the domain");
    let help = format!("write `{}`", pattern.typed_as(&tight));
    Some(Diagnostic::new(Code::LoosePattern, pattern.at, pattern.said(message)).help(help))
}

/// A pattern that ends with a domain, with its dots escaped and its end anchored; `None` if it is so already,
/// or if it is more than plain text and a `*` in front.
fn tightened(text: &str) -> Option<String> {
    let plain = text.trim_start_matches(['*', '^', '.']);
    let start = text.strip_suffix(plain)?;
    let domain = plain.rsplit_once('@').map_or(plain, |(_, domain)| domain);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '@' | '-' | '_' | '.' | '\\' | '$');
    let labels: Vec<&str> = domain.trim_end_matches('$').split('.').collect();
    let label =
        |label: &&str| label.trim_end_matches('\\').bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let top = labels.last().filter(|top| top.len() > 1 && top.bytes().all(|b| b.is_ascii_alphabetic()));
    if labels.len() < 2
        || top.is_none()
        || !labels.iter().all(|it| label(it) && !it.is_empty())
        || !plain.chars().all(is_plain)
    {
        return None;
    }
    let start = if start.starts_with('^') { "^" } else { "" };
    let bare = plain.replace('\\', "");
    let tight = format!("{start}{}$", bare.trim_end_matches('$').replace('.', "\\."));
    let same = tight == format!("{start}{plain}");
    (!same).then_some(tight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dots_of_a_domain_are_escaped_and_its_end_anchored() {
        let table = [
            ("deals.com", Some("deals\\.com$")),
            ("deals\\.com", Some("deals\\.com$")),
            ("*@deals.com", Some("@deals\\.com$")),
            (".*@deals\\.com", Some("@deals\\.com$")),
            ("^joe@deals.com$", Some("^joe@deals\\.com$")),
            ("@mail.deals\\.com$", Some("@mail\\.deals\\.com$")),
            ("@deals\\.com$", None),
            ("@(.*\\.)?deals\\.com$", None),
            ("^bounce-[0-9]+@", None),
            ("spam", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(tightened(text).as_deref(), expected, "{text}");
        }
    }
}
