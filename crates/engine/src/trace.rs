//! What `debug ip inspect` tells of a session: segments as they came, and what they were taken for.
//!
//! A trace reads along and decides nothing. Its lines tell lengths, numbers and known words, never text of a peer, so that
//! no password is among them; and they tell segments, so that another cut of the same bytes gives other lines.

mod mailbox;
mod smtp;

use std::fmt::Arguments;

use policy::model::Protocol;
use proto::Side;

use crate::event::{Event, LoginOutcome};
use mailbox::MailboxTrace;
use smtp::SmtpTrace;

/// The trace of one session, from its beginning.
#[derive(Debug)]
pub struct Trace(Kind);

#[derive(Debug)]
enum Kind {
    Smtp(SmtpTrace),
    Mailbox(MailboxTrace),
    /// Nothing is told any more.
    Over,
}

/// Where lines go, without their ends.
pub type Lines<'l> = dyn FnMut(Arguments<'_>) + 'l;

impl Trace {
    /// Of a session that begins; none of a protocol that is not inspected.
    pub fn of(protocol: Protocol) -> Option<Self> {
        match protocol {
            Protocol::Smtp => Some(Self(Kind::Smtp(SmtpTrace::default()))),
            Protocol::Pop3 | Protocol::Imap => Some(Self(Kind::Mailbox(MailboxTrace::new(protocol)))),
            Protocol::Tcp => None,
        }
    }

    /// A segment of a side, before it is judged.
    pub fn segment(&mut self, from: Side, bytes: &[u8], lines: &mut Lines<'_>) {
        match &mut self.0 {
            Kind::Smtp(trace) => trace.segment(from, bytes, lines),
            Kind::Mailbox(trace) => trace.segment(from, bytes, lines),
            Kind::Over => {}
        }
    }

    /// Something that was reported of the session.
    pub fn event(&mut self, event: &Event<'_>, lines: &mut Lines<'_>) {
        let Self(kind) = self;
        match (&*kind, event) {
            (Kind::Over, _) => {}
            (_, Event::Tls { .. }) => {
                lines(format_args!("CBAC {}: TLS - inspection ends", kind.name()));
                *kind = Kind::Over;
            }
            (Kind::Mailbox(_), Event::Login(login)) => {
                lines(format_args!("CBAC {}: LOGIN - {}", kind.name(), login.outcome.name()));
                if login.outcome == LoginOutcome::Accepted {
                    *kind = Kind::Over;
                }
            }
            _ => {}
        }
    }
}

impl Kind {
    const fn name(&self) -> &'static str {
        match self {
            Self::Smtp(_) | Self::Over => "SMTP",
            Self::Mailbox(trace) => trace.name(),
        }
    }
}

#[cfg(test)]
mod tests;
