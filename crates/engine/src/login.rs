//! An attempt to log in: by which mechanism, to which account, and how it is reported. The secret is never part of it.

use proto::sasl;

use crate::config::Watch;
use crate::context::Context;
use crate::event::{Event, Login, LoginOutcome};

/// An attempt to log in that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// In upper case; empty where what stands in its place may be a secret.
    mechanism: Box<[u8]>,
    /// As accounts are compared; known where failed logins are limited, and the client has said it.
    account: Option<Box<[u8]>>,
    /// The client has sent its first response, which alone names the account.
    has_responded: bool,
    /// The client gave it up.
    pub(crate) is_cancelled: bool,
}

impl Attempt {
    /// By a command of the protocol or a SASL mechanism, as typed.
    pub(crate) fn by(mechanism: &[u8]) -> Self {
        let named = if sasl::is_name(mechanism) { mechanism } else { b"" };
        let mechanism = named.to_ascii_uppercase().into();
        Self { mechanism, account: None, has_responded: false, is_cancelled: false }
    }

    /// To an account of this name, as [`account`] makes it.
    pub(crate) fn to(mut self, account: Option<Box<[u8]>>) -> Self {
        self.account = account;
        self
    }

    /// Whether it is known to which account.
    pub(crate) const fn has_account(&self) -> bool {
        self.account.is_some()
    }

    /// The client answers a challenge, or has sent its response with the command.
    pub(crate) fn responds(&mut self, response: &[u8], cx: &Context<'_>) {
        let is_first = !std::mem::replace(&mut self.has_responded, true);
        if is_first && cx.config.limits_logins {
            self.account = sasl::account_of_response(&self.mechanism, response);
        }
    }

    /// Whether nobody may log in to the account for now. A recording is not asked.
    pub(crate) fn is_blocked(&self, cx: &mut Context<'_>) -> bool {
        let is_blocked = |account| cx.out.output.is_blocked(account);
        cx.config.watch == Watch::Enforce && self.account.as_deref().is_some_and(is_blocked)
    }

    /// Whether whoever reads along gets to know the password.
    pub(crate) fn is_clear_text(&self) -> bool {
        sasl::is_clear_text(&self.mechanism)
    }

    /// Reports how it ended.
    pub(crate) fn report(&self, outcome: LoginOutcome, cx: &mut Context<'_>) {
        let Self { mechanism, account, .. } = self;
        let (account, is_clear_text) = (account.as_deref(), self.is_clear_text());
        cx.out.report(Event::Login(Login { mechanism, account, is_clear_text, outcome }));
    }

    /// Reports that the server did not accept it, by a reply of POP3 or IMAP.
    pub(crate) fn report_failure(&self, reply: &[u8], cx: &mut Context<'_>) {
        let outcome = match self.is_cancelled {
            true => LoginOutcome::Cancelled,
            false if code(reply).is_some_and(|code| is_one_of(&NOT_TRIED, code)) => LoginOutcome::NotTried,
            false => LoginOutcome::RefusedByServer,
        };
        self.report(outcome, cx);
    }
}

/// Response codes that say nothing of the password: of POP3 (RFC 2449 §8.1, RFC 3206 §4) and IMAP (RFC 5530 §3).
const NOT_TRIED: [&[u8]; 9] = [
    b"IN-USE",
    b"LOGIN-DELAY",
    b"SYS/TEMP",
    b"SYS/PERM",
    b"UNAVAILABLE",
    b"INUSE",
    b"LIMIT",
    b"SERVERBUG",
    b"PRIVACYREQUIRED",
];

fn is_one_of(codes: &[&[u8]], code: &[u8]) -> bool {
    codes.iter().any(|of| code.eq_ignore_ascii_case(of))
}

/// `IN-USE` of `-ERR [IN-USE] the mailbox is locked`: the first words of a reply are its tag and status.
fn code(reply: &[u8]) -> Option<&[u8]> {
    let mut words = reply.split(|byte| *byte == b' ').skip(1);
    let word = words.by_ref().take(2).find(|word| word.starts_with(b"["))?;
    word.strip_prefix(b"[")?.split(|byte| *byte == b']').next()
}

/// The name of an account as it is compared, where that is asked.
pub(crate) fn account(name: &[u8], cx: &Context<'_>) -> Option<Box<[u8]>> {
    cx.config.limits_logins.then(|| sasl::account(name)).filter(|account| !account.is_empty())
}
