//! The values of Content-Type, Content-Disposition and Content-Transfer-Encoding: tokens, parameters, names.
//!
//! Reads what is written, however crooked; it neither decides which of several readings holds nor
//! looks at the body. Results are appended to a buffer of the caller's.

use encoding_rs::Encoding;
use memchr::{memchr, memmem};

/// Appends the first token of a field's value (`text/plain` of `Text/Plain; charset=x`), in lower
/// case and without comments. What is no `type/subtype` is appended all the same.
pub(super) fn media_type(value: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    without_comments(value, Some(b';'), out);
    lower(out, start);
    // A blank ends the token: `text/html charset=x` is read as text/html by mail readers.
    let token = out.get(start..).unwrap_or_default().trim_ascii();
    let blank = token.iter().position(u8::is_ascii_whitespace).unwrap_or(token.len());
    keep(out, start, blank);
}

/// Appends the transfer encoding: lower case, no comments, no blanks around.
pub(super) fn encoding(value: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    without_comments(value, Some(b';'), out);
    lower(out, start);
    let len = out.get(start..).unwrap_or_default().trim_ascii().len();
    keep(out, start, len);
}

/// True for `type/subtype`: exactly one slash (RFC 2045 §5.2 makes anything else text/plain).
pub(super) fn is_media_type(token: &[u8]) -> bool {
    token.iter().filter(|octet| **octet == b'/').count() == 1
}

/// True for `type/subtype` as RFC 2045 §5.1 has it, which every reader takes alike.
pub(super) fn is_plain_type(value: &[u8]) -> bool {
    let token = value.split(|octet| *octet == b';').next().unwrap_or_default().trim_ascii();
    let is_plain = |octet: &u8| octet.is_ascii_alphanumeric() || b"!#$&-^_.+*%'`{|}~/".contains(octet);
    is_media_type(token) && token.iter().all(is_plain) && !token.starts_with(b"/") && !token.ends_with(b"/")
}

/// True if the standard finds a type at the front of `value`, comments and blanks left out; a
/// reader that keeps to it takes anything else for text/plain.
pub(super) fn begins_with_type(value: &[u8]) -> bool {
    let mut text = Vec::new();
    without_comments(value, Some(b';'), &mut text);
    let mut words = text.splitn(2, |octet| *octet == b'/').map(<[u8]>::trim_ascii);
    let is_token = |octet: &u8| octet.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(octet);
    words.next().is_some_and(|word| !word.is_empty() && word.iter().all(is_token))
        && words.next().is_some_and(|word| word.first().is_some_and(is_token))
}

/// True for `multipart/mixed boundary=x` and `boundary`: the semicolon was forgotten, and readers differ.
pub(super) fn lacks_semicolon(value: &[u8], parameter: &[u8]) -> bool {
    let first = Parameters { rest: value }.segment().unwrap_or_default();
    stray_parameter(first)
        .and_then(|at| first.get(at..))
        .is_some_and(|stray| strip_prefix_ignoring_case(stray.trim_ascii(), parameter).is_some())
}

/// Appends every reading of parameter `wanted`, best first, and tells where each begins and ends.
///
/// A plain `name=value` comes before RFC 2231's `name*=`, `name*0=` and `name*0*=`, as in the
/// readers that most mail meets; the others are readings all the same.
pub(super) fn parameter(
    value: &[u8],
    wanted: &[u8],
    out: &mut Vec<u8>,
    found: &mut dyn FnMut(&[u8], usize, usize),
) {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for (name, raw) in Parameters::of(value) {
        let Some(suffix) = strip_prefix_ignoring_case(name, wanted) else { continue };
        if suffix.is_empty() {
            let start = out.len();
            unquote(raw, out);
            found(out, start, out.len());
        } else if let Some(section) = Section::of(suffix, raw) {
            sections.push(section);
        }
    }
    if sections.is_empty() {
        return;
    }
    sections.sort_by_key(|section| section.number);
    let start = out.len();
    join(&sections, out);
    found(out, start, out.len());
}

