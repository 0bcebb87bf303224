//! What SMTP peers get to read: replies of ours, and masks. The one place that words a refusal.

use policy::criterion::RefusalReason;
use policy::model::RecipientLimit;
use policy::profile::Letter;
use proto::smtp::verb::Verb;

use crate::config::SessionConfig;
use crate::event::Reference;
use crate::inspector::Acted;
use crate::refusal::{Cause, Refusal};

/// Reply code, enhanced status code (RFC 3463), and text.
type Words = (u16, (u8, u8, u8), &'static str);

const fn words(cause: Cause) -> Words {
    match cause {
        Cause::Unreachable => (421, (4, 3, 2), "Service not available"),
        Cause::NoProxyHeader => (421, (4, 7, 0), "No valid PROXY header"),
        Cause::ServerLost => (421, (4, 4, 2), "Connection to the server lost"),
        Cause::ShuttingDown => (421, (4, 3, 2), "Service shutting down"),
        Cause::Idle => (421, (4, 4, 2), "Idle for too long"),
        Cause::AnsweredEarly => (421, (4, 3, 0), "The server answered before the end of the message"),
        Cause::Unanswered => (421, (4, 4, 1), "No answer from the server"),
        Cause::LineTooLong => (500, (5, 5, 2), "Line too long"),
        Cause::EndlessLine => (421, (4, 7, 0), "Line without end"),
        Cause::ControlCharacter => (500, (5, 5, 2), "Control character in command"),
        Cause::BareLineFeed => (500, (5, 5, 2), "Command line must end in CRLF"),
        Cause::EightBit => (500, (5, 6, 7), "Non-ASCII command without SMTPUTF8"),
        Cause::OutOfTurn => (554, (5, 5, 0), "Command out of turn"),
        Cause::NoTransaction => (503, (5, 5, 1), "MAIL first"),
        Cause::OutOfOrder => (503, (5, 5, 1), "Bad sequence of commands"),
        Cause::HostilePath => (553, (5, 1, 3), "Address syntax not allowed"),
        Cause::UnreadablePath => (501, (5, 1, 3), "Bad address syntax"),
        Cause::LockedParameter(_) => (555, (5, 5, 4), "Parameter not available:"),
        Cause::MessageFormat | Cause::MessageFraming => (554, (5, 6, 0), "Message format not allowed"),
        Cause::BadChunk => (501, (5, 5, 4), "Bad chunk size"),
        Cause::BadReply => (421, (4, 3, 0), "Invalid reply from the server"),
        Cause::TooManyRefused => (421, (4, 7, 0), "Too many refused commands"),
        Cause::Closing => (451, (4, 7, 1), "Not accepted after a refusal, try again in a new session"),
        Cause::NotLeaving => (421, (4, 7, 0), "Closing after a refusal"),
        Cause::Farewell => (221, (2, 0, 0), "Bye"),
        // RFC 5321 §4.5.3.1.10.
        Cause::SurplusRecipient => (452, (4, 5, 3), "Too many recipients"),
        Cause::TooManySurplus => (421, (4, 7, 0), "Too many recipients over the limit"),
        Cause::RecipientLimit => (550, (5, 5, 3), "Too many recipients"),
        Cause::InvalidRecipientLimit => (550, (5, 7, 1), "Too many unknown recipients"),
        // RFC 4954 §4 has words for the same in SMTP; no rule of SMTP uses them.
        Cause::NotBeforeLogin | Cause::AfterLeaving | Cause::BadTag | Cause::BadLiteral | Cause::Preauth => {
            (503, (5, 5, 1), "Bad sequence of commands")
        }
        Cause::AccountBlocked => (535, (5, 7, 8), "Too many failed logins, try again later"),
        Cause::ClearTextLogin => (538, (5, 7, 11), "Encryption required"),
        Cause::TooFast => (451, (4, 7, 1), "Rate limit exceeded, try again later"),
        Cause::Sender => (550, (5, 7, 1), "Sender refused by policy"),
        Cause::Recipient => (550, (5, 7, 1), "Recipient refused by policy"),
        Cause::Command => (554, (5, 7, 1), "Command refused by policy"),
        Cause::Message => (554, (5, 7, 1), "Message refused by policy"),
        Cause::HeaderTooLong => (554, (5, 6, 0), "Message header too long"),
        Cause::LineTooLongInMessage => (554, (5, 6, 0), "Message line too long"),
        Cause::TooMuchData => (554, (5, 6, 0), "Too much message data"),
    }
}

/// Whether the session goes on after a command that a rule refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// Answered by us, not forwarded; the session goes on.
    Answer(Refusal),
    /// Our last reply.
    Last(Refusal),
}

