//! Two legs and a session: reads what is ready, offers it, and does what the session says.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use engine::config::Inspect;
use engine::{Effect, End, Output, Session, SessionConfig, Wants};
use proto::{Side, Time};
use tokio::net::TcpStream;
use tokio::task::yield_now;

use super::Target;
use super::leg::Leg;
use super::registry::Place;
use super::worker::{Scratch, Worker};
use crate::report::{SessionEnd, Ticket};

/// Octets a peer may still send after our last word before we stop being polite.
const LINGER_OCTETS: u64 = 1 << 20;

/// Small sends are gathered and leave together at the end of a turn; from this length on a send
/// goes straight from the buffer it was read into.
const STRAIGHT: usize = 2048;

/// Turns that a session may take in a row while others wait. A few, so that neither a thousand short
/// commands nor a long message is felt by them, and the price of waiting in line is lost in a turn's.
const TURNS: usize = 4;

/// Serves one accepted client to its end.
pub(crate) async fn serve(
    client: TcpStream,
    peer: SocketAddr,
    target: Rc<Target>,
    place: Place,
    worker: Rc<Worker>,
) {
    let mut client_leg = Leg::accepted(client);
    if target.config.inspect == Inspect::Drop {
        return client_leg.abort();
    }
    if target.config.inspect == Inspect::Smtp {
        client_leg.expect_replies();
    }
    let (server, address) = match reach(&target).await {
        Ok(reached) => reached,
        Err(why) => {
            let proxy = &target.config.name;
            worker.reporter.trouble(&format!("proxy {proxy}: no server for client {peer}: {why}"));
            return refuse(client_leg, peer, &target, &worker, place).await;
        }
    };
    worker.look_at_the_clock();
    let ticket = worker.ticket(peer, address);
    let mut connection = Connection {
        session: Session::new(Arc::clone(&target.config), worker.now()),
        at: Arc::clone(&target.config),
        legs: Legs { client: client_leg, server: Some(Leg::connected(server)) },
        place,
        ticket,
        closing: None,
        lingered: 0,
        drained: false,
    };
    connection.run(&worker).await;
}

/// The first server that can be reached, or why none can.
async fn reach(target: &Target) -> Result<(TcpStream, SocketAddr), String> {
    let seconds = target.config.timers.connect;
    let mut why = Vec::new();
    for &address in &target.servers {
        let connecting = tokio::time::timeout(Duration::from_secs(seconds), TcpStream::connect(address));
        match connecting.await {
            Ok(Ok(stream)) => return Ok((stream, address)),
            Ok(Err(error)) => why.push(format!("{address}: {error}")),
            Err(_) => why.push(format!("{address}: no answer in {seconds} seconds")),
        }
    }
    Err(why.join(", "))
}

/// No server: the client is told in place of a greeting.
async fn refuse(client: Leg, peer: SocketAddr, target: &Target, worker: &Worker, place: Place) {
    worker.look_at_the_clock();
    let address = target.servers.first().copied().unwrap_or(peer);
    let mut connection = Connection {
        session: Session::new(Arc::clone(&target.config), worker.now()),
        at: Arc::clone(&target.config),
        legs: Legs { client, server: None },
        place,
        ticket: worker.ticket(peer, address),
        closing: None,
        lingered: 0,
        drained: false,
    };
    connection.turn(worker, |session, now, out| session.unreachable(now, out));
    connection.run(worker).await;
}

struct Connection {
    session: Session,
    at: Arc<SessionConfig>,
    legs: Legs,
    place: Place,
    ticket: Ticket,
    /// When both sides had been sent our last, or last took some of it.
    closing: Option<Time>,
    /// Octets thrown away since.
    lingered: u64,
    /// The session was told that the daemon goes down.
    drained: bool,
}

struct Legs {
    client: Leg,
    /// Absent when no server could be reached.
    server: Option<Leg>,
}

