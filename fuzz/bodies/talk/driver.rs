//! One session between two peers, driven as the proxy drives it, and what came out.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use engine::config::Watch;
use engine::event::{Anomaly, Match, MessageSize, Reason, Transaction};
use engine::{Effect, End, Event, Output, Session, SessionConfig, Wants};
use policy::criterion::CriterionKind;
use proto::{Side, Time};

use crate::cuts::Cuts;

use super::script::{Act, Script};
use super::{Client, MakePeers, Server};

const CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), 40112);

/// What the two peers and the administrator heard.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// By `Side as usize`.
    pub(crate) heard: [Heard; 2],
    pub(crate) reports: Vec<Report>,
    pub(crate) reason: Reason,
}

/// A report without what may depend on the cut: an example of octets that are judged as they come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Report {
    text: String,
    size: Option<MessageSize>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) octets: Vec<u8>,
    pub(crate) ending: Option<Ending>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Finish,
    Abort,
}

pub(crate) struct Dialogue<'s> {
    session: Session,
    cuts: Cuts<'s>,
    now: Time,
    closing: Option<Time>,
    peers: Peers,
}

/// Everything outside the session.
struct Peers {
    legs: [Leg; 2],
    reports: Vec<Report>,
    /// Absent where nothing is enforced: then nothing can be expected.
    server: Option<Box<dyn Server>>,
    /// Only in a polite script.
    client: Option<Box<dyn Client>>,
}

#[derive(Debug)]
struct Leg {
    /// Octets that the kernel has, and how the side ends behind them.
    arrived: Vec<u8>,
    end: Option<End>,
    held: Vec<u8>,
    wants: Wants,
    is_over: bool,
    end_told: bool,
    heard: Heard,
}

impl Report {
    fn of(event: Event<'_>) -> Self {
        let (text, size) = match event {
            Event::Anomaly(anomaly) => (format!("{:?}", Anomaly { value: b"", ..anomaly }), None),
            Event::Match(hit) if hit.kind == CriterionKind::Body => {
                (format!("{:?}", Match { value: b"", ..hit }), None)
            }
            Event::Transaction(transaction) => {
                (format!("{:?}", Transaction { message: None, ..transaction }), transaction.message)
            }
            event => (format!("{event:?}"), None),
        };
        Self { text, size }
    }
}

/// What a report shows of what was said.
const fn value_of<'b>(event: &Event<'b>) -> &'b [u8] {
    match event {
        Event::Anomaly(anomaly) => anomaly.value,
        Event::Match(hit) => hit.value,
        Event::Login(login) => login.mechanism,
        _ => b"",
    }
}