/// The row for a command, or for the reply to one.
pub(crate) fn command_row(verb: Verb, acted: Acted, config: &SessionConfig) -> Row {
    let cause = match (verb, acted.kind.map(|kind| kind.row().refusal)) {
        (Verb::Rcpt, Some(RefusalReason::RecipientLimit)) => match config.recipient_limit {
            RecipientLimit::Refuse => return Row::Answer(Cause::SurplusRecipient.by(acted)),
            RecipientLimit::Device => Cause::RecipientLimit,
        },
        (Verb::Rcpt, Some(RefusalReason::InvalidRecipientLimit)) => Cause::InvalidRecipientLimit,
        (Verb::Rcpt, _) => Cause::Recipient,
        (verb, _) if verb.begins_transaction() => Cause::Sender,
        _ => Cause::Command,
    };
    Row::Last(cause.by(acted))
}

/// The reply code of a refusal.
pub(crate) const fn code(refusal: Refusal) -> u16 {
    words(refusal.cause).0
}

/// What a reply line says beside its cause.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Details<'d> {
    /// The name of a parameter that is not available.
    pub(crate) parameter: Option<&'d str>,
    /// The class that refused, where the administrator wants it named.
    pub(crate) class: Option<&'d str>,
    pub(crate) reference: Option<Reference>,
}

/// The reply line.
pub(crate) fn line(cause: Cause, details: Details<'_>) -> String {
    let (code, (class, subject, detail), text) = words(cause);
    let mut line = format!("{code} {class}.{subject}.{detail} {text}");
    if let Some(parameter) = details.parameter {
        line.push_str(&format!(" {parameter}"));
    }
    if let Some(class) = details.class {
        line.push_str(&format!(" (class {class})"));
    }
    if let Some(reference) = details.reference {
        line.push_str(&format!(" (ref {reference})"));
    }
    line.push_str("\r\n");
    line
}

/// `len` bytes to mask with, in pieces.
pub(crate) fn mask(letter: Letter, len: usize) -> impl Iterator<Item = &'static [u8]> {
    const SMALL: &[u8] = &[b'x'; 256];
    const CAPITAL: &[u8] = &[b'X'; 256];
    let ink = match letter {
        Letter::Small => SMALL,
        Letter::Capital => CAPITAL,
    };
    (0..len).step_by(256).map(move |done| ink.get(..(len - done).min(256)).unwrap_or(ink))
}

/// What an ASA shows of the text of a greeting. `shown` is a word that is left, in any case, with the blanks around it.
pub(crate) fn masked_greeting(text: &[u8], shown: Option<&[u8]>) -> Vec<u8> {
    let is_shown = |word: &[u8]| shown.is_some_and(|shown| word.eq_ignore_ascii_case(shown));
    let mut masked = Vec::with_capacity(text.len());
    let mut words = text.split(|&byte| byte == b' ').peekable();
    while let Some(word) = words.next() {
        let stays = |byte| matches!(byte, b'2' | b'0') || is_shown(word);
        masked.extend(word.iter().map(|&byte| if stays(byte) { byte } else { b'*' }));
        if let Some(next) = words.peek() {
            masked.push(if is_shown(word) || is_shown(next) { b' ' } else { b'*' });
        }
    }
    masked
}

/// The last letter over the masked keyword of that number, from 0.
pub(crate) fn running_letter(number: usize) -> &'static [u8] {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let at = number % LETTERS.len();
    LETTERS.get(at..=at).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_masked_greeting_the_digits_two_and_zero_are_left() {
        assert_eq!(masked_greeting(b"mx1.example 2026 ESMTP", None), b"************202*******");
    }

    #[test]
    fn a_word_is_left_of_a_masked_greeting_only_as_a_whole() {
        for (text, expected) in [
            ("mx ESMTP Postfix 3.0", "** ESMTP **********0"),
            ("mx esmtp", "** esmtp"),
            ("ESMTP", "ESMTP"),
            ("", ""),
            ("mx.ESMTP.example NotESMTP ESMTP2", "*******************************2"),
        ] {
            let masked = masked_greeting(text.as_bytes(), Some(b"ESMTP"));
            assert_eq!(String::from_utf8_lossy(&masked), expected, "{text}");
        }
    }

    #[test]
    fn letters_begin_anew_behind_the_last() {
        assert_eq!([0, 25, 26].map(running_letter), [b"A", b"Z", b"A"]);
    }

    #[test]
    fn a_mask_has_the_length_of_what_it_hides() {
        for len in [0, 1, 255, 256, 257, 4000] {
            assert_eq!(mask(Letter::Small, len).map(<[u8]>::len).sum::<usize>(), len);
        }
        assert_eq!(mask(Letter::Capital, 3).collect::<Vec<_>>(), [b"XXX"]);
    }
}
