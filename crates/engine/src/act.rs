//! Verdict → what the two peers see: reply texts and masks. The one place that words a refusal.

use policy::fact::Kind;
use policy::model::{RecipientLimit, Refusals};
use proto::smtp::verb::Verb;

use crate::config::SessionConfig;

/// A reply of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) enhanced: (u8, u8, u8),
    pub(crate) text: &'static str,
    /// The class to name under `refusals detail`.
    pub(crate) rule: Option<policy::RuleId>,
}

const fn refusal(code: u16, enhanced: (u8, u8, u8), text: &'static str) -> Refusal {
    Refusal { code, enhanced, text, rule: None }
}

pub(crate) const UNREACHABLE: Refusal = refusal(421, (4, 3, 2), "Service not available");
pub(crate) const SERVER_LOST: Refusal = refusal(421, (4, 4, 2), "Connection to the server lost");
pub(crate) const GOING_DOWN: Refusal = refusal(421, (4, 3, 2), "Service shutting down");
pub(crate) const IDLE: Refusal = refusal(421, (4, 4, 2), "Idle for too long");
pub(crate) const ANSWERED_EARLY: Refusal =
    refusal(421, (4, 3, 0), "The server answered before the end of the message");
pub(crate) const UNANSWERED: Refusal = refusal(421, (4, 4, 1), "No answer from the server");
pub(crate) const LINE_TOO_LONG: Refusal = refusal(500, (5, 5, 2), "Line too long");
pub(crate) const ENDLESS_LINE: Refusal = refusal(421, (4, 7, 0), "Line without end");
pub(crate) const BAD_OCTET: Refusal = refusal(500, (5, 5, 2), "Control character in command");
pub(crate) const BARE_LF: Refusal = refusal(500, (5, 5, 2), "Command line must end in CRLF");
pub(crate) const EIGHT_BIT: Refusal = refusal(500, (5, 6, 7), "Non-ASCII command without SMTPUTF8");
pub(crate) const OUT_OF_TURN: Refusal = refusal(554, (5, 5, 0), "Command out of turn");
pub(crate) const HOSTILE_PATH: Refusal = refusal(553, (5, 1, 3), "Address syntax not allowed");
pub(crate) const UNREADABLE_PATH: Refusal = refusal(501, (5, 1, 3), "Bad address syntax");
pub(crate) const LOCKED_PARAMETER: Refusal = refusal(555, (5, 5, 4), "Parameter not available");
pub(crate) const BAD_MESSAGE: Refusal = refusal(554, (5, 6, 0), "Message format not allowed");
pub(crate) const TOO_MANY: Refusal = refusal(452, (4, 5, 3), "Too many recipients");
pub(crate) const SURPLUS: Refusal = refusal(421, (4, 7, 0), "Too many recipients over the limit");

/// What a refused command is told, and whether the session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// Answered by us, not forwarded; the session goes on.
    Answer(Refusal),
    /// Our last word.
    Last(Refusal),
}

/// The row for a command, or for the reply to one.
pub(crate) fn command_row(
    verb: Verb,
    kind: Option<Kind>,
    rule: policy::RuleId,
    config: &SessionConfig,
) -> Row {
    let words = match (verb, kind) {
        (Verb::Rcpt, Some(Kind::RecipientCount)) => match config.recipient_limit {
            RecipientLimit::Refuse => return Row::Answer(Refusal { rule: Some(rule), ..TOO_MANY }),
            RecipientLimit::Device => refusal(550, (5, 5, 3), "Too many recipients"),
        },
        (Verb::Rcpt, Some(Kind::InvalidRecipientCount)) => {
            refusal(550, (5, 7, 1), "Too many unknown recipients")
        }
        (Verb::Mail, _) => refusal(550, (5, 7, 1), "Sender refused by policy"),
        (Verb::Rcpt, _) => refusal(550, (5, 7, 1), "Recipient refused by policy"),
        _ => refusal(554, (5, 7, 1), "Command refused by policy"),
    };
    Row::Last(Refusal { rule: Some(rule), ..words })
}

/// The last word to a message whose header or body was refused.
pub(crate) const fn message_refusal(kind: Option<Kind>, rule: policy::RuleId) -> Refusal {
    let words = match kind {
        Some(Kind::HeaderLength) => refusal(554, (5, 6, 0), "Message header too long"),
        Some(Kind::DataLength) => refusal(554, (5, 6, 0), "Too much message data"),
        _ => refusal(554, (5, 7, 1), "Message refused by policy"),
    };
    Refusal { rule: Some(rule), ..words }
}

impl Refusal {
    /// The reply line; the class is named only where the administrator asked for it.
    pub(crate) fn line(&self, config: &SessionConfig) -> String {
        let Self { code, enhanced: (class, subject, detail), text, rule } = self;
        let named = rule.filter(|_| config.refusals == Refusals::Detail);
        let named = named.and_then(|rule| Some(config.policy.as_ref()?.class(rule)));
        match named {
            Some(name) => format!("{code} {class}.{subject}.{detail} {text} (class {name})\r\n"),
            None => format!("{code} {class}.{subject}.{detail} {text}\r\n"),
        }
    }
}

/// Octets to mask with: IOS writes `x` over a command and `X` over the keywords of a reply.
pub(crate) fn mask(of: Masked, len: usize) -> impl Iterator<Item = &'static [u8]> {
    const SMALL: &[u8] = &[b'x'; 256];
    const CAPITAL: &[u8] = &[b'X'; 256];
    let ink = match of {
        Masked::Command => SMALL,
        Masked::Keyword => CAPITAL,
    };
    (0..len).step_by(256).map(move |done| ink.get(..(len - done).min(256)).unwrap_or(ink))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Masked {
    Command,
    Keyword,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_has_the_length_of_what_it_hides() {
        for len in [0, 1, 255, 256, 257, 4000] {
            assert_eq!(mask(Masked::Command, len).map(<[u8]>::len).sum::<usize>(), len);
        }
        assert_eq!(mask(Masked::Keyword, 3).collect::<Vec<_>>(), [b"XXX"]);
    }
}
