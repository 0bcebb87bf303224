//! Two endpoints and a session: reads what is ready, offers it, and does what the session says.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use engine::event::Event;
use engine::{Effect, End, Output, Session, SessionConfig, TlsFailure, Wants};
use proto::{Side, Time};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use super::admit::{logged_in, refuse, refuses_login};
use super::beginning::{Beginning, Begun, begin};
use super::endpoint::Endpoint;
use super::sessions::SessionEntry;
use super::share::{Share, Ticket};
use super::worker::{Scratch, Worker};
use crate::report::SessionEnd;

/// Bytes a peer may still send after everything was sent to it, before the connection is closed regardless.
const LINGER_BYTES: u32 = 1 << 20;

/// Small sends are gathered and leave together at the end of a turn; from this length on a send
/// goes straight from the buffer it was read into.
const DIRECT_WRITE_MIN: usize = 2048;

/// Bytes gathered for a side that do not wait for the end of the turn.
const GATHERED_MAX: usize = 4 << 10;

/// Portions of a dialogue that are read at once: a group of a hundred pipelined commands.
const PORTIONS_READ: usize = 2;

/// Serves a client that was admitted, to its end, which makes `room` for another.
///
/// How it begins is a future of its own, whose room the connection takes over: what an idle connection keeps is the
/// larger of the two.
#[allow(clippy::manual_async_fn, reason = "an async fn would keep what it was given twice, while it waits")]
pub(super) fn serve(
    room: Option<OwnedSemaphorePermit>,
    client: TcpStream,
    entry: SessionEntry,
    worker: Rc<Worker>,
) -> impl Future<Output = ()> {
    async move {
        // What `match` looks at would be kept as long as its arm runs, a second connection.
        let begun = match begin(&client, &entry, &worker).await {
            Ok(begun) => begun,
            Err(refusal) => return refusal.iter().for_each(|refusal| refuse(&client, refusal)),
        };
        {
            // One point alone at which it waits: what is kept over several is given no room that was used before.
            let mut connection = Connection::new(client, begun, entry, &worker);
            poll_fn(|cx| connection.poll(cx, &worker)).await;
        }
        drop(room);
    }
}

struct Connection {
    session: Session,
    at: Arc<SessionConfig>,
    endpoints: Endpoints,
    entry: SessionEntry,
    share: Share,
    /// It waits for its turn, having used its share.
    waits: Option<Ticket>,
    /// What was being offered when it had used its share is to be offered when its turn comes.
    cut_short: bool,
    /// When everything had been given to both sides, or one of them last took some of it.
    closing: Option<Time>,
    /// Bytes discarded since.
    lingered: u32,
    /// The session knows that the daemon is stopping, or that it must go.
    drained: bool,
    /// How often something was read of each side.
    reads: [u32; 2],
    /// Since when bytes of the client wait to go on, while some do.
    held_since: Option<Time>,
}

struct Endpoints {
    client: Endpoint,
    /// Absent when no server could be reached.
    server: Option<Endpoint>,
    /// The side with which the session wants TLS.
    secure: Option<Side>,
}

impl Connection {
    fn new(client: TcpStream, begun: Begun, entry: SessionEntry, worker: &Worker) -> Self {
        let Begun { target, server, said, how } = begun;
        worker.update_now();
        if server.is_none() {
            entry.ending(worker.now());
        }
        let config = Arc::clone(&target.config);
        let reference = entry.info().id.reference();
        let mut connection = Self {
            session: Session::named(Arc::clone(&config), worker.now(), reference),
            at: config,
            endpoints: Endpoints { client: Endpoint::client(client, said), server, secure: None },
            entry,
            share: Share::default(),
            waits: None,
            cut_short: false,
            closing: None,
            lingered: 0,
            drained: false,
            reads: [0; 2],
            held_since: None,
        };
        if worker.debugging.is_on() {
            let (now, info) = (worker.now(), connection.entry.info());
            worker.debugging.begin(now, &info, &connection.at, &worker.recorder);
        }
        connection.turn(worker, |session, now, out| match how {
            Beginning::Connected(client) => session.connected(now, client, out),
            Beginning::Unreachable => session.unreachable(now, out),
            Beginning::Refused(kind, value) => session.refused(now, kind, &value, out),
        });
        connection.endpoints.release_buffers();
        connection.update_entry(worker);
        connection
    }

