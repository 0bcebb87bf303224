//! Patterns for content types, fields and lines that find none.

use regex_syntax::hir::{Class, Hir, HirKind};

use super::addresses::patterns_only_for;
use crate::criterion::Text;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{Configuration, PatternText};
use crate::pattern;

pub(super) fn check(configuration: &Configuration, complaints: &mut Diagnostics) {
    for (pattern, used) in patterns_only_for(configuration, |_| true) {
        complaints.extend(line_end(pattern).map(|complaint| complaint.related(used, "searched here")));
    }
    // The types of an ASA have the name of the file behind them.
    for (pattern, used) in patterns_only_for(configuration, |text| text == Text::ContentType) {
        let map = configuration.regex_maps.iter().find(|map| map.patterns.contains(pattern));
        let complaint = content_type(pattern, map.map_or("", |map| &map.name.text));
        complaints.extend(complaint.map(|complaint| complaint.related(used, "searched here")));
    }
}

/// A pattern with a line feed that it cannot do without. Fields are unfolded, and lines searched one by one.
fn line_end(pattern: &PatternText) -> Option<Diagnostic> {
    let parsed = pattern::parse(&pattern.text).ok()?;
    if !needs_line_feed(parsed.hir()) {
        return None;
    }
    let message = format!("pattern `{}` never matches: lines are searched one by one", pattern.text);
    let complaint = Diagnostic::new(Code::NeverMatches, pattern.at, pattern.said(message));
    let lines = pattern.text.replace("\\r", "\n").replace("\\n", "\n");
    let help = lines.split('\n').find(|line| !line.is_empty() && pattern::parse(line).is_ok());
    Some(complaint.maybe_help(help.map(|line| format!("write `{}`", pattern.typed_as(line)))))
}

/// The recursion is bounded by the depth of groups that the parser allows.
fn needs_line_feed(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.contains(&b'\n'),
        HirKind::Class(Class::Bytes(class)) => {
            matches!(class.ranges(), [only] if (only.start(), only.end()) == (b'\n', b'\n'))
        }
        HirKind::Repetition(repetition) => repetition.min > 0 && needs_line_feed(&repetition.sub),
        HirKind::Capture(capture) => needs_line_feed(&capture.sub),
        HirKind::Concat(subs) => subs.iter().any(needs_line_feed),
        HirKind::Alternation(subs) => !subs.is_empty() && subs.iter().all(needs_line_feed),
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(Class::Unicode(_)) => false,
    }
}

/// The types that begin a media type (RFC 6838 §4.2).
const TOP_LEVEL_TYPES: &[&str] =
    &["application", "audio", "font", "image", "message", "model", "multipart", "text", "video"];

/// A pattern that finds no content type: what is searched is the value of the field.
fn content_type(pattern: &PatternText, map: &str) -> Option<Diagnostic> {
    let text = pattern.text.as_str();
    let bare = text.trim_start_matches(['^', '*']);
    let (why, help) = if let Some((field, value)) = field(bare) {
        let anchor = if text.starts_with('^') { "^" } else { "" };
        let help = if field.eq_ignore_ascii_case("Content-Type") {
            (!value.is_empty()).then(|| format!("write `{}`", pattern.typed_as(&format!("{anchor}{value}"))))
        } else {
            Some(format!("write `match header regex {map}` to search the fields of the header"))
        };
        ("the value is searched, without the name of the field".to_owned(), help)
    } else {
        let (top, rest) = bare.split_once('\\')?;
        let escaped = rest.chars().next().filter(char::is_ascii_alphabetic)?;
        if !TOP_LEVEL_TYPES.contains(&top) {
            return None;
        }
        let mended = text.replacen('\\', "/", 1);
        let why = format!("a type has a slash, and `\\{escaped}` is one character");
        (why, Some(format!("write `{}`", pattern.typed_as(&mended))))
    };
    let message = format!("pattern `{text}` finds no content type: {why}");
    Some(Diagnostic::new(Code::NeverMatches, pattern.at, pattern.said(message)).maybe_help(help))
}

/// The name of a field and what follows it, if the pattern begins with one.
fn field(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once(':')?;
    let is_name = !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_alphabetic() || octet == b'-');
    (is_name && (value.starts_with(' ') || name.eq_ignore_ascii_case("Content-Type")))
        .then(|| (name, value.trim_start_matches(' ')))
}
