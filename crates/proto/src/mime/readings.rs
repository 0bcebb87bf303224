//! All ways in which readers take a type, an encoding or a boundary that is not written plainly.
//!
//! What is written plainly has one reading. Anything else is read as the standard has it, as it
//! stands, and as readers do that know half of the grammar; who is right is not decided here.

use memchr::{memchr, memmem};

use super::header::{is_blank, trim_blank};
use super::parameter::{
    self, Section, decode_words, join, percent_decode, unquote, unquoted, without_comments,
};

/// Readings of one field that are kept. The most crooked values that were met have nine.
const READINGS_MAX: usize = 24;

/// Places in one value where a boundary may be given. Mail has one.
const OCCURRENCES_MAX: usize = 32;

/// Octets of one place that are read as a boundary, whatever it is taken for: several times what a boundary
/// may have and a reader may strip from it. A field of 64 KiB in every reading would occupy a worker for long.
const PLACE_MAX: usize = 4096;

/// Distinct texts, the likeliest first.
#[derive(Debug, Default)]
pub(super) struct Readings {
    list: Vec<Vec<u8>>,
    /// Some were left out.
    pub(super) over: bool,
    /// The value is not written plainly.
    pub(super) odd: bool,
}

impl Readings {
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.list.iter().map(Vec::as_slice)
    }

    fn is_full(&self) -> bool {
        self.list.len() >= READINGS_MAX
    }

    fn add(&mut self, text: &[u8]) {
        if self.list.iter().any(|known| known == text) {
            return;
        }
        if self.is_full() {
            self.over = true;
        } else {
            self.list.push(text.to_vec());
        }
    }

    /// As much of a place as is read. What is cut off may say something else, unless every reader is done
    /// before: at a semicolon that stands in no quotes and no comment.
    fn bounded<'t>(&mut self, text: &'t [u8]) -> &'t [u8] {
        let (read, more) = text.split_at_checked(PLACE_MAX).unwrap_or((text, b""));
        let end = read.iter().find(|octet| matches!(octet, b';' | b'"' | b'(' | b'\\'));
        self.over |= !more.is_empty() && end != Some(&b';');
        read
    }

    fn add_unless_empty(&mut self, text: &[u8]) {
        if !text.is_empty() {
            self.add(text);
        }
    }

    /// A boundary, and what is left when readers strip what they do not expect around it.
    fn add_stripped(&mut self, text: &[u8]) {
        let trimmed = trim(text);
        self.add(trimmed);
        self.add(trim_blank(trimmed));
        for (open, close) in [(b'<', b'>'), (b'\'', b'\''), (b'"', b'"')] {
            let inner = trimmed.strip_prefix(&[open]).and_then(|rest| rest.strip_suffix(&[close]));
            inner.into_iter().for_each(|inner| self.add(trim(inner)));
        }
        if trimmed.contains(&b'"') {
            self.add(trim(&without(trimmed, |octet| octet == b'"')));
        }
        if trimmed.iter().any(|octet| is_control(*octet)) {
            self.add(trim(&without(trimmed, is_control)));
            self.add(trim(up_to(trimmed, is_control)));
        }
        if has_word(trimmed) {
            let mut decoded = Vec::new();
            decode_words(trimmed, &mut decoded);
            self.add(trim_blank(&decoded));
        }
    }
}

/// Every media type that a Content-Type may state, in lower case.
pub(super) fn media_types(value: &[u8]) -> Readings {
    let mut readings = Readings::default();
    let mut first = Vec::new();
    parameter::media_type(value, &mut first);
    readings.add(&first);
    if !parameter::is_plain_type(value) {
        readings.odd = true;
        crooked(value, &mut readings, b'/');
    }
    readings
}

/// Every transfer encoding that a field may state, in lower case.
pub(super) fn encodings(value: &[u8]) -> Readings {
    let mut readings = Readings::default();
    let mut first = Vec::new();
    parameter::encoding(value, &mut first);
    readings.add(&first);
    if !trim(value).iter().all(|octet| is_token(*octet)) {
        readings.odd = true;
        // No slash joins two tokens here.
        crooked(value, &mut readings, b'\0');
    }
    readings
}