impl Connection {
    async fn run(&mut self, worker: &Worker) {
        if self.legs.server.is_some() {
            self.turn(worker, |session, now, out| session.connected(now, out));
        }
        let mut turns: usize = 0;
        while !self.is_over() {
            self.legs.rest();
            self.place.set_deadline(self.deadline());
            poll_fn(|cx| self.poll_turn(cx, worker)).await;
            turns += 1;
            if turns.is_multiple_of(TURNS) {
                yield_now().await;
            }
        }
        let (to_client, to_server) = self.legs.sent();
        let end = SessionEnd {
            reason: self.session.reason(),
            bytes_client: to_server,
            bytes_server: to_client,
            duration: worker.now().since(self.ticket.started),
        };
        worker.reporter.session_end(&self.ticket, self.session.config(), &end);
    }

    /// One turn: writes what a socket takes, reads what an open gate has, and looks at the time.
    /// Ready when anything moved; woken by the registry, that is the time or the drain.
    fn poll_turn(&mut self, cx: &mut Context<'_>, worker: &Worker) -> Poll<()> {
        worker.look_at_the_clock();
        self.place.listen(cx);
        let mut moved = self.legs.poll_write_pending(cx);
        if moved && self.closing.is_some() {
            self.closing = Some(worker.now());
        }
        moved |= self.poll_read(cx, Side::Client, worker);
        moved |= self.poll_read(cx, Side::Server, worker);
        if moved {
            self.settle(worker);
        }
        if worker.now() >= self.deadline() {
            moved = true;
            self.expire(worker);
        }
        if worker.draining.get() && !self.drained {
            moved = true;
            self.turn(worker, |session, now, out| session.drain(now, out));
            self.drained = true;
        }
        if moved { Poll::Ready(()) } else { Poll::Pending }
    }

    /// A side is read while the session wants more of it and what comes of it has somewhere to go.
    /// After our last word it is read to be thrown away.
    fn is_gate_open(&self, side: Side) -> bool {
        let Some(leg) = self.legs.get(side) else { return false };
        !leg.is_over
            && match leg.wants {
                Wants::More => !leg.paused && self.has_room(side),
                // Not even of a leg that can no longer be written to: all it had sent would be held.
                Wants::Peer => false,
                Wants::Nothing => leg.is_leaving(),
            }
    }

    /// Whether the other side takes what this one says, and this one, in a dialogue, what it is answered.
    fn has_room(&self, side: Side) -> bool {
        let is_full = |side| self.legs.get(side).is_some_and(Leg::is_full);
        let is_answered = side == Side::Client && self.session.portion(side) < usize::MAX;
        !(is_full(side.other()) || is_answered && is_full(side))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, side: Side, worker: &Worker) -> bool {
        if !self.is_gate_open(side) {
            return false;
        }
        let mut scratch = worker.scratch();
        let Scratch { read, gather } = &mut *scratch;
        let portion = self.session.portion(side);
        let Some(leg) = self.legs.get_mut(side) else { return false };
        let room = self.at.bounds.held.saturating_sub(leg.held.len()).clamp(1, read.len());
        let buffer = read.get_mut(..room.min(portion)).unwrap_or_default();
        match leg.poll_read(cx, buffer) {
            Poll::Pending => return false,
            Poll::Ready(Ok(0)) => leg.is_over = true,
            Poll::Ready(Ok(len)) => {
                let bytes = buffer.get(..len).unwrap_or_default();
                if leg.wants == Wants::Nothing {
                    self.lingered += len as u64;
                } else if leg.held.is_empty() {
                    let taken = self.offer(side, bytes, worker, gather);
                    self.hold(side, |held| held.extend_from_slice(bytes.get(taken..).unwrap_or_default()));
                } else {
                    leg.held.extend_from_slice(bytes);
                    self.offer_held(side, worker, gather);
                }
            }
            Poll::Ready(Err(_)) => {
                leg.lose();
                if !std::mem::replace(&mut leg.end_told, true) {
                    let mut sink =
                        Sink { legs: &mut self.legs, gather, ticket: &self.ticket, at: &self.at, worker };
                    self.session.ended(worker.now(), side, End::Reset, &mut sink);
                    sink.flush();
                }
            }
        }
        true
    }