    /// One turn after the other, until the session is over.
    fn poll(&mut self, cx: &mut Context<'_>, worker: &Worker) -> Poll<()> {
        while !self.is_over() {
            if let Some(ticket) = self.waits {
                ready!(worker.poll_for_turn(ticket));
                self.waits = None;
            }
            ready!(self.poll_turn(cx, worker));
            self.after_turn(cx, worker);
        }
        self.report_end(worker);
        Poll::Ready(())
    }

    /// The session may sleep now, or has to wait.
    fn after_turn(&mut self, cx: &Context<'_>, worker: &Worker) {
        self.endpoints.release_buffers();
        self.update_entry(worker);
        if worker.is_spent(&self.share) && !self.is_over() {
            self.waits = Some(worker.wait_for_turn(&mut self.share, cx));
        }
    }

    fn update_entry(&self, worker: &Worker) {
        self.entry.update(worker.now(), self.deadline(), self.endpoints.sent(), self.reads);
    }

    fn report_end(&self, worker: &Worker) {
        let [to_client, to_server] = self.endpoints.sent();
        let end = SessionEnd {
            reason: self.session.reason(),
            bytes_client: to_server,
            bytes_server: to_client,
            reads: self.reads,
            counts: self.session.counts(),
            duration: worker.now().since(self.entry.info().started),
        };
        if worker.debugging.is_on() {
            worker.debugging.end(worker.now(), &self.entry.info(), &self.at, &worker.recorder);
        }
        worker.recorder.session_end(worker.now(), &self.entry.info(), self.session.config(), end);
    }

