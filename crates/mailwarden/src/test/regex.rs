//! `mailwarden test regex`: whether a pattern is found in a text, as a policy would look for it.

use policy::compile::matcher::Matcher;
use policy::pattern::{self, Pattern, PatternError};

use super::json::{self, Wrong};
use crate::cli::{Format, TestRegexFlags};
use crate::text::escaped;
use crate::{Exit, terminal};

/// Tries the pattern; a text in which it is not found is a finding.
pub(super) fn run(flags: &TestRegexFlags) -> Exit {
    let pattern = match pattern::parse(&flags.pattern) {
        Ok(pattern) => pattern,
        Err(error) => {
            return refused(flags, &complaint(&flags.pattern, &error), Wrong::of(&error));
        }
    };
    let is_found = match is_found(&pattern, &flags.text) {
        Ok(is_found) => is_found,
        Err(help) => {
            let complaint = format!("mailwarden: the pattern is too large to compile\n  help: {help}\n");
            return refused(flags, &complaint, Wrong::too_large(help));
        }
    };
    let (word, exit) = if is_found { ("matches", Exit::Done) } else { ("does not match", Exit::Finding) };
    if flags.format == Format::Json {
        return terminal::print(&json::regex(&flags.pattern, &flags.text, Some(is_found), None)).max(exit);
    }
    let mut out = format!("`{}` {word} `{}`\n", escaped(&flags.pattern), escaped(&flags.text));
    if !pattern.dangling_stars().is_empty() {
        out.push_str("  note: a `*`, `+` or `?` with nothing to repeat is read as `.*`\n");
    }
    if pattern.matches_empty() {
        out.push_str("  note: it matches the empty string, which is found in every text\n");
    }
    terminal::print(&out).max(exit)
}

/// A pattern that cannot be tried.
fn refused(flags: &TestRegexFlags, complaint: &str, wrong: Wrong<'_>) -> Exit {
    match flags.format {
        Format::Text => terminal::complain(complaint),
        Format::Json => {
            terminal::print(&json::regex(&flags.pattern, &flags.text, None, Some(wrong)));
        }
    }
    Exit::Usage
}

fn is_found(pattern: &Pattern, text: &str) -> Result<bool, &'static str> {
    let matcher = Matcher::new(&[pattern]).map_err(|too_large| too_large.help())?;
    let mut is_found = false;
    matcher.find_in(text.as_bytes(), &mut |_| is_found = true);
    Ok(is_found)
}

/// What is wrong with a pattern, with a caret below the place.
fn complaint(text: &str, error: &PatternError) -> String {
    let margin = text.get(..error.at.start).map_or(0, |before| before.chars().count());
    let help = error.help.as_ref().map_or_else(String::new, |help| format!("  help: {help}\n"));
    format!("error: {}\n {text}\n {:margin$}^\n{help}", error.message, "")
}
