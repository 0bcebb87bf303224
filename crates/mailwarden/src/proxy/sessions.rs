//! The table of a worker's sessions: what each is, how far it has come, and when to wake it.
//!
//! One coarse clock serves them all, so that a session costs no timer of its own. What can be asked of a
//! session is kept here while it runs, so that an answer neither wakes it nor waits for it.

use std::cell::{Cell, OnceCell, Ref, RefCell};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use engine::SessionConfig;
use proto::Time;
use slab::Slab;

use super::Target;
use super::limits::Admitted;
use crate::report::SessionInfo;

/// How many entries an answer about sessions looks at: some microseconds of a worker's time.
const BATCH: usize = 64;

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Its client was admitted, and it is read who that is, or its server is being connected.
    Opening,
    /// Both sides are connected.
    Open,
    /// Everything was sent to both sides, and their ends are awaited; or no server is connected.
    Closing,
}

/// What can be seen of a session from outside.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// As reports have it.
    pub(crate) info: SessionInfo,
    /// The attachment that sent it here, by name, with its protocol and policy.
    pub(crate) config: Arc<SessionConfig>,
    pub(crate) stage: Stage,
    /// Since its client was admitted; once its server is connected, since then.
    pub(crate) age: Duration,
    /// Bytes sent to the client and to the server, up to the last turn of the session.
    pub(crate) bytes_to_client: u64,
    pub(crate) bytes_to_server: u64,
    /// How often something was read of the client and of the server, up to then.
    pub(crate) reads: [u32; 2],
    /// Since then.
    pub(crate) quiet: Duration,
}

/// A part of a worker's sessions.
#[derive(Debug)]
pub(crate) struct ViewBatch {
    pub(crate) views: Vec<View>,
    /// Where the next part begins; nothing when this was the last.
    pub(crate) next: Option<usize>,
}

#[derive(Debug, Default)]
pub(crate) struct Sessions(RefCell<Slab<Rc<SessionRecord>>>);

#[derive(Debug)]
struct SessionRecord {
    /// The table, and its place there: there are fewer descriptors than 32 bits can number.
    sessions: Rc<Sessions>,
    place: u32,
    info: RefCell<SessionInfo>,
    terms: RefCell<Terms>,
    stage: Cell<Stage>,
    deadline: Cell<Time>,
    waker: OnceCell<Waker>,
    /// Bytes sent to the client and to the server.
    sent: Cell<[u64; 2]>,
    /// How often something was read of the client and of the server.
    reads: Cell<[u32; 2]>,
    /// The last turn of the session.
    heard: Cell<Time>,
    /// It must go: for another before its server is connected, or because an operator wants it.
    evicted: Cell<bool>,
}

/// What the session is held to.
#[derive(Debug)]
struct Terms {
    target: Rc<Target>,
    /// What it is counted under, if it is limited. Few are, so that the others keep no room for it.
    admitted: Option<Box<Admitted>>,
}

/// A session's entry in the table; removed when it is dropped.
#[derive(Debug)]
pub(crate) struct SessionEntry {
    session: Rc<SessionRecord>,
}

impl Sessions {
    /// Adds a session whose server is still to be connected.
    pub(super) fn enter(self: &Rc<Self>, info: SessionInfo, target: &Rc<Target>) -> SessionEntry {
        target.census.begin(info.started);
        let heard = Cell::new(info.started);
        let mut table = self.0.borrow_mut();
        let place = table.vacant_entry();
        let session = Rc::new(SessionRecord {
            sessions: Rc::clone(self),
            place: u32::try_from(place.key()).unwrap_or(u32::MAX),
            info: RefCell::new(info),
            terms: RefCell::new(Terms { target: Rc::clone(target), admitted: None }),
            stage: Cell::new(Stage::Opening),
            deadline: Cell::new(Time(u64::MAX)),
            waker: OnceCell::new(),
            sent: Cell::default(),
            reads: Cell::default(),
            heard,
            evicted: Cell::default(),
        });
        place.insert(Rc::clone(&session));
        SessionEntry { session }
    }