    /// One turn: writes what a socket takes, reads what an open gate has, and looks at the time.
    /// Ready when anything moved; woken through the table of sessions, that is the time or the drain.
    fn poll_turn(&mut self, cx: &mut Context<'_>, worker: &Worker) -> Poll<()> {
        worker.update_now();
        worker.count(&mut self.share);
        self.entry.wake_with(cx);
        let mut moved = self.endpoints.poll_write_pending(cx);
        if moved && self.closing.is_some() {
            self.closing = Some(worker.now());
        }
        moved |= self.poll_read(cx, Side::Client, worker);
        moved |= self.poll_read(cx, Side::Server, worker);
        moved |= std::mem::take(&mut self.cut_short);
        if moved {
            self.settle(worker);
        }
        // The entry's is a comparison, the session's is worked out; what moved may have put it off.
        if worker.now() >= self.entry.deadline() && worker.now() >= self.deadline() {
            moved = true;
            self.expire(worker);
        }
        if self.entry.is_evicted() && !self.drained {
            moved = true;
            self.turn(worker, |session, now, out| session.clear(now, out));
            self.drained = true;
        } else if worker.draining.get() && !self.drained {
            moved = true;
            self.turn(worker, |session, now, out| session.drain(now, out));
            self.drained = true;
        }
        if !moved {
            self.share.sleep();
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// A side is read while the session wants more of it and what comes of it has somewhere to go.
    /// Once everything was sent to it, it is read and discarded.
    fn is_gate_open(&self, side: Side) -> bool {
        let Some(endpoint) = self.endpoints.get(side) else { return false };
        !endpoint.read_closed
            && match endpoint.wants {
                Wants::More => !endpoint.paused && self.has_room(side),
                // Not even of an endpoint that can no longer be written to: all it had sent would be held.
                Wants::Peer | Wants::At(_) => false,
                Wants::Nothing => endpoint.write_closing(),
            }
    }

    /// Whether the other side takes what this one says, and this one, in a dialogue, what it is answered.
    fn has_room(&self, side: Side) -> bool {
        let is_full = |side| self.endpoints.get(side).is_some_and(Endpoint::is_full);
        let is_answered = || side == Side::Client && self.session.portion(side) < usize::MAX;
        !(is_full(side.other()) || is_full(side) && is_answered())
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, side: Side, worker: &Worker) -> bool {
        if !self.is_gate_open(side) {
            return false;
        }
        if !self.endpoints.get_mut(side).is_some_and(|endpoint| endpoint.poll_readable(cx)) {
            return false;
        }
        let mut scratch = worker.scratch();
        let Scratch { read, gather } = &mut *scratch;
        let portion = self.portion(side).saturating_mul(PORTIONS_READ);
        let pending = self.endpoints.get(side.other()).map_or(0, Endpoint::pending);
        let Some(endpoint) = self.endpoints.get_mut(side) else { return false };
        let room = room(read.len(), pending, self.at.bounds.held, endpoint.held.len());
        let buffer = read.get_mut(..room.min(portion)).unwrap_or_default();
        match endpoint.poll_read(cx, buffer) {
            Poll::Pending => return false,
            // Its end, and nothing else.
            Poll::Ready(Ok(0)) => {}
            Poll::Ready(Ok(len)) => {
                let bytes = buffer.get(..len).unwrap_or_default();
                if let Some(reads) = self.reads.get_mut(side as usize) {
                    *reads = reads.saturating_add(1);
                }
                let lingers = endpoint.wants == Wants::Nothing;
                if worker.debugging.is_on() && !lingers {
                    let (info, segment) = (self.entry.info(), (side, bytes));
                    worker.debugging.segment(worker.now(), &info, &self.at, &worker.recorder, segment);
                }
                let Some(endpoint) = self.endpoints.get_mut(side) else { return true };
                if lingers {
                    self.lingered = self.lingered.saturating_add(u32::try_from(len).unwrap_or(u32::MAX));
                } else if endpoint.held.is_empty() {
                    let taken = self.offer(side, bytes, worker, gather);
                    if let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
                        self.hold(side, |held| held.extend_from_slice(rest));
                    }
                    self.count_hold(side, taken, worker);
                } else {
                    endpoint.held.extend_from_slice(bytes);
                    self.offer_held(side, worker, gather);
                }
            }
            Poll::Ready(Err(_)) => {
                endpoint.mark_reset();
                if !std::mem::replace(&mut endpoint.close_reported, true) {
                    let mut sink = EndpointSink {
                        endpoints: &mut self.endpoints,
                        gather,
                        entry: &self.entry,
                        at: &self.at,
                        worker,
                    };
                    self.session.ended(worker.now(), side, End::Reset, &mut sink);
                    sink.flush();
                }
            }
        }
        true
    }

    /// Offers bytes, a portion at a time, until all were seen, or the session wants something else first, or
    /// nobody takes what comes of them, or others have their turn first. How many are done with.
    fn offer(&mut self, side: Side, bytes: &[u8], worker: &Worker, gather: &mut [Vec<u8>; 2]) -> usize {
        let mut taken = 0;
        let mut portions: usize = 1;
        loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            let most = self.portion(side).saturating_mul(portions);
            let portion = rest.get(..most).unwrap_or(rest);
            let mut sink = EndpointSink {
                endpoints: &mut self.endpoints,
                gather,
                entry: &self.entry,
                at: &self.at,
                worker,
            };
            let took = self.session.offer(worker.now(), side, portion, &mut sink);
            taken += took.bytes;
            self.share.offered(portion.len());
            let goes_on = took.wants == Wants::More && portion.len() < rest.len();
            if goes_on {
                worker.update_now();
                worker.count(&mut self.share);
            }
            if gather.iter().any(|gathered| gathered.len() >= GATHERED_MAX) {
                self.endpoints.flush(gather);
            }
            // Something was done with, or it would never be.
            let cut_short = goes_on && taken > 0 && worker.is_spent(&self.share);
            self.cut_short |= cut_short;
            let paused = cut_short || goes_on && !self.has_room(side);
            if let Some(endpoint) = self.endpoints.get_mut(side) {
                endpoint.wants = took.wants;
                endpoint.paused = paused;
            }
            if !goes_on || paused {
                self.endpoints.flush(gather);
                return taken;
            }
            // A unit that is longer than a portion is seen whole.
            portions = if took.bytes == 0 { portions * 2 } else { 1 };
        }
    }

    fn offer_held(&mut self, side: Side, worker: &Worker, gather: &mut [Vec<u8>; 2]) -> usize {
        let Some(endpoint) = self.endpoints.get_mut(side) else { return 0 };
        let mut held = std::mem::take(&mut endpoint.held);
        let taken = self.offer(side, &held, worker, gather);
        held.drain(..taken);
        self.hold(side, |entry| *entry = held);
        self.count_hold(side, taken, worker);
        taken
    }

    /// Counts how long bytes of the client have waited that went on now, and notes since when others wait. A part of a
    /// unit whose rest is still to come waits for its sender, not for us.
    fn count_hold(&mut self, side: Side, went_on: usize, worker: &Worker) {
        if side == Side::Server {
            return;
        }
        let now = worker.now();
        let client = &self.endpoints.client;
        let waits = !client.held.is_empty() && (client.wants != Wants::More || client.paused);
        if went_on > 0 {
            let since = self.held_since.unwrap_or(now);
            worker.recorder.held(self.entry.info().attachment, now.since(since));
            self.held_since = None;
        }
        self.held_since = waits.then_some(self.held_since.unwrap_or(now));
    }

