//! Patterns for addresses that find none, or more than they were written for.

use std::collections::HashMap;

use crate::criterion::Text;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{Configuration, Criterion, EsmtpCriterion, PatternText};
use crate::source::Span;

pub(super) fn check(configuration: &Configuration, complaints: &mut Diagnostics) {
    for (pattern, used) in patterns_only_for(configuration, |it| matches!(it, Text::Sender | Text::Recipient))
    {
        complaints.extend(check_one(pattern).map(|complaint| complaint.related(used, "searched here")));
    }
}

/// The patterns that are searched in texts of these kinds and in nothing else, in the order of their first use.
pub(super) fn patterns_only_for(
    configuration: &Configuration,
    is_meant: impl Fn(Text) -> bool,
) -> Vec<(&PatternText, Span)> {
    let mut order = Vec::new();
    let mut only: HashMap<*const PatternText, bool> = HashMap::new();
    for (text, pattern, used) in searched(configuration) {
        *only.entry(std::ptr::from_ref(pattern)).or_insert_with(|| {
            order.push((pattern, used));
            true
        }) &= is_meant(text);
    }
    order.retain(|(pattern, _)| only.get(&std::ptr::from_ref(*pattern)) == Some(&true));
    order
}

/// Every pattern, with what it is searched in, and where that is said.
fn searched(configuration: &Configuration) -> Vec<(Text, &PatternText, Span)> {
    let mut searched = Vec::new();
    for condition in configuration.l7_classes.iter().flat_map(|class| &class.conditions) {
        let Criterion::Regex { text, map } = &condition.criterion else { continue };
        let patterns = configuration.regex_maps.get(&map.text).map_or(&[][..], |map| &map.patterns);
        searched.extend(patterns.iter().map(|pattern| (*text, pattern, condition.at)));
    }
    for one in configuration.esmtp_maps.iter().flat_map(|map| &map.matches) {
        let EsmtpCriterion::Regex { text, regex } = &one.criterion else { continue };
        let patterns = configuration.patterns_of(regex);
        searched.extend(patterns.into_iter().map(|pattern| (*text, pattern, one.at)));
    }
    searched
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
    if let Some((why, mended)) = hopeless(text) {
        let message = format!("pattern `{text}` finds no address: {why}");
        let help = mended.map(|mended| format!("write `{}`", pattern.typed_as(&mended)));
        let complaint = Diagnostic::new(Code::NeverMatches, pattern.at, pattern.said(message));
        return Some(complaint.maybe_help(help));
    }
    let tight = tightened(text)?;
    let message = format!("pattern `{text}` finds more addresses than those of the domain");
    let help = format!("write `{}`", pattern.typed_as(&tight));
    Some(Diagnostic::new(Code::LoosePattern, pattern.at, pattern.said(message)).help(help))
}

/// Why a pattern finds no address, and what was probably meant.
fn hopeless(text: &str) -> Option<(&'static str, Option<String>)> {
    let slashes =
        text.strip_prefix('/').and_then(|inner| inner.strip_suffix("/i").or_else(|| inner.strip_suffix('/')));
    if let Some(inner) = slashes {
        return Some(("the slashes around it are part of it", Some(inner.to_owned())));
    }
    let commands = ["MAIL FROM:", "RCPT TO:", "FROM:", "TO:"];
    let begins =
        |command: &str| text.trim_start_matches('^').get(..command.len()).map(str::to_ascii_uppercase);
    if commands.iter().any(|command| begins(command).as_deref() == Some(command)) {
        let (_, address) = text.split_once(':')?;
        let address = address.trim_matches(['<', '>', ' ']).to_owned();
        return Some(("an address is searched without the command", Some(address)));
    }
    if text.contains("\\\\.") {
        return Some(("`\\\\` is a backslash", Some(text.replace("\\\\", "\\"))));
    }
    if text.contains("@@") {
        return Some(("it has one `@`", Some(text.replace("@@", "@"))));
    }
    // Behind `@` at the front are the hosts of a source route, and an address follows them.
    if text.starts_with("^@") && text.ends_with('$') && !text.contains(':') {
        return Some(("a name stands before the `@`", text.strip_prefix('^').map(str::to_owned)));
    }
    let bare = text.trim_matches([' ', '\t']);
    let (first, rest) = bare.split_once([' ', '\t']).map_or((bare, ""), |(first, rest)| (first, rest.trim()));
    // The local part may have blanks in quotes.
    let is_listed = !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_uppercase());
    (text != first && !text.contains(['[', '"', '.', '*']) || is_listed || text.len() != bare.len()).then(
        || {
            let mended = (is_listed || rest.is_empty()).then(|| first.to_owned());
            ("it has no blanks", mended)
        },
    )
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