    /// The place of the next session that enters.
    pub(super) fn next_place(&self) -> usize {
        self.0.borrow().vacant_key()
    }

    /// A session goes for another, if it is still at its place.
    pub(super) fn evict(&self, place: usize, ticket: u64) {
        let table = self.0.borrow();
        let Some(session) = table.get(place).filter(|session| session.ticket() == Some(ticket)) else {
            return;
        };
        session.evicted.set(true);
        if let Some(waker) = session.waker.get() {
            waker.wake_by_ref();
        }
    }

    /// Ends sessions that an operator wants to be gone, those of which `holds` is true. How many they are.
    pub(super) fn clear(&self, holds: impl Fn(&SessionInfo) -> bool) -> usize {
        let mut cleared = 0;
        for (_, session) in &*self.0.borrow() {
            if holds(&session.info.borrow()) && !session.evicted.replace(true) {
                cleared += 1;
                session.waker.get().into_iter().for_each(Waker::wake_by_ref);
            }
        }
        cleared
    }

    pub(crate) fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Wakes every session whose deadline has come.
    pub(crate) fn wake_due(&self, now: Time) {
        self.wake(|session| session.deadline.get() <= now);
    }

    pub(crate) fn wake_all(&self) {
        self.wake(|_| true);
    }

    fn wake(&self, is_due: impl Fn(&SessionRecord) -> bool) {
        for (_, session) in &*self.0.borrow() {
            if is_due(session)
                && let Some(waker) = session.waker.get()
            {
                waker.wake_by_ref();
            }
        }
    }

    /// The sessions from a position on, 0 being the first, as many as are looked at without holding up others.
    /// A session that begins or ends between two parts may be missing, but none comes twice.
    pub(super) fn batch(&self, from: usize, now: Time) -> ViewBatch {
        let table = self.0.borrow();
        let end = from.saturating_add(BATCH);
        let views = (from..end).filter_map(|key| table.get(key)).map(|session| session.view(now)).collect();
        ViewBatch { views, next: (end < table.capacity()).then_some(end) }
    }
}

impl SessionRecord {
    fn ticket(&self) -> Option<u64> {
        self.terms.borrow().admitted.as_ref()?.number()
    }

    fn view(&self, now: Time) -> View {
        let info = self.info.borrow().clone();
        let [bytes_to_client, bytes_to_server] = self.sent.get();
        View {
            age: now.since(info.started),
            info,
            config: Arc::clone(&self.terms.borrow().target.config),
            stage: self.stage.get(),
            bytes_to_client,
            bytes_to_server,
            reads: self.reads.get(),
            quiet: now.since(self.heard.get()),
        }
    }
}

impl SessionEntry {
    pub(super) fn target(&self) -> Rc<Target> {
        Rc::clone(&self.session.terms.borrow().target)
    }

    /// What the session is held to, now that it is known who speaks with whom.
    pub(super) fn chosen(&self, target: Rc<Target>) {
        let stage = self.session.stage.get();
        self.session.terms.borrow().target.census.leave(stage);
        target.census.enter(stage);
        self.session.info.borrow_mut().attachment = target.attachment;
        self.session.terms.borrow_mut().target = target;
    }

