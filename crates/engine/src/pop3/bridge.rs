//! What a replay needs of POP3 where a recording has holes: what a lost reply said is told by what the client said
//! next.

use proto::pop3::command::Command;

use super::quit::QuitWatch;
use super::{Asked, Awaited, Opening, Pop3, State, User};
use crate::context::Context;
use crate::dialogue::Bridge;
use crate::event::LoginOutcome;

impl Bridge for Pop3 {
    fn assume(&mut self, next: &[u8], cx: &mut Context<'_>) -> bool {
        if matches!(self.state, State::Exchange(_)) {
            return false;
        }
        let Some(Awaited { asked, number }) = self.awaited.pop_front() else {
            let State::Left { answered } = &mut self.state else { return false };
            return !std::mem::replace(answered, true);
        };
        let goes_on = GoesOn::with(next);
        match (asked, goes_on) {
            (Asked::Greeting, _) => self.state = State::Authorization(User::None),
            (Asked::Auth(mut exchange), GoesOn::Data) if !next.is_empty() => {
                exchange.is_open = true;
                self.awaited.push_front(Awaited { asked: Asked::Auth(exchange), number });
                self.state = State::Exchange(Opening::Challenged);
            }
            (Asked::Password(attempt), GoesOn::LoggedIn) => {
                attempt.report(LoginOutcome::Accepted, cx);
                self.state = State::Transaction(QuitWatch::default());
            }
            (Asked::Auth(exchange), GoesOn::LoggedIn) => {
                exchange.attempt.report(LoginOutcome::Accepted, cx);
                self.state = State::Transaction(QuitWatch::default());
            }
            (Asked::Stls, GoesOn::Data) if next.starts_with(TLS) => {
                self.mailbox.agree_tls(cx);
                self.state = State::Tls;
            }
            _ => {}
        }
        true
    }

    fn pass_over(&mut self, _most: u64, _cx: &mut Context<'_>) -> u64 {
        0
    }

    fn lose(&mut self) {
        if matches!(self.state, State::Exchange(_)) {
            self.state = State::Authorization(User::None);
        }
    }

    fn data_awaited(&self) -> u64 {
        0
    }
}

/// A record of a handshake, version 3.
const TLS: &[u8] = b"\x16\x03";

/// With what a client went on.
enum GoesOn {
    /// A command that it may say before it is logged in.
    Before,
    /// One that makes sense behind the login only.
    LoggedIn,
    /// No command.
    Data,
}

impl GoesOn {
    fn with(next: &[u8]) -> Self {
        match Command::read(next).verb.row().map(|row| row.before_login) {
            Some(true) => Self::Before,
            Some(false) => Self::LoggedIn,
            None => Self::Data,
        }
    }
}