/// Appends `name` with its encoded words (RFC 2047) decoded; blanks around the whole are dropped.
pub(super) fn decode_words(name: &[u8], out: &mut Vec<u8>) {
    let mut rest = name.trim_ascii();
    // No word begins behind the last `?=`; to search for its end would be to search in vain.
    let tail = memmem::rfind(rest, b"?=").map_or(usize::MAX, |end| rest.len() - end);
    // Octets of words in a row: senders cut characters in the middle, so they are decoded together.
    let mut row: Option<(&[u8], Vec<u8>)> = None;
    while let Some(at) = memmem::find(rest, b"=?").filter(|at| rest.len() - at >= tail) {
        let (before, word) = rest.split_at_checked(at).unwrap_or((rest, b""));
        let word_and_rest = EncodedWord::of(word);
        // RFC 2047 §6.2: blanks between two encoded words are not shown.
        let in_row = word_and_rest.is_some() && before.trim_ascii().is_empty();
        if !(in_row && row.is_some()) {
            end_row(&mut row, out);
            out.extend_from_slice(before);
        }
        let Some((word, behind)) = word_and_rest else {
            out.extend_from_slice(b"=?");
            rest = word.get(2..).unwrap_or_default();
            continue;
        };
        if row.as_ref().is_some_and(|(charset, _)| !charset.eq_ignore_ascii_case(word.charset)) {
            end_row(&mut row, out);
        }
        word.decode(&mut row.get_or_insert_with(|| (word.charset, Vec::new())).1);
        rest = behind;
    }
    end_row(&mut row, out);
    out.extend_from_slice(rest);
}

/// Decodes the octets of encoded words that stood in a row.
fn end_row(row: &mut Option<(&[u8], Vec<u8>)>, out: &mut Vec<u8>) {
    if let Some((charset, octets)) = row.take() {
        transcode(charset, &octets, out);
    }
}

/// `name=value` pairs behind the first token, the value as written without blanks around.
struct Parameters<'v> {
    rest: &'v [u8],
}

impl<'v> Parameters<'v> {
    fn of(value: &'v [u8]) -> Self {
        let mut parameters = Self { rest: value };
        let first = parameters.segment().unwrap_or_default();
        if let Some(blank) = stray_parameter(first) {
            parameters.rest = value.trim_ascii_start().get(blank..).unwrap_or_default();
        }
        parameters
    }

    /// Up to the next semicolon outside quotes.
    fn segment(&mut self) -> Option<&'v [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = unquoted(self.rest, b';').unwrap_or(self.rest.len());
        let (segment, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.get(1..).unwrap_or_default();
        Some(segment.trim_ascii())
    }
}

impl<'v> Iterator for Parameters<'v> {
    type Item = (&'v [u8], &'v [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let segment = skip_comments(self.segment()?);
            let Some(at) = memchr(b'=', segment) else { continue };
            let (name, value) = segment.split_at_checked(at)?;
            return Some((name.trim_ascii(), value.get(1..)?.trim_ascii()));
        }
    }
}

/// Where the first token ends if a parameter follows it without a semicolon.
fn stray_parameter(first: &[u8]) -> Option<usize> {
    first.iter().position(u8::is_ascii_whitespace).filter(|_| first.contains(&b'='))
}

/// One section of an RFC 2231 value (§3).
#[derive(Clone, Copy, Debug)]
pub(super) struct Section<'v> {
    pub(super) number: u32,
    pub(super) extended: bool,
    pub(super) raw: &'v [u8],
}

impl<'v> Section<'v> {
    /// `suffix` is what follows the parameter's name: `*`, `*1` or `*1*`.
    fn of(suffix: &[u8], raw: &'v [u8]) -> Option<Self> {
        let digits = suffix.strip_prefix(b"*")?;
        let (digits, extended) = digits.strip_suffix(b"*").map_or((digits, false), |digits| (digits, true));
        if digits.is_empty() {
            return Some(Self { number: 0, extended: true, raw });
        }
        let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
        Some(Self { number, extended, raw })
    }
}

/// RFC 2231 §4: sections in order, percent-decoded where marked, in the charset the first one names.
pub(super) fn join(sections: &[Section<'_>], out: &mut Vec<u8>) {
    let mut joined = Vec::new();
    for section in sections {
        let start = joined.len();
        unquote(section.raw, &mut joined);
        if section.extended {
            percent_decode(&mut joined, start);
        }
    }
    let mut parts = joined.splitn(3, |octet| *octet == b'\'');
    let extended = sections.iter().any(|section| section.extended);
    match (extended, parts.next(), parts.next(), parts.next()) {
        (true, Some(charset), Some(_language), Some(text)) => transcode(charset, text, out),
        _ => out.extend_from_slice(&joined),
    }
}

/// `%41` becomes `A` from `start` on; a percent sign without two digits stays.
pub(super) fn percent_decode(text: &mut Vec<u8>, start: usize) {
    let mut kept = start;
    let mut at = start;
    while let Some(&octet) = text.get(at) {
        let digits = text.get(at + 1).copied().and_then(hex).zip(text.get(at + 2).copied().and_then(hex));
        let decoded = match digits {
            Some((high, low)) if octet == b'%' => {
                at += 3;
                high << 4 | low
            }
            _ => {
                at += 1;
                octet
            }
        };
        if let Some(slot) = text.get_mut(kept) {
            *slot = decoded;
        }
        kept += 1;
    }
    text.truncate(kept);
}

/// `=?charset?B?text?=`.
struct EncodedWord<'v> {
    charset: &'v [u8],
    base64: bool,
    text: &'v [u8],
}

