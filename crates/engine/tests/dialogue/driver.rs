//! The two peers, and the part of the program that stands between sockets and session.
//!
//! Gates, holds, re-offers and endings are those of `mailwarden`'s `proxy/connection.rs`; sockets
//! are queues, and time passes when it is told to. What a driver may rely on is checked here on
//! every call: how much is taken, that held octets are bounded, and that a deadline that has come
//! does not stay in the past.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use engine::{End, Session, SessionConfig, Took, Wants};
use proto::{Side, Time};

use super::record::{Ending, Record};

/// The client, as the server is told of it.
const CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), 40112);

#[derive(Debug)]
pub(crate) struct Driver {
    session: Session,
    legs: [Leg; 2],
    now: Time,
    held_max: usize,
    held_most: usize,
    pub(crate) record: Record,
}

#[derive(Debug)]
struct Leg {
    /// Said by the peer, and not read yet.
    socket: VecDeque<Said>,
    held: Vec<u8>,
    wants: Wants,
    is_over: bool,
    end_told: bool,
    is_shut: bool,
}

#[derive(Debug)]
enum Said {
    Octets(Vec<u8>),
    End(End),
}

impl Driver {
    /// A session whose server was reached.
    pub(crate) fn connected(config: &Arc<SessionConfig>) -> Self {
        let mut driver = Self::new(config);
        driver.session.connected(driver.now, CLIENT, &mut driver.record);
        driver
    }

    /// A session whose server has asked for a message.
    pub(crate) fn in_message(config: &Arc<SessionConfig>) -> Self {
        let mut driver = Self::connected(config);
        driver.say(Side::Server, b"220 mx ESMTP\r\n");
        for command in ["HELO a\r\n", "MAIL FROM:<a@example.test>\r\n", "RCPT TO:<b@example.test>\r\n"] {
            driver.say(Side::Client, command.as_bytes());
            driver.say(Side::Server, b"250 ok\r\n");
        }
        driver.say(Side::Client, b"DATA\r\n");
        driver.say(Side::Server, b"354 go on\r\n");
        driver
    }

    /// The client says a message of whole lines, dots stuffed, and its end.
    pub(crate) fn say_message(&mut self, message: &[u8]) {
        let lines = message.split_inclusive(|&byte| byte == b'\n');
        let stuffed = lines.flat_map(|line| [if line.starts_with(b".") { &b"."[..] } else { b"" }, line]);
        self.say(Side::Client, &[&stuffed.collect::<Vec<_>>().concat()[..], b".\r\n"].concat());
    }

    /// A session whose server was not reached.
    pub(crate) fn unreachable(config: &Arc<SessionConfig>) -> Self {
        let mut driver = Self::new(config);
        driver.leg(Side::Server).abort();
        driver.session.unreachable(driver.now, &mut driver.record);
        driver.after_call();
        driver.settle();
        driver
    }

    fn new(config: &Arc<SessionConfig>) -> Self {
        let leg = || Leg {
            socket: VecDeque::new(),
            held: Vec::new(),
            wants: Wants::More,
            is_over: false,
            end_told: false,
            is_shut: false,
        };
        Self {
            session: Session::new(Arc::clone(config), Time(0)),
            legs: [leg(), leg()],
            now: Time(0),
            held_max: config.bounds.held,
            held_most: 0,
            record: Record::default(),
        }
    }

    /// A peer says something, in one segment.
    pub(crate) fn say(&mut self, side: Side, octets: &[u8]) {
        self.leg(side).socket.push_back(Said::Octets(octets.to_vec()));
        self.pump();
    }

    /// A peer says its last.
    pub(crate) fn end(&mut self, side: Side, how: End) {
        self.leg(side).socket.push_back(Said::End(how));
        self.pump();
    }

    /// Time passes; what is due on the way is done when it is due.
    pub(crate) fn wait(&mut self, seconds: u64) {
        let until = self.now.plus_seconds(seconds);
        while !self.is_shut() && self.session.deadline() <= until {
            self.now = self.now.max(self.session.deadline());
            self.session.expire(self.now, &mut self.record);
            self.after_call();
            self.settle();
            self.pump();
            if !self.is_shut() && self.session.deadline() <= self.now {
                self.record.offences.push("a deadline stays in the past".to_owned());
                break;
            }
        }
        self.now = until;
        self.pump();
    }

    /// The daemon goes down.
    pub(crate) fn drain(&mut self) {
        self.session.drain(self.now, &mut self.record);
        self.after_call();
        self.settle();
        self.pump();
    }

    /// Both sides have heard our last.
    pub(crate) fn is_shut(&self) -> bool {
        self.legs.iter().all(|leg| leg.is_shut)
    }