/// The whole value of a Content-Type in canonical form: lower case, no comments, no quotes, no
/// blanks around `/`, `;` and `=`.
pub(super) fn canonical(value: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    without_comments(value, None, &mut text);
    let text = opened(&text);
    let mut canonical: Vec<u8> = Vec::with_capacity(text.len());
    let joins = |octet: Option<&u8>| matches!(octet, None | Some(b'/' | b';' | b'=' | b' '));
    for &octet in &text {
        match octet {
            _ if is_blank(octet) => {
                if !joins(canonical.last()) {
                    canonical.push(b' ');
                }
            }
            b'/' | b';' | b'=' => {
                canonical.pop_if(|last| *last == b' ');
                canonical.push(octet);
            }
            _ => canonical.push(octet.to_ascii_lowercase()),
        }
    }
    canonical.pop_if(|last| *last == b' ');
    canonical
}

/// Tokens of a value that is not plain. Blanks around `joint` do not end the token.
fn crooked(value: &[u8], readings: &mut Readings, joint: u8) {
    let mut decoded = Vec::new();
    if has_word(value) {
        decode_words(value, &mut decoded);
    }
    for source in [value, &decoded] {
        let mut plain = Vec::new();
        without_comments(source, Some(b';'), &mut plain);
        plain.make_ascii_lowercase();
        if trim_blank(&plain).is_empty() {
            // A comment without an end; or it is none.
            plain = up_to(source, |octet| octet == b';').to_ascii_lowercase();
        }
        for text in [&plain[..], &opened(&plain)] {
            let text = joined(text, joint);
            let word = trim_blank(up_to(trim_blank(&text), is_blank));
            readings.add_unless_empty(word);
            let start = word.iter().position(|octet| is_token(*octet)).unwrap_or(word.len());
            let word = word.get(start..).unwrap_or_default();
            readings.add_unless_empty(up_to(word, |octet| octet != joint && !is_token(octet)));
        }
        let solid = without(&opened(&plain), |octet| !octet.is_ascii_graphic());
        if solid.iter().all(|octet| *octet == joint || is_token(*octet)) {
            readings.add_unless_empty(&solid);
        }
    }
}

/// Every boundary that a Content-Type may state. The first is the one that most readers take.
pub(super) fn boundaries(value: &[u8]) -> Readings {
    let mut readings = Readings::default();
    let mut texts = Vec::new();
    parameter::parameter(value, b"boundary", &mut texts, &mut |text, start, end| {
        readings.add(trim_end(text.get(start..end).unwrap_or_default()));
    });
    scan(value, &mut readings);
    if value.iter().any(|octet| is_control(*octet)) {
        readings.odd |= memmem::find(&value.to_ascii_lowercase(), b"boundary").is_some();
        scan(&without(value, is_control), &mut readings);
    }
    readings
}

/// Wherever a value says `boundary=`, whatever stands around it.
fn scan(value: &[u8], readings: &mut Readings) {
    let lower = value.to_ascii_lowercase();
    let mut sections = Vec::new();
    for (number, at) in memmem::find_iter(&lower, b"boundary").enumerate() {
        if number >= OCCURRENCES_MAX || readings.is_full() {
            readings.over = true;
            return;
        }
        let behind = value.get(at + b"boundary".len()..).unwrap_or_default();
        let Some((suffix, rest)) = name_end(behind) else { continue };
        if suffix.is_empty() {
            plain_or_all(rest, readings);
        } else {
            sections.push((suffix, rest));
        }
    }
    if !sections.is_empty() {
        readings.odd = true;
        join_sections(&sections, readings);
    }
}

/// What stands between a parameter's name and its equals sign, and what follows that.
fn name_end(behind: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let equals = behind.iter().position(|octet| matches!(octet, b'=' | b';'))?;
    let (between, rest) = behind.split_at_checked(equals)?;
    let rest = rest.strip_prefix(b"=")?;
    let mut suffix = Vec::new();
    without_comments(between, None, &mut suffix);
    suffix.retain(|octet| !is_blank(*octet) && *octet != b'"');
    (suffix.is_empty() || suffix.starts_with(b"*")).then_some((suffix, rest))
}

