//! A message on its way through a session of the engine: a client that waits for each reply, and a server that
//! accepts everything it knows.
//!
//! As the proxy does, this holds what the engine did not take and offers it again; when the engine wants a time,
//! it is that time.

use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use engine::event::{Anomaly, Match, Treatment};
use engine::{Effect, End, Event, Output, Session, SessionConfig, Wants};
use proto::{Side, Time};

use super::message::DataEncoder;

/// RFC 5737: an address that is nobody's.
const CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 40000);

/// Who sends, and to whom: without the angle brackets.
pub(super) struct Envelope<'e> {
    pub(super) helo: &'e str,
    pub(super) from: &'e str,
    pub(super) to: &'e [String],
}

/// What became of a message.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// What the client said and what it read, in order. A message is one step, and so is its end.
    pub(super) steps: Vec<Step>,
    /// Recipients that were accepted.
    pub(super) accepted: usize,
    /// Whether the server got the message, end and all.
    pub(super) is_delivered: bool,
}

#[derive(Debug)]
pub(super) struct Step {
    /// A command, `message` or `end of message`.
    pub(super) said: String,
    /// Without line ends; nothing where the client goes on without one, or was left without one.
    pub(super) reply: Vec<String>,
    pub(super) findings: Vec<Finding>,
}

/// What the session reports.
#[derive(Debug)]
pub(super) enum Finding {
    /// A class acted.
    Class {
        policy: String,
        class: String,
        criterion: String,
        value: Vec<u8>,
        action: &'static str,
        log: bool,
    },
    /// Conformance did.
    Anomaly { kind: &'static str, value: Vec<u8>, treatment: Treatment },
}

impl Step {
    /// Whether the reply is positive, or asks for more.
    pub(super) fn is_positive(&self) -> bool {
        self.reply.first().is_some_and(|line| line.starts_with(['2', '3']))
    }
}

/// Sends a message under a configuration. An error is of the file that is read.
pub(super) fn deliver(
    config: &Arc<SessionConfig>,
    envelope: &Envelope<'_>,
    message: impl Read,
) -> io::Result<Outcome> {
    let mut delivery = Delivery::new(config);
    delivery.converse(envelope, message)?;
    Ok(delivery.outcome)
}

struct Delivery {
    session: Session,
    now: Time,
    /// Of each side, what the engine did not take.
    client: Vec<u8>,
    server: Vec<u8>,
    peer: Peer,
    sent: Sent,
    outcome: Outcome,
}

impl Delivery {
    fn new(config: &Arc<SessionConfig>) -> Self {
        let now = Time(0);
        // The server of a test trusts nobody by address, and is not told one.
        let config = SessionConfig { send_xclient: false, ..SessionConfig::clone(config) };
        Self {
            session: Session::new(Arc::new(config), now),
            now,
            client: Vec::new(),
            server: Vec::new(),
            peer: Peer::default(),
            sent: Sent::default(),
            outcome: Outcome::default(),
        }
    }

    fn converse(&mut self, envelope: &Envelope<'_>, message: impl Read) -> io::Result<()> {
        self.session.connected(self.now, CLIENT, &mut self.sent);
        self.server.extend_from_slice(b"220 server.example ESMTP\r\n");
        self.step("connection".to_owned(), b"");
        if !self.command(format!("EHLO {}", envelope.helo)) {
            self.command(format!("HELO {}", envelope.helo));
        }
        if self.command(format!("MAIL FROM:<{}>", envelope.from)) {
            for to in envelope.to {
                let is_accepted = self.command(format!("RCPT TO:<{to}>"));
                self.outcome.accepted += usize::from(is_accepted);
            }
            if self.outcome.accepted > 0 && self.command("DATA".to_owned()) {
                self.message(message)?;
            }
        }
        self.command("QUIT".to_owned());
        for side in [Side::Client, Side::Server] {
            self.session.ended(self.now, side, End::Fin, &mut self.sent);
        }
        Ok(())
    }

    /// Says a command and reads the reply; whether it is positive. Says nothing to a session that is over.
    fn command(&mut self, line: String) -> bool {
        if self.sent.client_is_left {
            return false;
        }
        let said = [line.as_bytes(), b"\r\n"].concat();
        self.step(line, &said)
    }

    fn message(&mut self, mut message: impl Read) -> io::Result<()> {
        let mut encoder = DataEncoder::default();
        let mut piece = vec![0; PIECE];
        loop {
            let len = message.read(&mut piece)?;
            if len == 0 || self.sent.client_is_left {
                break;
            }
            let data = encoder.encode(piece.get(..len).unwrap_or_default());
            self.say(&data);
        }
        self.close_step("message".to_owned());
        self.step("end of message".to_owned(), encoder.end());
        self.outcome.is_delivered = self.peer.has_message;
        Ok(())
    }

    fn step(&mut self, name: String, said: &[u8]) -> bool {
        self.say(said);
        self.close_step(name)
    }

