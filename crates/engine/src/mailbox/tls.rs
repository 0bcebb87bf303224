//! Whether TLS begins where it was agreed on.
//!
//! Cyrus and Courier go on in clear text when no handshake comes, so the agreement alone says nothing; and what
//! was sent in clear text behind it some peers take for protected.

use proto::Side;

/// What is awaited of each side.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Beginning {
    /// Sides that have sent nothing since TLS was agreed on, by `Side as usize`.
    fresh: [bool; 2],
}

/// What the next bytes of a side are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    NeedMore,
    /// The first record of the client.
    Begins,
    /// Whatever follows it.
    GoesOn,
    /// No TLS.
    Other,
}

impl Beginning {
    pub(super) const fn agreed() -> Self {
        Self { fresh: [true; 2] }
    }

    /// A side ended: nothing is expected of it any more.
    pub(super) fn ended(&mut self, from: Side) {
        if let Some(fresh) = self.fresh.get_mut(from as usize) {
            *fresh = false;
        }
    }

    /// Looks at what a side sends next. A server answers the client's hello, and says nothing before it.
    pub(super) fn look(&mut self, from: Side, input: &[u8]) -> Look {
        const HANDSHAKE: u8 = 0x16;
        const ALERT: u8 = 0x15;
        const MAJOR_VERSION: u8 = 0x03;
        let [client, server] = &mut self.fresh;
        let unasked = from == Side::Server && *client;
        let fresh = match from {
            Side::Client => client,
            Side::Server => server,
        };
        match input {
            _ if !*fresh => return Look::GoesOn,
            [] => return Look::NeedMore,
            [HANDSHAKE | ALERT] if !unasked => return Look::NeedMore,
            _ => *fresh = false,
        }
        match (from, input) {
            (Side::Client, [HANDSHAKE, MAJOR_VERSION, ..]) => Look::Begins,
            (Side::Server, [HANDSHAKE | ALERT, MAJOR_VERSION, ..]) if !unasked => Look::GoesOn,
            _ => Look::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const C: Side = Side::Client;
    const S: Side = Side::Server;

    #[test]
    fn both_sides_begin_with_a_record_and_the_client_first() {
        let table: &[(&[(Side, &[u8])], Look)] = &[
            (&[(C, b"\x16\x03\x01")], Look::Begins),
            (&[(C, b"\x16")], Look::NeedMore),
            (&[(C, b"\x16\x03\x01"), (C, b"anything")], Look::GoesOn),
            (&[(C, b"\x16\x03\x01"), (S, b"\x16\x03\x03")], Look::GoesOn),
            (&[(C, b"\x16\x03\x01"), (S, b"\x15\x03\x03")], Look::GoesOn),
            (&[(C, b"\x16\x03\x01"), (S, b"+OK")], Look::Other),
            (&[(C, b"\x16\x02")], Look::Other),
            (&[(C, b"USER a\r\n")], Look::Other),
            (&[(S, b"\x16\x03\x03")], Look::Other),
            (&[(S, b"\x16")], Look::Other),
        ];
        for (sent, expected) in table {
            let mut beginning = Beginning::agreed();
            let found = sent.iter().fold(Look::NeedMore, |_, (from, bytes)| beginning.look(*from, bytes));
            assert_eq!(found, *expected, "{sent:?}");
        }
    }

    #[test]
    fn a_side_that_ended_begins_nothing() {
        let mut beginning = Beginning::agreed();
        beginning.ended(C);
        assert_eq!(beginning.look(S, b"\x15\x03"), Look::GoesOn);
    }
}