/// The readings of what follows the equals sign: one if it is written plainly.
fn plain_or_all(rest: &[u8], readings: &mut Readings) {
    let rest = trim(rest);
    if let Some(text) = plain_quoted(rest).or_else(|| plain_token(rest)) {
        readings.add(trim_end(text));
        return;
    }
    readings.odd = true;
    let rest = readings.bounded(rest);
    let naive = up_to(rest, |octet| octet == b';');
    let quoted = rest.get(..unquoted(rest, b';').unwrap_or(rest.len())).unwrap_or_default();
    let mut plain = Vec::new();
    without_comments(rest, Some(b';'), &mut plain);
    for base in [naive, quoted, &plain] {
        let base = trim(base);
        readings.add_stripped(base);
        let mut opened = Vec::new();
        unquote(base, &mut opened);
        readings.add_stripped(&opened);
        readings.add_stripped(&dequoted(base));
        readings.add_unless_empty(up_to(base, |octet| !is_token(octet)));
        readings.add_unless_empty(up_to(base, is_blank));
    }
}

/// RFC 2231 sections, put together in every way that readers have.
fn join_sections(written: &[(Vec<u8>, &[u8])], readings: &mut Readings) {
    let mut room = PLACE_MAX;
    let mut values: Vec<Vec<u8>> = Vec::new();
    for (_, rest) in written {
        let mut value = section_value(readings.bounded(rest));
        readings.over |= value.len() > room;
        value.truncate(room);
        room -= value.len();
        values.push(value);
    }
    let numbered: Vec<(Number, Section<'_>)> = written
        .iter()
        .zip(&values)
        .filter_map(|((suffix, _), raw)| Number::of(suffix).map(|(number, extended)| (number, extended, raw)))
        .map(|(number, extended, raw)| (number, Section { number: 0, extended, raw }))
        .collect();
    let strict: Vec<_> = numbered.iter().filter(|(number, _)| number.strict).copied().collect();
    for mut list in [strict, numbered] {
        if list.is_empty() {
            continue;
        }
        add_joined(list.iter(), readings);
        let mut by_text = list.clone();
        by_text.sort_by_key(|(number, _)| number.text());
        list.sort_by_key(|(number, _)| number.value);
        add_joined(list.iter(), readings);
        let mut first = list.clone();
        first.dedup_by_key(|(number, _)| number.value);
        let mut last: Vec<_> = list.iter().rev().copied().collect();
        last.dedup_by_key(|(number, _)| number.value);
        last.reverse();
        for list in [&first, &last] {
            add_joined(list.iter(), readings);
            let row = list.iter().zip(0..).take_while(|((number, _), wanted)| number.value == *wanted);
            add_joined(row.map(|(section, _)| section), readings);
            add_joined(list.iter().take(1), readings);
        }
        add_joined(by_text.iter(), readings);
    }
}

/// The sections as they are, and percent-decoded in different manners.
fn add_joined<'v>(sections: impl Iterator<Item = &'v (Number, Section<'v>)>, readings: &mut Readings) {
    let sections: Vec<Section<'v>> = sections.map(|(_, section)| *section).collect();
    if sections.is_empty() {
        return;
    }
    let mut text = Vec::new();
    join(&sections, &mut text);
    readings.add_stripped(&text);
    let mut text = Vec::new();
    sections.iter().for_each(|section| unquote(section.raw, &mut text));
    readings.add_stripped(&text);
    if text.contains(&b'%') {
        percent_decode(&mut text, 0);
        readings.add_stripped(&text);
    }
    if let Some(at) = text.iter().rposition(|octet| *octet == b'\'') {
        readings.add_stripped(text.get(at + 1..).unwrap_or_default());
    }
}

/// The value of one section, as written but for comments.
fn section_value(rest: &[u8]) -> Vec<u8> {
    let mut value = Vec::new();
    without_comments(rest, Some(b';'), &mut value);
    trim(&value).to_vec()
}

/// The number of a section as some reader takes it.
#[derive(Clone, Copy, Debug)]
struct Number {
    value: i64,
    /// Digits without a sign or a zero in front, as RFC 2231 §3 wants them.
    strict: bool,
}

impl Number {
    /// Of `*`, `*1` or `*1*`; and whether the section is percent-encoded.
    fn of(suffix: &[u8]) -> Option<(Self, bool)> {
        let digits = suffix.strip_prefix(b"*")?;
        let (digits, extended) = digits.strip_suffix(b"*").map_or((digits, false), |digits| (digits, true));
        if digits.is_empty() {
            return Some((Self { value: 0, strict: true }, true));
        }
        let unsigned = digits.strip_prefix(b"+").or_else(|| digits.strip_prefix(b"-")).unwrap_or(digits);
        if unsigned.is_empty() || !unsigned.iter().all(u8::is_ascii_digit) {
            return Some((Self { value: i64::MAX, strict: false }, extended));
        }
        let text = std::str::from_utf8(digits).ok()?;
        let beyond = if digits.starts_with(b"-") { i64::MIN } else { i64::MAX };
        let value = text.parse().unwrap_or(beyond);
        let strict = value < i64::from(u32::MAX)
            && unsigned.len() == digits.len()
            && (digits == b"0" || !digits.starts_with(b"0"));
        Some((Self { value, strict }, extended))
    }

    fn text(self) -> String {
        self.value.to_string()
    }
}

/// The inside of a quoted string that every reader takes alike, if nothing but the end or a
/// semicolon follows.
fn plain_quoted(rest: &[u8]) -> Option<&[u8]> {
    let inner = rest.strip_prefix(b"\"")?;
    let (inner, behind) = inner.split_at_checked(memchr(b'"', inner)?)?;
    let is_plain = |octet: &u8| matches!(octet, b' '..=b'~') && !matches!(octet, b'\\' | b';');
    let stripped = inner.starts_with(b" ") || inner.starts_with(b"<") || has_word(inner);
    let ends = matches!(trim(behind.get(1..)?), [] | [b';', ..]);
    (ends && !stripped && inner.iter().all(is_plain)).then_some(inner)
}

/// The same for a token.
fn plain_token(rest: &[u8]) -> Option<&[u8]> {
    let token = up_to(rest, |octet| !is_token(octet));
    let ends = matches!(trim(rest.get(token.len()..)?), [] | [b';', ..]);
    (ends && !token.is_empty() && !token.starts_with(b"'")).then_some(token)
}

/// A quoted string with every quoted pair opened (RFC 5322 §3.2.4), as unquoted as it goes.
fn dequoted(text: &[u8]) -> Vec<u8> {
    let Some(inner) = text.strip_prefix(b"\"") else { return opened(text) };
    let mut out = Vec::with_capacity(inner.len());
    let mut octets = inner.iter();
    while let Some(&octet) = octets.next() {
        match octet {
            b'"' => break,
            b'\\' => out.extend(octets.next()),
            _ => out.push(octet),
        }
    }
    out
}

/// Without quotes, and without the backslashes of quoted pairs.
fn opened(text: &[u8]) -> Vec<u8> {
    without(text, |octet| matches!(octet, b'"' | b'\\'))
}

/// Without blanks around `joint`.
fn joined(text: &[u8], joint: u8) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    for &octet in text {
        match octet {
            _ if octet == joint => {
                out.truncate(trim_blank_end(&out).len());
                out.push(octet);
            }
            _ if is_blank(octet) && out.last() == Some(&joint) => {}
            _ => out.push(octet),
        }
    }
    out
}

