//! Both sides forwarded without being parsed: where nothing is inspected, and after TLS began.

use proto::Side;

use crate::dialogue::Step;
use crate::effect::{Out, Wants};
use crate::ends::Ends;

/// Forwards what either side sends.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Relay {
    /// Sides that have agreed to begin TLS and sent nothing since, by `Side as usize`.
    fresh: [bool; 2],
}

impl Relay {
    /// From the reply on with which a server agrees to begin TLS.
    pub(crate) const fn after_starttls() -> Self {
        Self { fresh: [true; 2] }
    }

    /// Whether these bytes, the first of a side since TLS was agreed on, are something else than TLS: they
    /// were sent in clear text, and a peer that does not discard them takes them for protected
    /// (RFC 3207 §4.2).
    pub(crate) fn is_injection(&mut self, from: Side, input: &[u8]) -> bool {
        const HANDSHAKE: u8 = 0x16;
        const ALERT: u8 = 0x15;
        let [client, server] = &mut self.fresh;
        // A server answers the client's hello and sends nothing before it.
        let unasked = from == Side::Server && *client;
        let fresh = match from {
            Side::Client => client,
            Side::Server => server,
        };
        std::mem::take(fresh) && (unasked || !matches!(input.first(), Some(&HANDSHAKE | &ALERT)))
    }

    /// A side ended: nothing is expected of it any more.
    pub(crate) const fn ended(&mut self, from: Side) {
        let [client, server] = &mut self.fresh;
        match from {
            Side::Client => *client = false,
            Side::Server => *server = false,
        }
    }

    /// Forwards what one side sent, unless the other is closed: then it is discarded.
    pub(crate) fn step(from: Side, input: &[u8], ends: &Ends, out: &mut Out<'_>) -> Step {
        match (input, ends.is_finished(from.other())) {
            ([], true) => Step::Wants(Wants::Nothing),
            ([], false) => Step::Wants(Wants::More),
            (_, true) => Step::Took(input.len()),
            (_, false) => {
                out.pass(from.other(), input);
                Step::Took(input.len())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const C: Side = Side::Client;
    const S: Side = Side::Server;

    #[test]
    fn the_first_bytes_after_starttls_must_begin_a_tls_record() {
        let table: [(&[(Side, &[u8])], bool); 6] = [
            (&[(C, b"\x16\x03\x01"), (S, b"\x16\x03\x03"), (C, b"anything"), (S, b"anything")], false),
            (&[(C, b"\x15\x03\x01")], false),
            (&[(C, b"NOOP\r\n")], true),
            (&[(C, b"\x16"), (S, b"250 ok\r\n")], true),
            (&[(S, b"\x16\x03\x03")], true),
            (&[(S, b"250 ok\r\n")], true),
        ];
        for (sent, expected) in table {
            let mut relay = Relay::after_starttls();
            let found =
                sent.iter().fold(false, |found, (from, bytes)| found | relay.is_injection(*from, bytes));
            assert_eq!(found, expected, "{sent:?}");
        }
    }

    #[test]
    fn where_nothing_is_inspected_anything_may_come_first() {
        assert!(!Relay::default().is_injection(S, b"220 mx\r\n"));
    }
}