    /// What was read and reported since the last step belongs to this one.
    fn close_step(&mut self, said: String) -> bool {
        let reply = std::mem::take(&mut self.sent.to_client);
        let reply = reply.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let reply = reply.filter(|line| !line.is_empty());
        let step = Step {
            said,
            reply: reply.map(|line| String::from_utf8_lossy(line).into_owned()).collect(),
            findings: std::mem::take(&mut self.sent.findings),
        };
        let is_positive = step.is_positive();
        self.outcome.steps.push(step);
        is_positive
    }

    /// The client says something, and everything that follows from it happens.
    fn say(&mut self, said: &[u8]) {
        self.client.extend_from_slice(said);
        loop {
            let to_server = std::mem::take(&mut self.sent.to_server);
            self.peer.hear(&to_server, &mut self.server);
            let (from_server, from_client) = (self.offer(Side::Server), self.offer(Side::Client));
            if let (Wants::At(time), _) | (_, Wants::At(time)) = (from_server, from_client) {
                self.now = self.now.max(time);
                self.session.expire(self.now, &mut self.sent);
            } else if self.sent.to_server.is_empty() {
                return;
            }
        }
    }

    /// Offers what is held of a side, until no more of it is taken.
    fn offer(&mut self, from: Side) -> Wants {
        let held_max = self.session.config().bounds.held;
        let held = match from {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        let mut len = self.session.portion(from);
        loop {
            let portion = held.get(..len).unwrap_or(held);
            let took = self.session.offer(self.now, from, portion, &mut self.sent);
            let all_offered = portion.len() == held.len();
            held.drain(..took.bytes);
            match took.wants {
                Wants::Nothing => held.clear(),
                Wants::More if took.bytes > 0 && !held.is_empty() => {
                    len = self.session.portion(from);
                    continue;
                }
                // A unit longer than a portion.
                Wants::More if !all_offered => {
                    len = held_max;
                    continue;
                }
                Wants::More | Wants::Peer | Wants::At(_) => {}
            }
            return took.wants;
        }
    }
}

/// What the engine sends and reports, until it is looked at.
#[derive(Default)]
struct Sent {
    to_client: Vec<u8>,
    to_server: Vec<u8>,
    findings: Vec<Finding>,
    client_is_left: bool,
}

impl Output for Sent {
    fn emit(&mut self, effect: Effect<'_>) {
        match effect {
            Effect::Send { to: Side::Client, bytes, .. } => self.to_client.extend_from_slice(bytes),
            Effect::Send { to: Side::Server, bytes, .. } => self.to_server.extend_from_slice(bytes),
            Effect::Finish(Side::Client) | Effect::Abort(Side::Client) => self.client_is_left = true,
            Effect::Report(Event::Match(found)) if found.count == 1 => self.findings.push(class(&found)),
            Effect::Report(Event::Anomaly(found)) if found.count == 1 => self.findings.push(anomaly(&found)),
            Effect::Finish(Side::Server)
            | Effect::Abort(Side::Server)
            | Effect::Secure(_)
            | Effect::Report(_) => {}
        }
    }
}

fn class(found: &Match<'_>) -> Finding {
    Finding::Class {
        policy: found.policy.to_owned(),
        class: found.class.to_owned(),
        criterion: found.criterion.to_owned(),
        value: found.value.to_vec(),
        action: found.action_name(),
        log: found.log,
    }
}

fn anomaly(found: &Anomaly<'_>) -> Finding {
    Finding::Anomaly { kind: found.kind.name(), value: found.value.to_vec(), treatment: found.treatment }
}

/// The server: it accepts every sender, every recipient and every message.
#[derive(Default)]
struct Peer {
    /// The beginning of a command; of a message the last bytes.
    held: Vec<u8>,
    in_message: bool,
    has_message: bool,
}

impl Peer {
    fn hear(&mut self, said: &[u8], replies: &mut Vec<u8>) {
        self.held.extend_from_slice(said);
        if self.in_message {
            // RFC 5321 §4.1.1.4: the CRLF of the DATA command may be that before the dot.
            let is_end = self.held.ends_with(b"\r\n.\r\n") || self.held == b".\r\n";
            if is_end {
                (self.in_message, self.has_message) = (false, true);
                self.held.clear();
                replies.extend_from_slice(b"250 2.0.0 Accepted by the server\r\n");
            } else {
                let surplus = self.held.len().saturating_sub(b"\r\n.\r\n".len());
                self.held.drain(..surplus);
            }
            return;
        }
        while let Some(end) = self.held.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.held.drain(..=end).collect();
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            let reply: &[u8] = match verb.as_slice() {
                b"EHLO" => b"250-server.example\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
                b"HELO" | b"MAIL" | b"RCPT" => b"250 2.0.0 Ok\r\n",
                b"DATA" => {
                    self.in_message = true;
                    b"354 Go on\r\n"
                }
                b"QUIT" => b"221 2.0.0 Bye\r\n",
                _ => b"500 5.5.1 Unknown command\r\n",
            };
            replies.extend_from_slice(reply);
        }
    }
}

/// Bytes of a message that are read at a time.
const PIECE: usize = 32 << 10;