fn without(text: &[u8], drop: impl Fn(u8) -> bool) -> Vec<u8> {
    text.iter().copied().filter(|octet| !drop(*octet)).collect()
}

fn up_to(text: &[u8], end: impl Fn(u8) -> bool) -> &[u8] {
    text.get(..text.iter().position(|octet| end(*octet)).unwrap_or(text.len())).unwrap_or_default()
}

/// An encoded word (RFC 2047) may be in it.
fn has_word(text: &[u8]) -> bool {
    memmem::find(text, b"=?").is_some_and(|at| memmem::rfind(text, b"?=").is_some_and(|end| end > at))
}

const fn is_control(octet: u8) -> bool {
    octet != b'\t' && octet != b' ' && is_blank(octet)
}

/// RFC 2045 §5.1.
const fn is_token(octet: u8) -> bool {
    octet.is_ascii_graphic()
        && !matches!(
            octet,
            b'(' | b')'
                | b'<'
                | b'>'
                | b'@'
                | b','
                | b';'
                | b':'
                | b'\\'
                | b'"'
                | b'/'
                | b'['
                | b']'
                | b'?'
                | b'='
        )
}

/// Without blanks and tabs around it.
fn trim(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|octet| !matches!(octet, b' ' | b'\t')).unwrap_or(text.len());
    trim_end(text.get(start..).unwrap_or_default())
}