impl<'s> Dialogue<'s> {
    pub(crate) fn run(at: &Arc<SessionConfig>, script: &Script, cuts: Cuts<'s>, make: MakePeers) -> Outcome {
        let now = Time(1);
        let enforced = at.watch == Watch::Enforce;
        let (server, client) = make(at);
        let (server, client) = (enforced.then_some(server), (script.polite && enforced).then_some(client));
        let legs = [Leg::new(), Leg::new()];
        let peers = Peers { legs, reports: Vec::new(), server, client };
        let mut dialogue =
            Self { session: Session::new(Arc::clone(at), now), cuts, now, closing: None, peers };
        dialogue.turn(|session, now, peers| session.connected(now, CLIENT, peers));
        for act in &script.acts {
            if dialogue.is_over() {
                break;
            }
            dialogue.act(act);
        }
        dialogue.conclude();
        dialogue.peers.server.iter().for_each(|server| server.conclude());
        let Peers { legs: [client, server], mut reports, .. } = dialogue.peers;
        // Of a message that is refused more or less was read when that was known.
        if let (Some(last), Some(Ending::Abort)) = (reports.last_mut(), server.heard.ending) {
            last.size = None;
        }
        Outcome { heard: [client.heard, server.heard], reports, reason: dialogue.session.reason() }
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Says(side, octets) => self.arrive(*side, octets),
            Act::Next(choice) => {
                let said = self.peers.client.as_mut().map(|client| client.next(*choice));
                self.arrive(Side::Client, &said.unwrap_or_default());
            }
            Act::Answer(choice) => {
                let said = self.peers.server.as_mut().map(|server| server.answer(*choice));
                self.arrive(Side::Server, &said.unwrap_or_default());
            }
            Act::End(side, how) => {
                let leg = &mut self.peers.legs[*side as usize];
                leg.end = leg.end.or(Some(*how));
                self.pump();
            }
            Act::Seconds(seconds) => self.wait(*seconds),
            Act::Drain => {
                self.turn(|session, now, peers| session.drain(now, peers));
            }
        }
    }

    /// In a polite dialogue that still stands, every command has been answered once the server has.
    fn conclude(&mut self) {
        while self.peers.client.is_some() && self.peers.server.as_ref().is_some_and(|server| server.owes()) {
            let heard = |peers: &Peers| peers.legs.iter().map(|leg| leg.heard.octets.len()).sum::<usize>();
            let before = heard(&self.peers);
            self.act(&Act::Answer(0));
            if self.is_over() || heard(&self.peers) == before {
                break;
            }
        }
        let stands = self.peers.legs.iter().all(|leg| leg.heard.ending.is_none() && leg.end.is_none());
        if let (Some(client), true) = (&self.peers.client, stands) {
            assert_eq!(client.awaits(), 0, "commands without a reply");
        }
    }

    /// Octets arrive and are read as the session wants them.
    fn arrive(&mut self, side: Side, octets: &[u8]) {
        if self.peers.legs[side as usize].end.is_some() {
            return;
        }
        let mut rest = octets;
        while !rest.is_empty() {
            let mut len = self.cuts.next(rest.len());
            // What the client is waiting with may be said as soon as a line was answered: the lines of
            // the server come one by one, so that the order of the two sides is that of the script.
            if side == Side::Server && self.peers.legs[Side::Client as usize].wants == Wants::Peer {
                let line = rest.iter().position(|&octet| octet == b'\n').map_or(rest.len(), |lf| lf + 1);
                len = len.min(line);
            }
            let (now, later) = rest.split_at_checked(len).unwrap_or((rest, b""));
            if let (Side::Server, Some(server)) = (side, &mut self.peers.server) {
                server.says(now);
            }
            self.peers.legs[side as usize].arrived.extend_from_slice(now);
            rest = later;
            self.pump();
        }
    }

    /// Reads what can be read until nothing moves.
    fn pump(&mut self) {
        loop {
            let moved = self.read(Side::Client) | self.read(Side::Server);
            if !moved {
                break;
            }
            self.settle();
        }
    }

    fn read(&mut self, side: Side) -> bool {
        let is_open = self.is_open(side);
        let leg = &mut self.peers.legs[side as usize];
        let is_shut = leg.heard.ending.is_some();
        if leg.is_over || (!is_open && !is_shut) {
            return false;
        }
        if leg.arrived.is_empty() {
            match leg.end {
                None => return false,
                Some(End::Fin) => leg.is_over = true,
                Some(End::Reset) => {
                    leg.is_over = true;
                    leg.held.clear();
                    if !std::mem::replace(&mut leg.end_told, true) {
                        self.session.ended(self.now, side, End::Reset, &mut self.peers);
                    }
                }
            }
            return true;
        }
        let len = self.cuts.next(leg.arrived.len());
        let read: Vec<u8> = leg.arrived.drain(..len).collect();
        if leg.wants != Wants::Nothing || !is_shut {
            leg.held.extend(read);
            self.offer(side);
        }
        true
    }

    /// Whether what arrived of a side is read. A replay has no gate: it holds all that was said, and offers it
    /// when its turn comes.
    fn is_open(&self, side: Side) -> bool {
        let leg = &self.peers.legs[side as usize];
        let is_recorded = self.session.config().watch == Watch::Observe;
        leg.wants == Wants::More || is_recorded && leg.wants == Wants::Peer && !leg.arrived.is_empty()
    }

    fn offer(&mut self, side: Side) -> usize {
        let held = std::mem::take(&mut self.peers.legs[side as usize].held);
        let took = self.session.offer(self.now, side, &held, &mut self.peers);
        assert!(took.bytes <= held.len());
        let stuck = took == engine::Took { bytes: 0, wants: Wants::More };
        assert!(!stuck || held.len() < self.session.config().bounds.held, "more is held than may be");
        let leg = &mut self.peers.legs[side as usize];
        leg.wants = took.wants;
        if took.wants != Wants::Nothing && !leg.end_told {
            leg.held = held.get(took.bytes..).unwrap_or_default().to_vec();
        }
        took.bytes
    }

    fn settle(&mut self) {
        loop {
            let mut moved = false;
            for side in [Side::Client, Side::Server] {
                let leg = &self.peers.legs[side as usize];
                // What its peer said before comes first: the order of the two sides is that of the script.
                let peer = side.other();
                let peer_goes_on = self.is_open(peer) && !self.peers.legs[peer as usize].arrived.is_empty();
                if leg.waits() && !leg.end_told && !peer_goes_on {
                    moved |= self.offer(side) > 0;
                }
                moved |= self.tell_end(side);
            }
            if !moved {
                break;
            }
        }
        if self.closing.is_none() && self.are_shut() {
            self.closing = Some(self.now);
        }
    }

    fn tell_end(&mut self, side: Side) -> bool {
        let leg = &mut self.peers.legs[side as usize];
        let waits = leg.waits() && !leg.held.is_empty();
        if !leg.is_over || leg.end_told || waits {
            return false;
        }
        leg.end_told = true;
        leg.held.clear();
        self.session.ended(self.now, side, End::Fin, &mut self.peers);
        true
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now.plus_seconds(seconds);
        let deadline = match self.closing {
            Some(since) => since.plus_seconds(self.session.config().timers.linger),
            None => self.session.deadline(),
        };
        if self.now < deadline {
            return;
        }
        if self.closing.is_some() {
            self.peers.legs.iter_mut().for_each(|leg| leg.is_over = true);
        } else {
            self.turn(|session, now, peers| session.expire(now, peers));
            let rests = self.closing.is_some() || self.session.deadline() > self.now;
            assert!(rests, "a deadline that came is still there");
        }
    }

    fn turn(&mut self, work: impl FnOnce(&mut Session, Time, &mut Peers)) {
        work(&mut self.session, self.now, &mut self.peers);
        self.settle();
        self.pump();
    }

    fn are_shut(&self) -> bool {
        self.peers.legs.iter().all(|leg| leg.heard.ending.is_some())
    }

    fn is_over(&self) -> bool {
        self.are_shut() && self.peers.legs.iter().all(|leg| leg.is_over)
    }
}