    /// Bytes of a side that are offered at once.
    fn portion(&self, side: Side) -> usize {
        self.session.portion(side).min(self.share.portion())
    }

    /// Keeps what was not taken, if anybody will ever want it.
    fn hold(&mut self, side: Side, keep: impl FnOnce(&mut Vec<u8>)) {
        if let Some(endpoint) = self.endpoints.get_mut(side)
            && endpoint.wants != Wants::Nothing
        {
            keep(&mut endpoint.held);
        }
    }

    /// After anything happened: sides that waited for their peer, or for room, are offered again until
    /// nothing moves, and the end of a side is reported to the session.
    fn settle(&mut self, worker: &Worker) {
        let mut scratch = worker.scratch();
        let gather = &mut scratch.gather;
        loop {
            let mut moved = self.refuse_tls(worker, gather);
            for side in [Side::Client, Side::Server] {
                let Some(endpoint) = self.endpoints.get(side) else { continue };
                let waits = endpoint.waits() && !endpoint.close_reported && self.has_room(side);
                if waits && !self.cut_short {
                    moved |= self.offer_held(side, worker, gather) > 0;
                }
                moved |= self.report_close(side, worker, gather);
            }
            if !moved {
                break;
            }
        }
        self.note_closing(worker);
    }

    /// There is no TLS here yet: a session that asks for it learns so.
    fn refuse_tls(&mut self, worker: &Worker, gather: &mut [Vec<u8>; 2]) -> bool {
        let Some(side) = self.endpoints.secure.take() else { return false };
        let mut sink =
            EndpointSink { endpoints: &mut self.endpoints, gather, entry: &self.entry, at: &self.at, worker };
        self.session.secured(worker.now(), side, Err(TlsFailure::Unavailable), &mut sink);
        sink.flush();
        true
    }

    /// Reports the end of a side to the session, once the session wants more of it. The kernel may announce
    /// the end with bytes that wait for the peer.
    fn report_close(&mut self, side: Side, worker: &Worker, gather: &mut [Vec<u8>; 2]) -> bool {
        let Some(endpoint) = self.endpoints.get_mut(side) else { return false };
        if !endpoint.read_closed || endpoint.close_reported || endpoint.waits() {
            return false;
        }
        endpoint.close_reported = true;
        endpoint.held = Vec::new();
        let mut sink =
            EndpointSink { endpoints: &mut self.endpoints, gather, entry: &self.entry, at: &self.at, worker };
        self.session.ended(worker.now(), side, End::Fin, &mut sink);
        sink.flush();
        true
    }

    fn turn(&mut self, worker: &Worker, work: impl FnOnce(&mut Session, Time, &mut dyn Output)) {
        {
            let mut scratch = worker.scratch();
            let mut sink = EndpointSink {
                endpoints: &mut self.endpoints,
                gather: &mut scratch.gather,
                entry: &self.entry,
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
            self.endpoints.abort();
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
        if self.closing.is_none() && self.endpoints.are_write_closing() {
            self.closing = Some(worker.now());
            self.entry.closing();
        }
    }

    fn is_over(&self) -> bool {
        self.endpoints.are_shut() && (self.endpoints.are_read_closed() || self.lingered > LINGER_BYTES)
    }
}

impl Endpoints {
    fn get(&self, side: Side) -> Option<&Endpoint> {
        match side {
            Side::Client => Some(&self.client),
            Side::Server => self.server.as_ref(),
        }
    }

    fn get_mut(&mut self, side: Side) -> Option<&mut Endpoint> {
        match side {
            Side::Client => Some(&mut self.client),
            Side::Server => self.server.as_mut(),
        }
    }

    fn poll_write_pending(&mut self, cx: &mut Context<'_>) -> bool {
        let client = self.client.poll_write_pending(cx);
        self.server.as_mut().is_some_and(|server| server.poll_write_pending(cx)) | client
    }

    /// Writes what was gathered.
    fn flush(&mut self, gather: &mut [Vec<u8>; 2]) {
        self.flush_side(Side::Client, gather);
        self.flush_side(Side::Server, gather);
    }

    fn flush_side(&mut self, side: Side, gather: &mut [Vec<u8>; 2]) {
        let Some(gathered) = gather.get_mut(side as usize) else { return };
        if gathered.is_empty() {
            return;
        }
        if let Some(endpoint) = self.get_mut(side) {
            endpoint.write(gathered);
        }
        gathered.clear();
    }

    fn are_write_closing(&self) -> bool {
        self.client.write_closing() && self.server.as_ref().is_none_or(Endpoint::write_closing)
    }

    fn are_shut(&self) -> bool {
        self.client.is_shut() && self.server.as_ref().is_none_or(Endpoint::is_shut)
    }

    fn are_read_closed(&self) -> bool {
        self.client.read_closed && self.server.as_ref().is_none_or(|server| server.read_closed)
    }

    fn abort(&mut self) {
        self.client.abort();
        if let Some(server) = &mut self.server {
            server.abort();
        }
    }

    fn release_buffers(&mut self) {
        self.client.release_buffers();
        if let Some(server) = &mut self.server {
            server.release_buffers();
        }
    }

    /// Bytes sent to the client and to the server.
    fn sent(&self) -> [u64; 2] {
        [self.client.sent, self.server.as_ref().map_or(0, |server| server.sent)]
    }
}

/// Bytes to read at most into a buffer of so many: with them, what waits for the peer stays below the length of the
/// buffer, and what is held below its bound. At least one, since a gate that is open moves.
fn room(buffer: usize, pending: usize, held_max: usize, held: usize) -> usize {
    buffer.saturating_sub(pending).min(held_max.saturating_sub(held)).max(1)
}

/// Carries out a session's effects.
struct EndpointSink<'s> {
    endpoints: &'s mut Endpoints,
    gather: &'s mut [Vec<u8>; 2],
    entry: &'s SessionEntry,
    at: &'s SessionConfig,
    worker: &'s Worker,
}

impl EndpointSink<'_> {
    fn flush(&mut self) {
        self.endpoints.flush(self.gather);
    }