    /// Offers octets, a portion at a time, until all were seen, or the session wants something else
    /// first, or nobody takes what comes of them. How many are done with.
    fn offer(&mut self, side: Side, bytes: &[u8], worker: &Worker, gather: &mut [Vec<u8>; 2]) -> usize {
        let mut taken = 0;
        let mut portions: usize = 1;
        loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            let most = self.session.portion(side).saturating_mul(portions);
            let portion = rest.get(..most).unwrap_or(rest);
            let mut sink = Sink { legs: &mut self.legs, gather, ticket: &self.ticket, at: &self.at, worker };
            let took = self.session.offer(worker.now(), side, portion, &mut sink);
            sink.flush();
            taken += took.bytes;
            let goes_on = took.wants == Wants::More && portion.len() < rest.len();
            let paused = goes_on && !self.has_room(side);
            if let Some(leg) = self.legs.get_mut(side) {
                leg.wants = took.wants;
                leg.paused = paused;
            }
            if !goes_on || paused {
                return taken;
            }
            // A unit that is longer than a portion is seen whole.
            portions = if took.bytes == 0 { portions * 2 } else { 1 };
        }
    }

    fn offer_held(&mut self, side: Side, worker: &Worker, gather: &mut [Vec<u8>; 2]) -> usize {
        let Some(leg) = self.legs.get_mut(side) else { return 0 };
        let mut held = std::mem::take(&mut leg.held);
        let taken = self.offer(side, &held, worker, gather);
        held.drain(..taken);
        self.hold(side, |place| *place = held);
        taken
    }

    /// Keeps what was not taken, if anybody will ever want it.
    fn hold(&mut self, side: Side, keep: impl FnOnce(&mut Vec<u8>)) {
        if let Some(leg) = self.legs.get_mut(side)
            && leg.wants != Wants::Nothing
        {
            keep(&mut leg.held);
        }
    }

    /// After anything happened: sides that waited for their peer, or for room, are offered again until
    /// nothing moves, and a side that is over is told to be.
    fn settle(&mut self, worker: &Worker) {
        let mut scratch = worker.scratch();
        let gather = &mut scratch.gather;
        loop {
            let mut moved = false;
            for side in [Side::Client, Side::Server] {
                let Some(leg) = self.legs.get(side) else { continue };
                if leg.waits() && !leg.end_told && self.has_room(side) {
                    moved |= self.offer_held(side, worker, gather) > 0;
                }
                moved |= self.tell_end(side, worker, gather);
            }
            if !moved {
                break;
            }
        }
        self.note_closing(worker);
    }

    /// Tells the session that a side is over, once nothing of it waits.
    fn tell_end(&mut self, side: Side, worker: &Worker, gather: &mut [Vec<u8>; 2]) -> bool {
        let Some(leg) = self.legs.get_mut(side) else { return false };
        if !leg.is_over || leg.end_told || leg.waits() && !leg.held.is_empty() {
            return false;
        }
        leg.end_told = true;
        leg.held = Vec::new();
        let mut sink = Sink { legs: &mut self.legs, gather, ticket: &self.ticket, at: &self.at, worker };
        self.session.ended(worker.now(), side, End::Fin, &mut sink);
        sink.flush();
        true
    }

    fn turn(&mut self, worker: &Worker, work: impl FnOnce(&mut Session, Time, &mut dyn Output)) {
        {
            let mut scratch = worker.scratch();
            let mut sink = Sink {
                legs: &mut self.legs,
                gather: &mut scratch.gather,
                ticket: &self.ticket,
                at: &self.at,
                worker,
            };
            work(&mut self.session, worker.now(), &mut sink);
            sink.flush();
        }
        self.settle(worker);
    }

    fn expire(&mut self, worker: &Worker) {
        if self.closing.is_some() {
            self.legs.abort();
        } else {
            self.turn(worker, |session, now, out| session.expire(now, out));
        }
    }

    fn deadline(&self) -> Time {
        match self.closing {
            Some(since) => since.plus_seconds(self.session.config().timers.linger),
            None => self.session.deadline(),
        }
    }

    fn note_closing(&mut self, worker: &Worker) {
        if self.closing.is_none() && self.legs.are_leaving() {
            self.closing = Some(worker.now());
        }
    }

    fn is_over(&self) -> bool {
        self.legs.are_shut() && (self.legs.are_over() || self.lingered > LINGER_OCTETS)
    }
}

