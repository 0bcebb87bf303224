//! An attempt to log in, and how it is reported. The secret is never part of it.

use proto::sasl;

use super::Mailbox;
use crate::context::Context;
use crate::event::{Event, Login, LoginOutcome};

/// An attempt to log in that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// In upper case; empty where what stands in its place may be a secret.
    mechanism: Box<[u8]>,
    /// The client gave it up.
    pub(crate) is_cancelled: bool,
}

impl Attempt {
    /// By a command of the protocol or a SASL mechanism, as typed.
    pub(crate) fn by(mechanism: &[u8]) -> Self {
        let named = if sasl::is_name(mechanism) { mechanism } else { b"" };
        Self { mechanism: named.to_ascii_uppercase().into(), is_cancelled: false }
    }

    /// Whether whoever reads along gets to know the password.
    pub(crate) fn is_clear_text(&self) -> bool {
        sasl::is_clear_text(&self.mechanism)
    }
}

impl Mailbox {
    /// The client begins to log in.
    pub(crate) const fn attempts(&mut self) {
        self.has_attempted = true;
    }

    /// Reports how an attempt ended.
    pub(crate) fn report_login(&self, attempt: &Attempt, outcome: LoginOutcome, cx: &mut Context<'_>) {
        let login = Login { mechanism: &attempt.mechanism, is_clear_text: attempt.is_clear_text(), outcome };
        cx.out.report(Event::Login(login));
    }

    /// Reports an attempt that the server did not accept.
    pub(crate) fn report_failure(&self, attempt: &Attempt, cx: &mut Context<'_>) {
        let outcome = match attempt.is_cancelled {
            true => LoginOutcome::Cancelled,
            false => LoginOutcome::RefusedByServer,
        };
        self.report_login(attempt, outcome, cx);
    }
}