    /// Both peers have said their last, and the session knows.
    pub(crate) fn is_over(&self) -> bool {
        self.legs.iter().all(|leg| leg.end_told)
    }

    /// The most octets that were ever held of a side.
    pub(crate) const fn held_most(&self) -> usize {
        self.held_most
    }

    pub(crate) fn reason(&self) -> &'static str {
        self.session.reason().name()
    }

    fn leg(&mut self, side: Side) -> &mut Leg {
        &mut self.legs[side as usize]
    }

    /// Reads what open gates have until nothing moves.
    fn pump(&mut self) {
        loop {
            let client = self.read(Side::Client);
            let server = self.read(Side::Server);
            if !client && !server {
                return;
            }
            self.settle();
        }
    }

    fn read(&mut self, side: Side) -> bool {
        let portion = self.session.portion(side);
        let held_max = self.held_max;
        let leg = self.leg(side);
        let gate = match leg.wants {
            Wants::More => true,
            Wants::Peer | Wants::At(_) => false,
            Wants::Nothing => leg.is_shut,
        };
        if leg.is_over || !gate {
            return false;
        }
        match leg.socket.pop_front() {
            None => return false,
            Some(Said::End(End::Fin)) => leg.is_over = true,
            Some(Said::End(End::Reset)) => {
                leg.is_over = true;
                leg.held.clear();
                if !std::mem::replace(&mut leg.end_told, true) {
                    self.session.ended(self.now, side, End::Reset, &mut self.record);
                    self.after_call();
                }
            }
            Some(Said::Octets(_)) if leg.wants == Wants::Nothing => {}
            Some(Said::Octets(mut octets)) => {
                let room = held_max.saturating_sub(leg.held.len()).max(1).min(portion);
                let later = octets.split_off(room.min(octets.len()));
                if !later.is_empty() {
                    leg.socket.push_front(Said::Octets(later));
                }
                leg.held.extend_from_slice(&octets);
                self.offer(side);
            }
        }
        true
    }

    /// Offers what is held, a portion at a time; what is not taken stays. Whether any of it was taken.
    fn offer(&mut self, side: Side) -> bool {
        let held = std::mem::take(&mut self.leg(side).held);
        self.held_most = self.held_most.max(held.len());
        let mut taken = 0;
        let mut portions: usize = 1;
        let wants = loop {
            let rest = &held[taken..];
            let portion = rest.get(..self.session.portion(side).saturating_mul(portions)).unwrap_or(rest);
            let Took { bytes, wants } = self.session.offer(self.now, side, portion, &mut self.record);
            assert!(bytes <= portion.len(), "{bytes} of {} octets were taken", portion.len());
            taken += bytes;
            if wants != Wants::More || portion.len() == rest.len() {
                break wants;
            }
            // A unit that is longer than a portion is seen whole.
            portions = if bytes == 0 { portions * 2 } else { 1 };
        };
        let left = held.len() - taken;
        if wants == Wants::More && left >= self.held_max {
            self.record.offences.push(format!("more of {side:?} is wanted while {left} octets are held"));
        }
        let leg = self.leg(side);
        leg.wants = wants;
        if wants != Wants::Nothing {
            leg.held = held[taken..].to_vec();
        }
        self.after_call();
        taken > 0
    }

    /// Does what the session said about endings.
    fn after_call(&mut self) {
        for side in [Side::Client, Side::Server] {
            let ending = self.record.stream(side).ending;
            match ending {
                Some(Ending::Abort) => self.leg(side).abort(),
                Some(Ending::Finish) => self.leg(side).is_shut = true,
                None => {}
            }
        }
    }

    /// Sides that waited for their peer, or for a time, are offered again until nothing moves, and a side that is
    /// over is told to be.
    fn settle(&mut self) {
        loop {
            let mut moved = false;
            for side in [Side::Client, Side::Server] {
                if self.leg(side).waits() && !self.leg(side).end_told {
                    moved |= self.offer(side);
                }
                moved |= self.tell_end(side);
            }
            if !moved {
                return;
            }
        }
    }

    fn tell_end(&mut self, side: Side) -> bool {
        let leg = self.leg(side);
        let waits = leg.waits() && !leg.held.is_empty();
        if !leg.is_over || leg.end_told || waits {
            return false;
        }
        leg.end_told = true;
        leg.held.clear();
        self.session.ended(self.now, side, End::Fin, &mut self.record);
        self.after_call();
        true
    }
}

impl Leg {
    /// Offered again once something else has happened.
    const fn waits(&self) -> bool {
        matches!(self.wants, Wants::Peer | Wants::At(_))
    }

    fn abort(&mut self) {
        self.is_over = true;
        self.end_told = true;
        self.is_shut = true;
        self.held.clear();
        self.socket.clear();
    }
}