impl Leg {
    /// Offered again once something else has happened.
    const fn waits(&self) -> bool {
        matches!(self.wants, Wants::Peer | Wants::At(_))
    }

    const fn new() -> Self {
        Self {
            arrived: Vec::new(),
            end: None,
            held: Vec::new(),
            wants: Wants::More,
            is_over: false,
            end_told: false,
            heard: Heard { octets: Vec::new(), ending: None },
        }
    }
}

impl Output for Peers {
    fn emit(&mut self, effect: Effect<'_>) {
        match effect {
            Effect::Send { to, bytes, .. } => {
                let heard = &mut self.legs[to as usize].heard;
                assert_eq!(heard.ending, None, "{} is sent after the ending", bytes.escape_ascii());
                assert!(!bytes.is_empty());
                heard.octets.extend_from_slice(bytes);
                match to {
                    Side::Client => self.client.iter_mut().for_each(|client| client.hears(bytes)),
                    Side::Server => self.server.iter_mut().for_each(|server| server.receives(bytes)),
                }
            }
            Effect::Finish(side) => self.end(side, Ending::Finish),
            Effect::Abort(side) => {
                self.end(side, Ending::Abort);
                let leg = &mut self.legs[side as usize];
                (leg.is_over, leg.end_told) = (true, true);
                leg.held.clear();
            }
            Effect::Secure(side) => panic!("the {side:?} is to begin TLS"),
            Effect::Report(event) => {
                self.server.iter_mut().for_each(|server| server.reported(value_of(&event)));
                self.reports.push(Report::of(event));
            }
        }
    }
}

impl Peers {
    fn end(&mut self, side: Side, ending: Ending) {
        let before = self.legs[side as usize].heard.ending.replace(ending);
        assert_eq!(before, None, "the {side:?} is ended twice");
    }
}
