//! AUTH (RFC 4954): who logs in, and whether that succeeds.

use proto::smtp::command::Command;
use proto::smtp::verb::Verb;

use super::Smtp;
use crate::context::Context;
use crate::event::LoginOutcome;
use crate::login::Attempt;

/// Replies by which a server says that it tried nothing (RFC 4954 §6): the mechanism, the order or the encryption is not
/// as it wants it.
const NOT_TRIED: [u16; 8] = [500, 501, 502, 503, 504, 530, 534, 538];

impl Smtp {
    /// The login that a command begins.
    pub(super) fn attempt(command: &Command<'_>, cx: &Context<'_>) -> Option<Attempt> {
        if !matches!(command.verb, Verb::Auth | Verb::XExps) {
            return None;
        }
        let mut words = command.argument.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let mut attempt = Attempt::by(words.next()?);
        if let Some(response) = words.next() {
            attempt.responds(response, cx);
        }
        Some(attempt)
    }

    /// The client answers a challenge. Whether that names an account that is blocked.
    pub(super) fn responds(&mut self, response: &[u8], cx: &mut Context<'_>) -> bool {
        let Some(attempt) = &mut self.login else { return false };
        attempt.is_cancelled = response == b"*";
        attempt.responds(response, cx);
        attempt.is_blocked(cx)
    }

    /// A login to an account that is blocked does not go on.
    pub(super) fn report_blocked_login(&mut self, cx: &mut Context<'_>) {
        if let Some(attempt) = self.login.take() {
            attempt.report(LoginOutcome::RefusedByPolicy, cx);
        }
    }

    /// The reply to AUTH, or to the last response. Temporary ones say nothing of the account.
    pub(super) fn login_answered(&mut self, code: u16, cx: &mut Context<'_>) {
        if code / 100 == 3 {
            return;
        }
        let Some(attempt) = self.login.take() else { return };
        match code {
            200..=299 => attempt.report(LoginOutcome::Accepted, cx),
            _ if attempt.is_cancelled => attempt.report(LoginOutcome::Cancelled, cx),
            500..=599 if !NOT_TRIED.contains(&code) => attempt.report(LoginOutcome::RefusedByServer, cx),
            _ => attempt.report(LoginOutcome::NotTried, cx),
        }
    }
}