/// RFC 2046 §5.1.1: a boundary does not end with a blank.
fn trim_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|octet| !matches!(octet, b' ' | b'\t')).map_or(0, |last| last + 1);
    text.get(..end).unwrap_or_default()
}

fn trim_blank_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|octet| !is_blank(*octet)).map_or(0, |last| last + 1);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(readings: &Readings) -> Vec<String> {
        readings.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect()
    }

    #[test]
    fn types_have_one_reading_unless_they_are_crooked() {
        let table: [(&str, &[&str]); 16] = [
            ("Text/Plain; charset=x", &["text/plain"]),
            ("image/svg+xml", &["image/svg+xml"]),
            ("A/B ;x=(c)", &["a/b"]),
            ("(c)a/b", &["a/b"]),
            ("a / b", &["a", "a/b"]),
            ("\"a/b\"; x", &["\"a/b\"", "a/b"]),
            ("a/b\x0b", &["a/b\x0b", "a/b"]),
            ("a\0/b", &["a\0/b", "a/b"]),
            ("x\0y/b", &["x\0y/b", "x", "xy/b"]),
            ("a/b charset=x", &["a/b"]),
            ("<a/b>", &["<a/b>", "a/b"]),
            ("a/b, c/d", &["a/b,", "a/b"]),
            ("a(c/d", &["a"]),
            ("(c/d", &["", "(c/d", "c/d"]),
            ("=?x?q?a/b?=", &["=?x?q?a/b?=", "x", "a/b"]),
            ("", &[""]),
        ];
        for (value, expected) in table {
            assert_eq!(texts(&media_types(value.as_bytes())), expected, "{value:?}");
        }
    }

    #[test]
    fn encodings_have_one_reading_unless_they_are_crooked() {
        let table: [(&str, &[&str]); 8] = [
            (" BASE64 ", &["base64"]),
            ("7bit (c)", &["7bit"]),
            ("base64; x", &["base64"]),
            ("base64 x", &["base64 x", "base64", "base64x"]),
            ("base64\x0b", &["base64\x0b", "base64"]),
            ("\"base64\"", &["\"base64\"", "base64"]),
            ("base64, 8bit", &["base64, 8bit", "base64,", "base64"]),
            ("x-a/b", &["x-a/b", "x-a"]),
        ];
        for (value, expected) in table {
            assert_eq!(texts(&encodings(value.as_bytes())), expected, "{value:?}");
        }
    }

    #[test]
    fn boundaries_have_one_reading_unless_they_are_crooked() {
        let table: [(&str, bool, &[&str]); 14] = [
            ("a/b; boundary=x", false, &["x"]),
            ("a/b; boundary=\"x; y\"", true, &["x; y", "\"x", "x", "\"x; y\"", "\"x;"]),
            ("a/b; boundary = \"x y \"; z", false, &["x y"]),
            ("a/b; boundary=\"=_(x)/y@z\"", false, &["=_(x)/y@z"]),
            ("a/b; boundary=x; boundary=y", false, &["x", "y"]),
            ("a/b; boundary=x (c)", true, &["x (c)", "x"]),
            ("a/b; boundary=(c)x", true, &["(c)x", "x"]),
            ("a/b; boundary=x/y", true, &["x/y", "x"]),
            ("a/b; boundary=\"<x>\"", true, &["<x>", "\"<x>\"", "x"]),
            (
                r#"a/b; boundary="x\"y\z""#,
                true,
                &[r#"x"y\z"#, r#""x\"y\z""#, r#"x\"y\z"#, r"x\y\z", r"xy\z", r#"x"yz"#, "xyz"],
            ),
            ("a/b; boundary=\"x\" y", true, &["x", "\"x\" y", "x y", "\"x\""]),
            ("a/b; boundary*0=x; boundary*2=y", true, &["xy", "x"]),
            ("a/b; boundary*0=x; boundary*0=y", true, &["xy", "x", "y"]),
            ("a/b; x=\"boundary\"", false, &[]),
        ];
        for (value, odd, expected) in table {
            let found = boundaries(value.as_bytes());
            let expected: Vec<String> = expected.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!((texts(&found), found.odd), (expected, odd), "{value:?}");
        }
    }

    #[test]
    fn canonical_form_has_neither_comments_nor_quotes_nor_blanks_that_mean_nothing() {
        for (value, expected) in [
            ("Text / Plain (c) ;\tCharset = \"UTF-8\"", "text/plain;charset=utf-8"),
            ("text/plain; name=a b", "text/plain;name=a b"),
            ("text/plain\x0b ", "text/plain"),
            ("", ""),
        ] {
            assert_eq!(String::from_utf8_lossy(&canonical(value.as_bytes())), expected, "{value:?}");
        }
    }

    #[test]
    fn what_has_no_end_has_a_bound() {
        let many = |text: &str| text.repeat(64 << 10).into_bytes();
        for value in ["boundary=", "boundary*1=", "boundary=\"", "(", ")", "\"", "\\", "=?", "/", "=", "\0"] {
            for value in [many(value), [b"a/b; ", &many(value)[..]].concat()] {
                assert!(boundaries(&value).list.len() <= READINGS_MAX);
                assert!(media_types(&value).list.len() <= READINGS_MAX);
                assert!(encodings(&value).list.len() <= READINGS_MAX);
            }
        }
        let distinct: String = (0..99).map(|number| format!("; boundary=b{number}")).collect();
        assert!(boundaries(distinct.as_bytes()).over);
    }

    #[test]
    fn a_place_is_read_up_to_a_bound_and_what_may_follow_is_named() {
        let long = "x".repeat(2 * PLACE_MAX);
        let table = [
            (format!("m/m; boundary=b; name={long}"), false),
            (format!("m/m; boundary=\"b\"; name={long}"), false),
            (format!("m/m; boundary=b(; name={long}"), true),
            (format!("m/m; boundary=b,{long}"), true),
            (format!("m/m; boundary=b\\;{long}"), true),
            (format!("m/m; boundary*0=b; name={long}"), false),
            (format!("m/m; boundary*0=b boundary*1={long}"), true),
            (format!("m/m; boundary*0=\"b;{long}\""), true),
        ];
        for (value, over) in table {
            let readings = boundaries(value.as_bytes());
            let start = &value[..20];
            assert_eq!(readings.over, over, "{start:?}");
            assert!(readings.iter().skip(1).all(|text| text.len() <= PLACE_MAX), "{start:?}");
            assert!(over || texts(&readings).contains(&"b".to_owned()), "{start:?} {:?}", texts(&readings));
        }
    }

    #[test]
    fn a_field_costs_no_more_than_a_few_looks_at_each_octet() {
        // What is kept is what was copied: sections of one field share one bound.
        let sections: String =
            (0..OCCURRENCES_MAX).map(|number| format!("boundary*{number}=%41'\"<")).collect();
        let readings = boundaries(format!("m/m; {sections}{}", "%41".repeat(20_000)).as_bytes());
        assert!(readings.over && readings.iter().skip(1).map(<[u8]>::len).sum::<usize>() < 64 << 10);
    }
}