    pub(super) fn info(&self) -> Ref<'_, SessionInfo> {
        self.session.info.borrow()
    }

    pub(super) fn place(&self) -> usize {
        self.session.place as usize
    }

    /// It is counted, if it is limited.
    pub(super) fn admitted(&self, admitted: Option<Admitted>) {
        self.session.terms.borrow_mut().admitted = admitted.map(Box::new);
    }

    /// Until the session must go for another. Asked by its task alone.
    pub(super) async fn evicted(&self) {
        poll_fn(|cx| {
            self.wake_with(cx);
            if self.session.evicted.get() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Whether it must go.
    pub(super) fn is_evicted(&self) -> bool {
        self.session.evicted.get()
    }

    /// A balancer has said who the client is.
    pub(super) fn introduced(&self, client: SocketAddr) {
        self.session.info.borrow_mut().client = client;
    }

    /// The server is connected: the session begins now. False if it had to go before.
    pub(super) fn opened(&self, server: SocketAddr, now: Time) -> bool {
        let mut terms = self.session.terms.borrow_mut();
        if terms.admitted.as_mut().is_some_and(|admitted| !admitted.opened(server)) {
            return false;
        }
        drop(terms);
        let mut info = self.session.info.borrow_mut();
        (info.server, info.started) = (server, now);
        drop(info);
        self.go_on(Stage::Open);
        true
    }

    /// No server could be reached, or none was tried: the session begins now, with its end.
    pub(super) fn ending(&self, now: Time) {
        self.session.info.borrow_mut().started = now;
        self.go_on(Stage::Closing);
    }

    pub(super) fn closing(&self) {
        self.go_on(Stage::Closing);
    }

    fn go_on(&self, to: Stage) {
        let from = self.session.stage.replace(to);
        if from != to {
            self.session.terms.borrow().target.census.go_on(from, to);
        }
    }

    /// How things are before the session sleeps: when it must be woken, what was sent to each side, and how often something
    /// was read of it.
    pub(super) fn update(&self, now: Time, deadline: Time, sent: [u64; 2], reads: [u32; 2]) {
        self.session.deadline.set(deadline);
        self.session.sent.set(sent);
        self.session.reads.set(reads);
        self.session.heard.set(now);
    }

    /// When the session must be woken while it has not begun.
    pub(super) fn wake_at(&self, time: Time) {
        self.session.deadline.set(time);
    }

    /// The deadline as of the last update.
    pub(super) fn deadline(&self) -> Time {
        self.session.deadline.get()
    }

    /// The task to wake; it is the same one for all of a session's life.
    pub(super) fn wake_with(&self, cx: &Context<'_>) {
        self.session.waker.get_or_init(|| cx.waker().clone());
    }
}

impl Drop for SessionEntry {
    fn drop(&mut self) {
        self.session.terms.borrow().target.census.leave(self.session.stage.get());
        self.session.sessions.0.borrow_mut().try_remove(self.place());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attachments::Attachments;
    use crate::configuration;
    use crate::proxy::names::Directory;
    use crate::report::SessionId;

    /// What idle sessions may cost for being in the table: of 50,000 less than 10 MB.
    const ENTRY: usize = 200;

    #[test]
    fn an_entry_is_small_and_a_long_table_is_seen_in_short_parts() {
        let text = "proxy mx\n listen 127.0.0.1:25\n server 192.0.2.1:25\n";
        let plan = configuration::read_bytes("edge.conf", text.as_bytes()).plan.unwrap();
        let (mut directory, mut attachments) = (Directory::default(), Attachments::default());
        directory.keep(plan.servers());
        let target = Rc::new(plan.targets(&mut directory, &mut attachments).remove(0).1);
        let sessions = Rc::new(Sessions::default());
        let entries: Vec<_> = (0..50_000_u32)
            .map(|number| {
                let [.., high, low] = number.to_be_bytes();
                let client = SocketAddr::from(([127, 0, high, low], 1025));
                let id = SessionId::of_test(number.into());
                let server = "192.0.2.1:25".parse().unwrap();
                let info =
                    SessionInfo { id, attachment: target.attachment, client, server, started: Time(0) };
                sessions.enter(info, &target)
            })
            .collect();
        let entry = size_of::<SessionRecord>();
        assert!(entry <= ENTRY, "{entry} bytes");
        let (mut seen, mut next) = (0, Some(0));
        while let Some(from) = next {
            let batch = sessions.batch(from, Time(1));
            assert!(batch.views.len() <= BATCH);
            seen += batch.views.len();
            next = batch.next;
        }
        assert_eq!(seen, entries.len());
        drop(entries);
        assert_eq!(sessions.batch(0, Time(1)).views.len(), 0);
    }
}
