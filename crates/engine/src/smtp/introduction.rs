//! `send-xclient`: the server is told who its client is before it hears anything of that client.
//!
//! Postfix XCLIENT_README: behind the server's greeting we say EHLO (to LMTP servers LHLO), and XCLIENT with the client's address; the server
//! greets again, and is as if nothing had been said to it. That greeting is the client's, and of what came before it
//! neither side learns. A server that was not told would take every client for this host, and trust it as such: the
//! session ends instead.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use proto::smtp::extension::keyword_of;
use proto::smtp::reply::{self, BlockBounds, ReplyLine};
use proto::{Progress, Side};

use super::{Server, Smtp};
use crate::config::SessionConfig;
use crate::context::Context;
use crate::dialogue::Step;
use crate::effect::Wants;
use crate::event::AnomalyKind;
use crate::refusal::Cause;
use crate::replies::After;

/// How far the server has been told.
#[derive(Debug)]
pub(super) struct Introduction {
    client: SocketAddr,
    lmtp: bool,
    awaits: Awaits,
}

/// What the server says next.
#[derive(Clone, Copy, Debug)]
enum Awaits {
    Greeting,
    /// The reply to our greeting.
    Capabilities,
    /// The reply to XCLIENT, which is a greeting.
    SecondGreeting,
}

/// What follows a reply of the server.
enum Next {
    Say(String, Awaits),
    /// The server knows its client: the reply is the greeting of the session.
    Introduced,
    Refused,
}

impl Introduction {
    pub(super) fn of(client: SocketAddr, config: &SessionConfig) -> Box<Self> {
        Box::new(Self { client, lmtp: config.lmtp, awaits: Awaits::Greeting })
    }

    fn answered(&self, reply: &[u8]) -> Next {
        let lines = || reply.split(|&byte| byte == b'\n').map(|line| ReplyLine::read(line.trim_ascii_end()));
        let code = lines().next().flatten().map(|line| line.code);
        match (self.awaits, code) {
            (Awaits::Greeting, Some(220)) => Next::Say(self.greeting(), Awaits::Capabilities),
            (Awaits::Capabilities, Some(250)) => {
                let mut keywords = lines().skip(1).flatten().map(|line| line.text);
                let offer = keywords.find(|text| keyword_of(text).eq_ignore_ascii_case(b"XCLIENT"));
                match offer.and_then(|offer| xclient(offer, self.client)) {
                    Some(command) => Next::Say(command, Awaits::SecondGreeting),
                    None => Next::Refused,
                }
            }
            (Awaits::SecondGreeting, Some(220)) => Next::Introduced,
            (Awaits::Greeting | Awaits::Capabilities | Awaits::SecondGreeting, _) => Next::Refused,
        }
    }

    /// The only name for the client that is known to be right is its address (RFC 5321 §4.1.3).
    fn greeting(&self) -> String {
        let verb = if self.lmtp { "LHLO" } else { "EHLO" };
        match self.client.ip() {
            IpAddr::V4(address) => format!("{verb} [{address}]\r\n"),
            IpAddr::V6(address) => format!("{verb} [IPv6:{address}]\r\n"),
        }
    }
}

impl Smtp {
    pub(super) fn introduction_step(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        // The client has left: nothing more is said to the server.
        if self.ends.is_finished(Side::Server) {
            return Step::Took(input.len());
        }
        let bounds = &cx.config.bounds;
        let bounds = BlockBounds {
            lines: bounds.capability_lines,
            octets: bounds.capability_bytes,
            line: bounds.reply_line,
            lenient: false,
        };
        let (reply, len) = match reply::block(input, bounds) {
            Progress::NeedMore => return Step::Wants(Wants::More),
            Progress::Oversize { len, .. } => (&b""[..], len),
            Progress::Unit { unit, len } => (unit, len),
        };
        let Server::Introduction(introduction) = &mut self.server else { return Step::Took(0) };
        match introduction.answered(reply) {
            Next::Say(command, awaits) => {
                introduction.awaits = awaits;
                cx.out.tell_server(command.as_bytes());
                Step::Took(len)
            }
            Next::Introduced => {
                self.server = Server::Replies;
                Step::Took(0)
            }
            Next::Refused => {
                self.not_introduced(reply, cx);
                Step::Took(len)
            }
        }
    }

    /// The client learns no more than that there is no service; why stands in the log.
    fn not_introduced(&mut self, reply: &[u8], cx: &mut Context<'_>) {
        let last = reply.trim_ascii_end().rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
        self.anomaly(AnomalyKind::XclientRefused, Side::Server, last, cx);
        self.note_refusal(cx);
        let refusal = self.because_of(AnomalyKind::XclientRefused, Cause::Unreachable);
        self.last_reply_now_then(refusal, After::Reset, cx);
    }
}

/// The command for a line `XCLIENT NAME ADDR …` of a reply to EHLO; nothing where no address can be told.
fn xclient(offer: &[u8], client: SocketAddr) -> Option<String> {
    let offers = |attribute: &[u8]| {
        let mut words = offer.split(|byte| byte.is_ascii_whitespace()).skip(1);
        words.any(|word| word.eq_ignore_ascii_case(attribute))
    };
    if !offers(b"ADDR") {
        return None;
    }
    let mut command = match client.ip() {
        IpAddr::V4(address) => format!("XCLIENT ADDR={address}"),
        IpAddr::V6(address) => format!("XCLIENT ADDR=IPV6:{address}"),
    };
    if offers(b"PORT") {
        let _ = write!(command, " PORT={}", client.port());
    }
    if offers(b"NAME") {
        // A name that is not replaced stays ours, which the server may trust.
        command.push_str(" NAME=[UNAVAILABLE]");
    }
    command.push_str("\r\n");
    Some(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_told_what_it_offers_to_hear() {
        let v4: SocketAddr = "192.0.2.7:40112".parse().unwrap();
        let v6: SocketAddr = "[2001:db8::7]:40112".parse().unwrap();
        let table = [
            ("XCLIENT ADDR", v4, Some("XCLIENT ADDR=192.0.2.7\r\n")),
            ("xclient port addr", v4, Some("XCLIENT ADDR=192.0.2.7 PORT=40112\r\n")),
            (
                "XCLIENT NAME ADDR PROTO HELO PORT LOGIN",
                v6,
                Some("XCLIENT ADDR=IPV6:2001:db8::7 PORT=40112 NAME=[UNAVAILABLE]\r\n"),
            ),
            ("XCLIENT NAME PORT", v4, None),
            ("XCLIENT", v4, None),
        ];
        for (offer, client, command) in table {
            assert_eq!(xclient(offer.as_bytes(), client).as_deref(), command, "{offer}");
        }
        let greeting = |client, lmtp| {
            Introduction::of(client, &SessionConfig { lmtp, ..SessionConfig::default() }).greeting()
        };
        assert_eq!(greeting(v4, false), "EHLO [192.0.2.7]\r\n");
        assert_eq!(greeting(v6, true), "LHLO [IPv6:2001:db8::7]\r\n");
    }
}