impl<'v> EncodedWord<'v> {
    /// The word at the front of `at`, and what follows it.
    fn of(at: &'v [u8]) -> Option<(Self, &'v [u8])> {
        let inner = at.strip_prefix(b"=?")?;
        let (charset, inner) = split_at_octet(inner, b'?')?;
        let (method, inner) = split_at_octet(inner, b'?')?;
        let base64 = match method {
            b"b" | b"B" => true,
            b"q" | b"Q" => false,
            _ => return None,
        };
        let end = memmem::find(inner, b"?=")?;
        let (text, rest) = inner.split_at_checked(end)?;
        // RFC 2231 §5: a language may stand behind the charset.
        let charset = charset.split(|octet| *octet == b'*').next()?;
        Some((Self { charset, base64, text }, rest.get(2..)?))
    }

    /// Appends the octets of the word, still in its charset.
    fn decode(&self, out: &mut Vec<u8>) {
        if self.base64 {
            decode_base64(self.text, out);
        } else {
            decode_q(self.text, out);
        }
    }
}

/// Base64 without complaint: octets outside the alphabet are skipped, padding ends it.
fn decode_base64(text: &[u8], out: &mut Vec<u8>) {
    let (mut bits, mut count) = (0_u32, 0);
    for &octet in text {
        let value = match octet {
            b'A'..=b'Z' => octet - b'A',
            b'a'..=b'z' => octet - b'a' + 26,
            b'0'..=b'9' => octet - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => break,
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count & 0xff) as u8);
        }
    }
}

/// The Q encoding of RFC 2047 §4.2.
fn decode_q(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some((&octet, behind)) = rest.split_first() {
        rest = behind;
        match (octet, behind) {
            (b'_', _) => out.push(b' '),
            (b'=', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                out.push(hex(*high).unwrap_or(0) << 4 | hex(*low).unwrap_or(0));
                rest = after;
            }
            _ => out.push(octet),
        }
    }
}

/// Appends `text` as UTF-8; octets of a charset that nobody knows stay as they are.
fn transcode(charset: &[u8], text: &[u8], out: &mut Vec<u8>) {
    match Encoding::for_label(charset) {
        Some(encoding) => {
            let (decoded, _) = encoding.decode_without_bom_handling(text);
            out.extend_from_slice(decoded.as_bytes());
        }
        None => out.extend_from_slice(text),
    }
}

/// Appends a parameter's value without its quotes. `\"` and `\\` are quoted pairs, any other
/// backslash is itself: senders write `C:\report.doc`.
pub(super) fn unquote(raw: &[u8], out: &mut Vec<u8>) {
    let Some(inner) = raw.strip_prefix(b"\"") else {
        let bare = raw.strip_prefix(b"<").and_then(|raw| raw.strip_suffix(b">")).unwrap_or(raw);
        out.extend_from_slice(bare);
        return;
    };
    let mut rest = inner;
    while let Some((&octet, behind)) = rest.split_first() {
        rest = behind;
        match (octet, behind.split_first()) {
            (b'"', _) => return,
            (b'\\', Some((&quoted @ (b'"' | b'\\'), after))) => {
                out.push(quoted);
                rest = after;
            }
            _ => out.push(octet),
        }
    }
}

/// Appends `value` up to an unquoted `end` with its comments left out.
pub(super) fn without_comments(value: &[u8], end: Option<u8>, out: &mut Vec<u8>) {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for &octet in value {
        match octet {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' if depth == 0 => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if depth > 0 => {
                depth -= 1;
                continue;
            }
            _ if end == Some(octet) && !quoted && depth == 0 => return,
            _ => {}
        }
        if depth == 0 {
            out.push(octet);
        }
    }
}

/// Comments at the front, in front of a parameter's name.
fn skip_comments(mut text: &[u8]) -> &[u8] {
    while text.first() == Some(&b'(') {
        let (mut depth, mut end) = (0_usize, text.len());
        for (at, octet) in text.iter().enumerate() {
            match octet {
                b'(' => depth += 1,
                b')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                end = at + 1;
                break;
            }
        }
        text = text.get(end..).unwrap_or_default().trim_ascii_start();
    }
    text
}

/// Where `wanted` stands outside quotes.
pub(super) fn unquoted(text: &[u8], wanted: u8) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.iter().position(|&octet| {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => return octet == wanted && !quoted,
        }
        false
    })
}

fn split_at_octet(text: &[u8], octet: u8) -> Option<(&[u8], &[u8])> {
    let (before, behind) = text.split_at_checked(memchr(octet, text)?)?;
    Some((before, behind.get(1..)?))
}

