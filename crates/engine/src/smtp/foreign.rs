//! What other protocols say first: a browser or a proxy that was made to talk to a mail server.

use proto::Side;
use proto::smtp::command::Command;
use proto::smtp::verb::Verb;

use super::Smtp;
use crate::context::Context;
use crate::event::{AnomalyKind, Treatment};

impl Smtp {
    /// The PROXY header that a recording begins with: its server read it, and did not answer. Nothing where there is
    /// none, `None` within where more bytes would tell.
    pub(super) fn foreign_header(&mut self, input: &[u8], cx: &mut Context<'_>) -> Option<Option<usize>> {
        if self.spoken || self.commands > 0 || !cx.is_recorded() {
            return None;
        }
        let header = proxy_header(input)?;
        if header.is_some() {
            let beginning = input.get(..1).unwrap_or_default();
            self.anomaly(AnomalyKind::StrayProxyHeader, Side::Client, beginning, cx);
            self.spoken = true;
        }
        Some(header)
    }

    /// Whether the session ends because of a first line that is longer than a command may be, and that is the
    /// beginning of a request of HTTP.
    pub(super) fn is_foreign_beginning(&mut self, input: &[u8], cx: &mut Context<'_>) -> bool {
        // As many bytes as are there however the line is cut.
        let beginning = input.get(..cx.config.bounds.command_line).unwrap_or(input);
        let foreign = !self.spoken
            && begins_request(beginning)
            && self.anomaly(AnomalyKind::NotSmtp, Side::Client, beginning, cx) == Treatment::Reset;
        self.spoken = true;
        if foreign {
            self.reset(cx);
        }
        foreign
    }
}

/// What a first line is that belongs to another protocol which is spoken in lines: the PROXY protocol, version 1, a
/// request of HTTP with any method, or the preface of HTTP/2.
pub(super) fn foreign(line: &[u8]) -> Option<AnomalyKind> {
    if is_proxy_header(line) {
        return Some(AnomalyKind::StrayProxyHeader);
    }
    is_request(line).then_some(AnomalyKind::NotSmtp)
}

/// What a first byte is that no command begins with, behind so many empty lines.
pub(super) const fn foreign_byte(byte: u8, lines: u32) -> AnomalyKind {
    match (byte, lines) {
        // The PROXY protocol, version 2, begins with two empty lines and a NUL.
        (0, 2) => AnomalyKind::StrayProxyHeader,
        _ => AnomalyKind::NotSmtp,
    }
}

/// The length of the header of the PROXY protocol at the front, either version; `None` within where more bytes would
/// tell.
fn proxy_header(input: &[u8]) -> Option<Option<usize>> {
    const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
    if let Some(rest) = input.strip_prefix(SIGNATURE) {
        let length = rest.get(2..4).and_then(|length| length.try_into().ok()).map(u16::from_be_bytes);
        let whole = length.map(|length| SIGNATURE.len() + 4 + usize::from(length));
        return Some(whole.filter(|&whole| whole <= input.len()));
    }
    if is_proxy_header(input) {
        return Some(memchr::memchr(b'\n', input).map(|lf| lf + 1));
    }
    let longest = b"PROXY UNKNOWN";
    let begins =
        SIGNATURE.starts_with(input) || longest.starts_with(input) || b"PROXY TCP".starts_with(input);
    begins.then_some(None)
}

/// The header of the PROXY protocol, version 1. Version 2 begins with empty lines and a NUL.
fn is_proxy_header(line: &[u8]) -> bool {
    const FAMILIES: [&[u8]; 3] = [b"TCP4", b"TCP6", b"UNKNOWN"];
    line.strip_prefix(b"PROXY ").is_some_and(|rest| FAMILIES.iter().any(|family| rest.starts_with(family)))
}

/// RFC 9112 §3: a method, a target and a version. Methods are an open set.
fn is_request(line: &[u8]) -> bool {
    let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let (first, last) = (words.next(), words.next_back());
    let version = last.and_then(|word| word.get(..5)).is_some_and(|word| word.eq_ignore_ascii_case(b"HTTP/"));
    version && words.next().is_some() && first.is_some_and(|method| Verb::of(method) == Verb::Unknown)
}

/// A request whose version is out of sight.
fn begins_request(line: &[u8]) -> bool {
    let command = Command::read(line);
    let target = command.argument;
    command.verb == Verb::Unknown
        && !command.token.is_empty()
        && (target.starts_with(b"/")
            || [&b"http://"[..], b"https://"].iter().any(|scheme| {
                target.get(..scheme.len()).is_some_and(|front| front.eq_ignore_ascii_case(scheme))
            }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines_of_other_protocols_are_told_from_commands() {
        let foreign_lines: &[&[u8]] = &[
            b"GET / HTTP/1.1",
            b"PROPFIND /x HTTP/1.0",
            b"MKACTIVITY http://a/ http/1.1",
            b"PRI * HTTP/2.0",
            b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2",
            b"PROXY UNKNOWN",
        ];
        let fine: &[&[u8]] = &[
            b"EHLO HTTP/1.1",
            b"HELO my host HTTP/1.1",
            b"NOOP a HTTP/1.1",
            b"PROXY",
            b"proxy tcp4",
            b"XHTTP HTTP/",
            b"GET /",
            b"",
        ];
        for line in foreign_lines {
            let is_header = line.starts_with(b"PROXY");
            let kind = if is_header { AnomalyKind::StrayProxyHeader } else { AnomalyKind::NotSmtp };
            assert_eq!(foreign(line), Some(kind), "{}", line.escape_ascii());
        }
        fine.iter().for_each(|line| assert_eq!(foreign(line), None, "{}", line.escape_ascii()));
    }

    #[test]
    fn a_proxy_header_of_either_version_has_a_length() {
        let second = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x02ab";
        assert_eq!(proxy_header(&[&second[..], b"EHLO"].concat()), Some(Some(second.len())));
        (1..second.len()).for_each(|cut| assert_eq!(proxy_header(&second[..cut]), Some(None), "{cut}"));
        let first = b"PROXY TCP6 ::1 ::2 1 2\r\n";
        assert_eq!(proxy_header(&[&first[..], b"EHLO"].concat()), Some(Some(first.len())));
        (1..first.len()).for_each(|cut| assert_eq!(proxy_header(&first[..cut]), Some(None), "{cut}"));
        [&b"EHLO a"[..], b"PROXY a", b"\r\nEHLO"]
            .iter()
            .for_each(|other| assert_eq!(proxy_header(other), None));
    }

    #[test]
    fn a_request_is_told_by_its_target_alone_where_no_more_is_seen() {
        assert!(begins_request(b"GET /aaaa") && begins_request(b"QUERY HTTPS://a"));
        assert!(!begins_request(b"AAAA") && !begins_request(b"HELP /a") && !begins_request(b" /a"));
    }
}
