//! Why something is refused. Each protocol puts it into words of its own.

use std::num::NonZeroU16;

use policy::RuleId;
use policy::criterion::{CriterionKind, RefusalReason};

use crate::inspector::Acted;
use crate::smtp::offer::Locked;

/// A refusal that the client gets to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) cause: Cause,
    /// The rule that refused; its class is named under `refusals detail`.
    pub(crate) rule: Option<RuleId>,
    /// Which reference of the session it ends with; none where nothing was reported.
    pub(crate) reference: Option<NonZeroU16>,
}

/// What is refused, or what failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// No server could be reached, or it closed before its greeting.
    Unreachable,
    /// A balancer did not say, or not well, who the client is.
    NoProxyHeader,
    ServerLost,
    ShuttingDown,
    Idle,
    /// The server answered a message before its end.
    AnsweredEarly,
    /// The server did not answer in time.
    Unanswered,
    /// A command line over its bound.
    LineTooLong,
    /// A command line so far over its bound that its end is not waited for.
    EndlessLine,
    ControlCharacter,
    BareLineFeed,
    /// A command line with bytes above 127 and without SMTPUTF8.
    EightBit,
    /// A command before its turn.
    OutOfTurn,
    /// RCPT, DATA or BDAT outside of a transaction.
    NoTransaction,
    /// A command that its transaction does not allow now.
    OutOfOrder,
    /// A path that some server takes for a command.
    HostilePath,
    UnreadablePath,
    /// A parameter whose extension was masked.
    LockedParameter(Locked),
    /// A BDAT command whose size cannot be read.
    BadChunk,
    /// A message that violates the standards.
    MessageFormat,
    /// A message with lines that are not the protocol's: its sender does not speak it.
    MessageFraming,
    /// The server sent something that is no reply.
    BadReply,
    /// More commands were refused or masked than one session may.
    TooManyRefused,
    /// A command after a refusal that ends the session.
    Closing,
    /// The client did not leave after a refusal.
    NotLeaving,
    /// QUIT, where we answer for the server. No refusal, but a reply of ours like the others.
    Farewell,
    /// Recipients over a limit, where the session goes on.
    SurplusRecipient,
    /// More recipients over a limit than are answered one by one.
    TooManySurplus,
    /// Recipients over a limit, where the session ends.
    RecipientLimit,
    InvalidRecipientLimit,
    /// A command that would have to wait too long because of a rule that paces.
    TooFast,
    /// A command of a mailbox that is not valid before the login.
    NotBeforeLogin,
    /// A login that shows the password.
    ClearTextLogin,
    /// A login to an account to which too many have failed.
    AccountBlocked,
    /// A command after QUIT or LOGOUT.
    AfterLeaving,
    /// A literal whose length is over its limit or cannot be read.
    BadLiteral,
    BadTag,
    /// A server that takes its client for logged in from the beginning.
    Preauth,
    Sender,
    Recipient,
    Command,
    Message,
    HeaderTooLong,
    LineTooLongInMessage,
    TooMuchData,
}

impl Cause {
    /// A refusal by a rule.
    pub(crate) const fn by(self, acted: Acted) -> Refusal {
        Refusal { cause: self, rule: Some(acted.rule), reference: acted.reference }
    }

    /// A refusal because of what was reported with this reference.
    pub(crate) const fn reported(self, reference: Option<NonZeroU16>) -> Refusal {
        Refusal { cause: self, rule: None, reference }
    }

    /// Why a rule on the content of a message refuses; `kind` is what its condition asks.
    pub(crate) const fn of_message(kind: Option<CriterionKind>) -> Self {
        let Some(kind) = kind else { return Self::Message };
        match kind.row().refusal {
            RefusalReason::HeaderTooLong => Self::HeaderTooLong,
            RefusalReason::LineTooLong => Self::LineTooLongInMessage,
            RefusalReason::TooMuchData => Self::TooMuchData,
            RefusalReason::Policy | RefusalReason::RecipientLimit | RefusalReason::InvalidRecipientLimit => {
                Self::Message
            }
        }
    }
}

impl From<Cause> for Refusal {
    fn from(cause: Cause) -> Self {
        cause.reported(None)
    }
}