fn strip_prefix_ignoring_case<'t>(text: &'t [u8], prefix: &[u8]) -> Option<&'t [u8]> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn lower(out: &mut [u8], start: usize) {
    out.get_mut(start..).unwrap_or_default().make_ascii_lowercase();
}

/// Leaves of `out` from `start` on only `len` octets behind the leading blanks.
fn keep(out: &mut Vec<u8>, start: usize, len: usize) {
    let text = out.get(start..).unwrap_or_default();
    let blanks = text.len() - text.trim_ascii_start().len();
    out.drain(start..start + blanks);
    out.truncate(start + len);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(value: &str, wanted: &str) -> Vec<String> {
        let mut out = Vec::new();
        let mut found = Vec::new();
        parameter(value.as_bytes(), wanted.as_bytes(), &mut out, &mut |text, start, end| {
            found.push(String::from_utf8_lossy(&text[start..end]).into_owned());
        });
        found
    }

    fn words(name: &str) -> String {
        let mut out = Vec::new();
        decode_words(name.as_bytes(), &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn media_type_is_the_token_in_lower_case() {
        for (value, expected) in [
            ("Text/Plain; charset=us-ascii", "text/plain"),
            (" text/html ", "text/html"),
            ("(a (b)) text/(c)html(d); x=y", "text/html"),
            ("multipart/mixed\tboundary=\"b\"", "multipart/mixed"),
            ("text", "text"),
            ("text/plain (unclosed; x=y", "text/plain"),
            ("", ""),
        ] {
            let mut out = b"kept".to_vec();
            media_type(value.as_bytes(), &mut out);
            assert_eq!(String::from_utf8_lossy(&out), format!("kept{expected}"), "{value:?}");
        }
    }

    #[test]
    fn parameters_are_read_however_they_are_written() {
        let table: [(&str, &str, &[&str]); 16] = [
            ("a/b; name=x.txt", "name", &["x.txt"]),
            ("a/b; Name = \"x; y.txt\" ; z=1", "name", &["x; y.txt"]),
            ("a/b; name=This is a test.txt", "name", &["This is a test.txt"]),
            ("a/b; name=\"a\\\"b\\\\c\\d\"", "name", &["a\"b\\c\\d"]),
            ("a/b; name=\"half", "name", &["half"]),
            ("a/b; name=one; name=two", "name", &["one", "two"]),
            ("a/b; (note) name=one", "name", &["one"]),
            ("a/b name=one", "name", &["one"]),
            ("a/b; name*0=\"one\"; name*1=two", "name", &["onetwo"]),
            ("a/b; name*1=two; name*0=one; name*2=3", "name", &["onetwo3"]),
            ("a/b; name*=utf-8'en'%C3%A5.txt", "name", &["å.txt"]),
            ("a/b; name*=iso-8859-1''%e5%2Etxt", "name", &["å.txt"]),
            ("a/b; name*0*=windows-1251''%F4; name*1=\"x%41\"", "name", &["фx%41"]),
            ("a/b; name*=utf-8''star; name=plain", "name", &["plain", "star"]),
            ("a/b; name*=no-quotes%41", "name", &["no-quotesA"]),
            ("a/b; boundary=\"\"", "boundary", &[""]),
        ];
        for (value, wanted, expected) in table {
            assert_eq!(readings(value, wanted), expected, "{value:?}");
        }
    }

    #[test]
    fn only_the_parameter_behind_the_type_lacks_its_semicolon() {
        for (value, expected) in [
            ("a/b boundary=x", true),
            ("a/b\tBoundary = x; y=z", true),
            ("a/b; boundary=x", false),
            ("a/b y=z; boundary=x", false),
            ("a/b", false),
        ] {
            assert_eq!(lacks_semicolon(value.as_bytes(), b"boundary"), expected, "{value:?}");
        }
    }

    #[test]
    fn encoded_words_are_decoded_in_their_charset() {
        for (name, expected) in [
            ("plain.txt", "plain.txt"),
            ("=?utf-8?B?w6Uu?= =?iso-8859-1?q?=E5=2Ediff?=", "å.å.diff"),
            ("a =?utf-8?Q?x=C3?= \t=?UTF-8?Q?=A5y?= b", "a xåy b"),
            ("=?x=?x=?x?=", "=?x=?x=?x?="),
            ("a =?us-ascii?Q?b_c?= d", "a b c d"),
            ("=?koi8-r?B?89DJ08/LLmRvYw==?=", "Список.doc"),
            ("=?no-such?Q?x=41?=", "xA"),
            ("=?utf-8?X?x?=", "=?utf-8?X?x?="),
            ("=?utf-8?Q?x", "=?utf-8?Q?x"),
            ("=?utf-8*en?q?x=3?=", "x=3"),
            (" a.txt ", "a.txt"),
        ] {
            assert_eq!(words(name), expected, "{name:?}");
        }
    }
}
