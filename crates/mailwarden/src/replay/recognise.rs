//! Which protocol a TCP session speaks: told from its port and its first octets.
//!
//! Mail is told apart from the rest; what else there is is none of this file's business.

use super::mailbox::{begins_imap, begins_pop3, greets_imap, replies_pop3};
use super::smtp::begins_reply;
use super::spoken::Spoken;

/// What the beginning of a session says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recognised {
    Mail(Spoken),
    /// Another protocol, or TLS from the start.
    Other,
    /// Too little was said.
    Unclear,
}

/// Judges by the server's port and what either side has said so far.
pub(super) fn recognise(port: u16, client: &[u8], server: &[u8]) -> Recognised {
    match judge(port, client, server) {
        // TLS is begun by the client, even if the server greeted in clear.
        Recognised::Mail(_) if client.is_empty() || server.is_empty() => Recognised::Unclear,
        Recognised::Mail(Spoken::Smtp) if begins_reply(server).is_none() => Recognised::Unclear,
        spoken => spoken,
    }
}

/// Judges what never became clear: one side was not recorded, or fell silent.
pub(super) fn recognise_at_last(port: u16, client: &[u8], server: &[u8]) -> Recognised {
    match judge(port, client, server) {
        Recognised::Unclear => Recognised::Other,
        spoken => spoken,
    }
}

fn judge(port: u16, client: &[u8], server: &[u8]) -> Recognised {
    let Some(client) = opening(client) else { return Recognised::Unclear };
    if is_tls(client) || is_tls(server) || is_http(client) {
        return Recognised::Other;
    }
    if let Some(spoken) = mailbox(port, client, server) {
        return Recognised::Mail(spoken);
    }
    let asks = asks_for_mail(client);
    if begins_reply(server) == Some(false) && !asks {
        // What greets like a mailbox on another port is known by its client.
        let greets = client.is_empty() && replies_pop3(server);
        return if greets { Recognised::Unclear } else { Recognised::Other };
    }
    // Elsewhere a greeting of 220 is not enough: FTP has it too.
    let greets = first_line(server).is_some_and(|line| line.starts_with(b"220") && names_mail(line));
    if asks || greets || PORTS.contains(&port) && (is_text(client) || is_text(server)) {
        Recognised::Mail(Spoken::Smtp)
    } else if first_line(server).is_some() && first_line(client).is_some() {
        Recognised::Other
    } else {
        Recognised::Unclear
    }
}

/// POP3 and IMAP: by their greeting, and on their own port by whatever is text.
fn mailbox(port: u16, client: &[u8], server: &[u8]) -> Option<Spoken> {
    // Redis answers with +OK too.
    let pop3 = replies_pop3(server) && (port == POP3 || begins_pop3(client));
    let begun = server.is_empty() || is_text(server);
    match port {
        _ if pop3 => Some(Spoken::Pop3),
        _ if greets_imap(server) => Some(Spoken::Imap),
        POP3 if begun && (begins_pop3(client) || is_text(server)) => Some(Spoken::Pop3),
        IMAP if begun && (begins_imap(client) || is_text(server)) => Some(Spoken::Imap),
        _ => None,
    }
}

const POP3: u16 = 110;
const IMAP: u16 = 143;

fn is_text(octets: &[u8]) -> bool {
    matches!(octets.first(), Some(b' '..=b'~'))
}

/// SMTP, submission with and without TLS, LMTP, and the usual second port.
const PORTS: [u16; 5] = [24, 25, 465, 587, 2525];

/// A record of TLS: a handshake, version 3.
fn is_tls(octets: &[u8]) -> bool {
    octets.starts_with(&[0x16, 0x03])
}

/// A request of HTTP with any method, or the preface of HTTP/2.
fn is_http(client: &[u8]) -> bool {
    let line = first_line(client).unwrap_or_default();
    memchr::memmem::find(line, b" HTTP/").is_some()
}

/// What the client says behind empty lines and a PROXY header, which a server reads without an answer. Nothing where
/// more bytes would tell.
fn opening(client: &[u8]) -> Option<&[u8]> {
    const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
    if let Some(rest) = client.strip_prefix(SIGNATURE) {
        let length = rest.get(2..4)?.try_into().ok().map(u16::from_be_bytes)?;
        return rest.get(4 + usize::from(length)..);
    }
    if client.starts_with(b"PROXY ") {
        let lf = memchr::memchr(b'\n', client)?;
        return client.get(lf + 1..);
    }
    let blank = client.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(client.len());
    client.get(blank..)
}

/// Whether the first line is one that only a mail client sends.
fn asks_for_mail(client: &[u8]) -> bool {
    const OPENINGS: [&[u8]; 5] = [b"EHLO ", b"HELO ", b"LHLO ", b"MAIL FROM:", b"RCPT TO:"];
    OPENINGS
        .iter()
        .any(|opening| client.get(..opening.len()).is_some_and(|front| front.eq_ignore_ascii_case(opening)))
}

