//! What a client gets in place of a greeting when it has no session. No dialogue begins, so that none words it.

use policy::model::{Protocol, Refusals};

use crate::config::SessionConfig;

/// The line to send before FIN. `None` stands for RST: the protocol has no words for it, or nothing is to be said.
pub fn turned_away(config: &SessionConfig) -> Option<&'static str> {
    if config.refusals == Refusals::Silent {
        return None;
    }
    match config.protocol {
        // Of LMTP too.
        Protocol::Smtp => Some("421 4.3.2 Too many sessions, try again later\r\n"),
        // RFC 3206 §4, RFC 5530 §3.
        Protocol::Pop3 => Some("-ERR [SYS/TEMP] Too many sessions, try again later\r\n"),
        Protocol::Imap => Some("* BYE [UNAVAILABLE] Too many sessions, try again later\r\n"),
        Protocol::Tcp => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_protocol_has_its_words_for_a_client_without_a_session() {
        for (protocol, expected) in [
            (Protocol::Smtp, Some("421 4.3.2 Too many sessions, try again later\r\n")),
            (Protocol::Pop3, Some("-ERR [SYS/TEMP] Too many sessions, try again later\r\n")),
            (Protocol::Imap, Some("* BYE [UNAVAILABLE] Too many sessions, try again later\r\n")),
            (Protocol::Tcp, None),
        ] {
            let config = SessionConfig { protocol, ..SessionConfig::default() };
            assert_eq!(turned_away(&config), expected, "{protocol}");
            let silent = SessionConfig { refusals: Refusals::Silent, ..config };
            assert_eq!(turned_away(&silent), None, "{protocol}");
        }
    }
}
