//! What a client of IMAP gets to read from us. The one place that words a refusal for it.

use crate::refusal::Cause;

/// The tagged reply to a command, or BYE where no command is answered; without its end.
pub(super) fn line(cause: Cause, tag: &[u8]) -> String {
    let text = words(cause);
    // A tag that was accepted is printable.
    match std::str::from_utf8(tag) {
        // The command is understood, and fails.
        Ok(tag) if !tag.is_empty() && cause == Cause::AccountBlocked => format!("{tag} NO {text}"),
        Ok(tag) if !tag.is_empty() => format!("{tag} BAD {text}"),
        _ => format!("* BYE {text}"),
    }
}

const fn words(cause: Cause) -> &'static str {
    match cause {
        Cause::Unreachable => "[UNAVAILABLE] Service not available",
        Cause::NoProxyHeader => "No valid PROXY header",
        Cause::ShuttingDown => "[UNAVAILABLE] Service shutting down",
        Cause::Idle => "Idle for too long",
        Cause::LineTooLong => "Line too long",
        Cause::ControlCharacter => "Control character in command",
        Cause::BareLineFeed => "Command line must end in CRLF",
        Cause::OutOfTurn => "Command out of turn",
        Cause::NotBeforeLogin => "Command not valid before login",
        Cause::ClearTextLogin => {
            "[PRIVACYREQUIRED] Login in clear text is not allowed, use STARTTLS or a secure mechanism"
        }
        Cause::AccountBlocked => "[AUTHENTICATIONFAILED] Too many failed logins, try again later",
        Cause::AfterLeaving => "Command after LOGOUT",
        Cause::BadLiteral => "Literal not allowed",
        Cause::BadTag => "Tag not allowed",
        Cause::Preauth => "Server without login refused",
        // Nothing else is refused in IMAP.
        _ => "Not allowed",
    }
}
