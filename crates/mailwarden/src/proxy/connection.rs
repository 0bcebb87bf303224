//! Two legs and a session: reads what is ready, offers it, and does what the session says.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use engine::attachment::Inspect;
use engine::{Attachment, Effect, End, Output, Session, Wants};
use proto::{Side, Time};
use tokio::net::TcpStream;

use super::Target;
use super::leg::Leg;
use super::registry::Place;
use super::worker::{Scratch, Worker};
use crate::reporting::{SessionEnd, Ticket};

/// Octets a peer may still send after our last word before we stop being polite.
const LINGER_OCTETS: u64 = 1 << 20;

/// Small sends are gathered and leave together at the end of a turn; from this length on a send
/// goes straight from the buffer it was read into.
const STRAIGHT: usize = 2048;

/// Serves one accepted client to its end.
pub(crate) async fn serve(client: TcpStream, peer: SocketAddr, target: Rc<Target>, worker: Rc<Worker>) {
    let place = worker.registry.enter();
    let mut client_leg = Leg::new(client);
    if target.attachment.inspect == Inspect::Drop {
        return client_leg.abort();
    }
    let Some((server, address)) = reach(&target).await else {
        return refuse(client_leg, peer, &target, &worker, place).await;
    };
    let ticket = worker.ticket(peer, address);
    let mut connection = Connection {
        session: Session::new(Arc::clone(&target.attachment), worker.now()),
        at: Arc::clone(&target.attachment),
        legs: Legs { client: client_leg, server: Some(Leg::new(server)) },
        place,
        ticket,
        closing: None,
        lingered: 0,
        drained: false,
    };
    connection.run(&worker).await;
}

/// The first server that can be reached.
async fn reach(target: &Target) -> Option<(TcpStream, SocketAddr)> {
    let patience = Duration::from_secs(target.attachment.timers.connect);
    for &address in &target.servers {
        if let Ok(Ok(stream)) = tokio::time::timeout(patience, TcpStream::connect(address)).await {
            return Some((stream, address));
        }
    }
    None
}

/// No server: the client is told in place of a greeting.
async fn refuse(client: Leg, peer: SocketAddr, target: &Target, worker: &Worker, place: Place) {
    let address = target.servers.first().copied().unwrap_or(peer);
    let mut connection = Connection {
        session: Session::new(Arc::clone(&target.attachment), worker.now()),
        at: Arc::clone(&target.attachment),
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
    at: Arc<Attachment>,
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
        while !self.is_over() {
            self.legs.rest();
            self.place.set_deadline(self.deadline());
            poll_fn(|cx| self.poll_turn(cx, worker)).await;
        }
        let (to_client, to_server) = self.legs.sent();
        let end = SessionEnd {
            reason: self.session.reason(),
            bytes_client: to_server,
            bytes_server: to_client,
            duration: worker.now().since(self.ticket.started),
        };
        worker.reporter.session_end(&self.ticket, self.session.attachment(), &end);
    }

    /// One turn: writes what a socket takes, reads what an open gate has, and looks at the time.
    /// Ready when anything moved; woken by the registry, that is the time or the drain.
    fn poll_turn(&mut self, cx: &mut Context<'_>, worker: &Worker) -> Poll<()> {
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

    /// A side is read while the session wants more of it and nothing it could fill is full. After
    /// our last word it is read to be thrown away.
    fn is_gate_open(&self, side: Side) -> bool {
        let Some(leg) = self.legs.get(side) else { return false };
        !leg.is_over
            && match leg.wants {
                Wants::More => !leg.is_full() && !self.legs.get(side.other()).is_some_and(Leg::is_full),
                // Not even of a leg that can no longer be written to: all it had sent would be held.
                Wants::Peer => false,
                Wants::Nothing => leg.is_leaving(),
            }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, side: Side, worker: &Worker) -> bool {
        if !self.is_gate_open(side) {
            return false;
        }
        let mut scratch = worker.scratch.borrow_mut();
        let Scratch { read, gather } = &mut *scratch;
        let Some(leg) = self.legs.get_mut(side) else { return false };
        let room = self.at.bounds.held.saturating_sub(leg.held.len()).clamp(1, read.len());
        let read = read.get_mut(..room).unwrap_or_default();
        match leg.poll_read(cx, read) {
            Poll::Pending => return false,
            Poll::Ready(Ok(0)) => leg.is_over = true,
            Poll::Ready(Ok(len)) => {
                let bytes = read.get(..len).unwrap_or_default();
                if leg.wants == Wants::Nothing {
                    self.lingered += len as u64;
                } else if leg.held.is_empty() {
                    self.offer(side, bytes, true, worker, gather);
                } else {
                    leg.held.extend_from_slice(bytes);
                    let held = std::mem::take(&mut leg.held);
                    self.offer_held(side, held, worker, gather);
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

    /// Offers octets; what is not taken is held.
    fn offer(
        &mut self,
        side: Side,
        bytes: &[u8],
        keep: bool,
        worker: &Worker,
        gather: &mut [Vec<u8>; 2],
    ) -> usize {
        let mut sink = Sink { legs: &mut self.legs, gather, ticket: &self.ticket, at: &self.at, worker };
        let took = self.session.offer(worker.now(), side, bytes, &mut sink);
        sink.flush();
        let Some(leg) = self.legs.get_mut(side) else { return took.bytes };
        leg.wants = took.wants;
        if keep && took.wants != Wants::Nothing {
            leg.held.extend_from_slice(bytes.get(took.bytes..).unwrap_or_default());
        }
        took.bytes
    }

    fn offer_held(
        &mut self,
        side: Side,
        mut held: Vec<u8>,
        worker: &Worker,
        gather: &mut [Vec<u8>; 2],
    ) -> usize {
        let taken = self.offer(side, &held, false, worker, gather);
        let Some(leg) = self.legs.get_mut(side) else { return taken };
        if leg.wants != Wants::Nothing {
            held.drain(..taken);
            leg.held = held;
        }
        taken
    }

    /// After anything happened: sides that waited for their peer are offered again until nothing
    /// moves, and a side that is over is told to be.
    fn settle(&mut self, worker: &Worker) {
        let mut scratch = worker.scratch.borrow_mut();
        let gather = &mut scratch.gather;
        loop {
            let mut moved = false;
            for side in [Side::Client, Side::Server] {
                let Some(leg) = self.legs.get_mut(side) else { continue };
                if leg.wants == Wants::Peer && !leg.end_told {
                    let held = std::mem::take(&mut leg.held);
                    moved |= self.offer_held(side, held, worker, gather) > 0;
                }
                moved |= self.tell_end(side, worker, gather);
            }
            if !moved {
                break;
            }
        }
        self.note_closing(worker);
    }

    /// Tells the session that a side is over, once nothing of it waits for its peer.
    fn tell_end(&mut self, side: Side, worker: &Worker, gather: &mut [Vec<u8>; 2]) -> bool {
        let Some(leg) = self.legs.get_mut(side) else { return false };
        let waits = leg.wants == Wants::Peer && !leg.held.is_empty();
        if !leg.is_over || leg.end_told || waits {
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
            let mut scratch = worker.scratch.borrow_mut();
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
            Some(since) => since.plus_seconds(self.session.attachment().timers.linger),
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
    at: &'s Attachment,
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