impl Legs {
    fn get(&self, side: Side) -> Option<&Leg> {
        match side {
            Side::Client => Some(&self.client),
            Side::Server => self.server.as_ref(),
        }
    }

    fn get_mut(&mut self, side: Side) -> Option<&mut Leg> {
        match side {
            Side::Client => Some(&mut self.client),
            Side::Server => self.server.as_mut(),
        }
    }

    fn poll_write_pending(&mut self, cx: &mut Context<'_>) -> bool {
        let client = self.client.poll_write_pending(cx);
        self.server.as_mut().is_some_and(|server| server.poll_write_pending(cx)) | client
    }

    fn are_leaving(&self) -> bool {
        self.client.is_leaving() && self.server.as_ref().is_none_or(Leg::is_leaving)
    }

    fn are_shut(&self) -> bool {
        self.client.is_shut() && self.server.as_ref().is_none_or(Leg::is_shut)
    }

    fn are_over(&self) -> bool {
        self.client.is_over && self.server.as_ref().is_none_or(|server| server.is_over)
    }

    fn abort(&mut self) {
        self.client.abort();
        if let Some(server) = &mut self.server {
            server.abort();
        }
    }

    fn rest(&mut self) {
        self.client.rest();
        if let Some(server) = &mut self.server {
            server.rest();
        }
    }

    /// Octets sent to the client and to the server.
    fn sent(&self) -> (u64, u64) {
        (self.client.sent, self.server.as_ref().map_or(0, |server| server.sent))
    }
}

/// Does what a session says.
struct Sink<'s> {
    legs: &'s mut Legs,
    gather: &'s mut [Vec<u8>; 2],
    ticket: &'s Ticket,
    at: &'s SessionConfig,
    worker: &'s Worker,
}

impl Sink<'_> {
    fn flush(&mut self) {
        self.flush_side(Side::Client);
        self.flush_side(Side::Server);
    }

    fn flush_side(&mut self, side: Side) {
        let Some(gathered) = self.gather.get_mut(side as usize) else { return };
        if gathered.is_empty() {
            return;
        }
        if let Some(leg) = self.legs.get_mut(side) {
            leg.write(gathered);
        }
        gathered.clear();
    }
}

impl Output for Sink<'_> {
    fn emit(&mut self, effect: Effect<'_>) {
        match effect {
            Effect::Send { to, bytes, .. } if bytes.len() >= STRAIGHT => {
                self.flush_side(to);
                if let Some(leg) = self.legs.get_mut(to) {
                    leg.write(bytes);
                }
            }
            Effect::Send { to, bytes, .. } => {
                if let Some(gathered) = self.gather.get_mut(to as usize) {
                    gathered.extend_from_slice(bytes);
                }
            }
            Effect::Finish(side) => {
                self.flush_side(side);
                if let Some(leg) = self.legs.get_mut(side) {
                    leg.finish();
                }
            }
            Effect::Abort(side) => {
                if let Some(gathered) = self.gather.get_mut(side as usize) {
                    gathered.clear();
                }
                if let Some(leg) = self.legs.get_mut(side) {
                    leg.abort();
                }
            }
            Effect::Report(event) => self.worker.reporter.report(self.ticket, self.at, &event),
        }
    }
}