fn names_mail(greeting: &[u8]) -> bool {
    greeting.windows(4).any(|word| word.eq_ignore_ascii_case(b"SMTP") || word.eq_ignore_ascii_case(b"LMTP"))
}

fn first_line(octets: &[u8]) -> Option<&[u8]> {
    memchr::memchr(b'\n', octets).and_then(|lf| octets.get(..lf))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POP3: Recognised = Recognised::Mail(Spoken::Pop3);
    const IMAP: Recognised = Recognised::Mail(Spoken::Imap);

    #[test]
    fn a_session_is_told_by_port_and_first_octets() {
        let table: &[(u16, &[u8], &[u8], Recognised)] = &[
            (25, b"", b"", Recognised::Unclear),
            (25, b"EHLO a\r\n", b"", Recognised::Unclear),
            (25, b"", b"220 mx\r\n", Recognised::Unclear),
            (25, b"RSET\n", b"250\n", Recognised::Mail(Spoken::Smtp)),
            (25, b"\x80\x01", b"220 mx\r\n", Recognised::Mail(Spoken::Smtp)),
            (465, b"\x16\x03\x01", b"220 mx\r\n", Recognised::Other),
            (25, b"", b"+OK\r\n", Recognised::Unclear),
            (25, b"USER a\r\n", b"+OK\r\n", POP3),
            (25, b"EHLO a\r\n", b"what?\r\n", Recognised::Mail(Spoken::Smtp)),
            (465, b"\x16\x03\x01", b"", Recognised::Other),
            (110, b"", b"+OK ready\r\n", Recognised::Unclear),
            (110, b"CAPA\r\n", b"+OK ready\r\n", POP3),
            (110, b"XYZZY\r\n", b"+OK ready\r\n", POP3),
            (110, b"\x16\x03\x01", b"+OK ready\r\n", Recognised::Other),
            (110, b"\0\x01", b"\0\x02", Recognised::Other),
            (110, b"SSH-2.0-x\r\n", b"", Recognised::Unclear),
            (110, b"RETR 1\r\n", b"From: a\r\n", POP3),
            (143, b"a NOOP\r\n", b"* OK ready\r\n", IMAP),
            (143, b"a NOOP\r\n", b"a OK done\r\n", IMAP),
            (1143, b"a NOOP\r\n", b"* PREAUTH in\r\n", IMAP),
            (6379, b"SET a b\r\n", b"+OK\r\n", Recognised::Other),
            (6379, b"QUIT\r\n", b"220 mx ESMTP\r\n", Recognised::Mail(Spoken::Smtp)),
            (6379, b"", b"220 mx\r\n", Recognised::Unclear),
            (6379, b"EHLO a\r\n", b"220 mx\r\n", Recognised::Mail(Spoken::Smtp)),
            (21, b"USER a\r\n", b"220 ftp\r\n", Recognised::Other),
            (80, b"GET / HTTP/1.1\r\n", b"", Recognised::Other),
            (80, b"\r\nPRI * HTTP/2.0\r\n", b"", Recognised::Other),
            (
                25,
                b"PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\nEHLO a\r\n",
                b"220 mx\r\n",
                Recognised::Mail(Spoken::Smtp),
            ),
            (
                4025,
                b"PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\nEHLO a\r\n",
                b"220 mx\r\n",
                Recognised::Mail(Spoken::Smtp),
            ),
            (25, b"PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n\x16\x03\x01", b"", Recognised::Other),
            (
                4025,
                b"\r\n\r\n\0\r\nQUIT\n!\x11\0\x02abEHLO a\r\n",
                b"220 mx\r\n",
                Recognised::Mail(Spoken::Smtp),
            ),
            (4025, b"\r\n\r\n\0\r\nQUIT\n!\x11", b"220 mx ESMTP\r\n", Recognised::Unclear),
            (1224, b"lhlo a\r\n", b"", Recognised::Unclear),
            (1224, b"lhlo a\r\n", b"220 mx\r\n", Recognised::Mail(Spoken::Smtp)),
        ];
        for &(port, client, server, expected) in table {
            let found = recognise(port, client, server);
            assert_eq!(found, expected, "{port} {} {}", client.escape_ascii(), server.escape_ascii());
        }
        assert_eq!(recognise_at_last(25, b"", b"220 mx\r\n"), Recognised::Mail(Spoken::Smtp));
        assert_eq!(recognise_at_last(1224, b"EHLO a\r\n", b""), Recognised::Mail(Spoken::Smtp));
        assert_eq!(recognise_at_last(25, b"EHLO a\r\n", b""), Recognised::Mail(Spoken::Smtp));
        assert_eq!(recognise_at_last(110, b"", b"+OK ready\r\n"), POP3);
        assert_eq!(recognise_at_last(110, b"USER a\r\n", b""), POP3);
        assert_eq!(recognise_at_last(143, b"a LOGIN b c\r\n", b""), IMAP);
        assert_eq!(recognise_at_last(25, b"\0\x01", b""), Recognised::Other);
        assert_eq!(recognise_at_last(6379, b"PING\r\n", b""), Recognised::Other);
    }
}
