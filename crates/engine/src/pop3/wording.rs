//! What a client of POP3 gets to read from us. The one place that words a refusal for it.

use crate::refusal::Cause;

/// The reply, without its end. Response codes are those of RFC 2449 §8 and RFC 3206.
pub(super) fn line(cause: Cause, _tag: &[u8]) -> String {
    let (code, text) = words(cause);
    let code = if code.is_empty() { String::new() } else { format!("[{code}] ") };
    format!("-ERR {code}{text}")
}

const fn words(cause: Cause) -> (&'static str, &'static str) {
    match cause {
        Cause::Unreachable => ("SYS/TEMP", "Service not available"),
        Cause::NoProxyHeader => ("SYS/PERM", "No valid PROXY header"),
        Cause::ShuttingDown => ("SYS/TEMP", "Service shutting down"),
        Cause::Idle => ("SYS/TEMP", "Idle for too long"),
        Cause::LineTooLong => ("", "Line too long"),
        Cause::ControlCharacter => ("", "Control character in command"),
        Cause::BareLineFeed => ("", "Command line must end in CRLF"),
        Cause::OutOfTurn => ("", "Command out of turn"),
        Cause::NotBeforeLogin => ("", "Command not valid before login"),
        Cause::ClearTextLogin => {
            ("SYS/PERM", "Login in clear text is not allowed, use STLS or a secure mechanism")
        }
        Cause::AccountBlocked => ("AUTH", "Too many failed logins, try again later"),
        Cause::AfterLeaving => ("", "Command after QUIT"),
        // Nothing else is refused in POP3.
        _ => ("SYS/PERM", "Not allowed"),
    }
}