    fn flush_side(&mut self, side: Side) {
        self.endpoints.flush_side(side, self.gather);
    }
}

impl Output for EndpointSink<'_> {
    fn emit(&mut self, effect: Effect<'_>) {
        match effect {
            Effect::Send { to, bytes, .. } if bytes.len() >= DIRECT_WRITE_MIN => {
                self.flush_side(to);
                if let Some(endpoint) = self.endpoints.get_mut(to) {
                    endpoint.write(bytes);
                }
            }
            Effect::Send { to, bytes, .. } => {
                if let Some(gathered) = self.gather.get_mut(to as usize) {
                    gathered.extend_from_slice(bytes);
                }
            }
            Effect::Finish(side) => {
                self.flush_side(side);
                if let Some(endpoint) = self.endpoints.get_mut(side) {
                    endpoint.finish();
                }
            }
            Effect::Abort(side) => {
                if let Some(gathered) = self.gather.get_mut(side as usize) {
                    gathered.clear();
                }
                if let Some(endpoint) = self.endpoints.get_mut(side) {
                    endpoint.abort();
                }
            }
            Effect::Secure(side) => self.endpoints.secure = Some(side),
            Effect::Report(event) => {
                let debugging = &self.worker.debugging;
                if debugging.is_on() {
                    let (now, info) = (self.worker.now(), self.entry.info());
                    debugging.event(now, &info, self.at, &self.worker.recorder, &event);
                }
                self.worker.recorder.event(self.worker.now(), &self.entry.info(), self.at, &event);
                if let Event::Login(login) = &event
                    && self.at.limits_logins
                {
                    logged_in(login, self.entry, self.worker);
                }
            }
        }
    }

    fn is_blocked(&mut self, account: &[u8]) -> bool {
        refuses_login(account, self.entry, self.worker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_task_of_a_session_takes_a_kilobyte() {
        fn size<A, B, C, D, F>(_: fn(A, B, C, D) -> F) -> usize {
            size_of::<F>()
        }
        // The runtime adds 104 bytes, and rounds up to 128.
        assert_eq!((size(serve) + 104).div_ceil(128) * 128, 1024, "{}", size(serve));
    }

    #[test]
    fn a_read_leaves_no_more_than_a_buffer_to_wait_for_the_peer() {
        let table = [
            ((64, 0, 80, 0), 64),
            ((64, 15, 80, 0), 49),
            ((64, 0, 80, 70), 10),
            ((64, 60, 80, 70), 4),
            ((64, 64, 80, 0), 1),
            ((64, 0, 80, 90), 1),
        ];
        for ((buffer, pending, held_max, held), expected) in table {
            assert_eq!(room(buffer, pending, held_max, held), expected, "{buffer} {pending} {held}");
        }
    }
}
