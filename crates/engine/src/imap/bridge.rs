//! What a replay needs of IMAP where a recording has holes: what a lost reply said is told by what the client said
//! next.

use proto::imap::command::Command;
use proto::imap::verb::Verb;

use super::watch::{Watch, What};
use super::{Asked, Awaited, Imap, State};
use crate::context::Context;
use crate::dialogue::Bridge;
use crate::event::LoginOutcome;

impl Bridge for Imap {
    fn assume(&mut self, next: &[u8], cx: &mut Context<'_>) -> bool {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Greeting => self.state = State::NotAuthenticated,
            State::Announced(literal) => self.state = State::Literal(literal),
            State::Found(mut watch, found) => {
                if let What::Literal(len) = found.what {
                    watch.skip(len);
                }
                self.state = State::Authenticated(watch);
            }
            state @ (State::NotAuthenticated | State::Left) => {
                self.state = state;
                return self.assume_end(next, cx);
            }
            state => {
                self.state = state;
                return false;
            }
        }
        true
    }

    fn pass_over(&mut self, _most: u64, _cx: &mut Context<'_>) -> u64 {
        0
    }

    fn lose(&mut self) {
        if matches!(self.state, State::Announced(_) | State::Literal(_) | State::Rest(_) | State::Exchange) {
            self.state = State::NotAuthenticated;
        }
    }

    fn data_awaited(&self) -> u64 {
        0
    }
}

impl Imap {
    /// The end of the oldest command was not recorded.
    fn assume_end(&mut self, next: &[u8], cx: &mut Context<'_>) -> bool {
        let Some(ended) = self.awaited.pop_front() else { return false };
        let line = next.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let goes_on = Command::read(line).verb;
        match ended.asked {
            Asked::Authenticate(attempt) if goes_on == Verb::Unknown && !next.is_empty() => {
                self.awaited.push_front(Awaited { asked: Asked::Authenticate(attempt), ..ended });
                self.state = State::Exchange;
            }
            Asked::Login(attempt) | Asked::Authenticate(attempt)
                if !goes_on.is_before_login() && goes_on != Verb::Unknown =>
            {
                attempt.report(LoginOutcome::Accepted, cx);
                self.state = State::Authenticated(Watch::default());
            }
            Asked::StartTls if next.starts_with(TLS) => {
                self.mailbox.agree_tls(cx);
                self.state = State::Tls;
            }
            _ => {}
        }
        true
    }
}

/// A record of a handshake, version 3.
const TLS: &[u8] = b"\x16\x03";
