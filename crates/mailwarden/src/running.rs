//! What can be seen of the running daemon: what is in force, and where its workers are asked.

pub(crate) mod rates;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use engine::admission::DomainView;
use policy::Attachment;
use policy::model::Name;
use proto::Time;

use crate::attachments::{AttachmentId, AttachmentName, Attachments, Census};
use crate::plan::Plan;
use crate::proxy::Target;
use crate::proxy::limits::Limits;
use crate::proxy::workers::{Mailboxes, WorkerPool};
use crate::report::{Counters, Log};
pub(crate) use rates::Rates;

/// What the daemon shares with whoever looks at it. Sessions never ask it.
#[derive(Debug)]
pub(crate) struct Running {
    in_force: Mutex<Arc<InForce>>,
    last_reload: Mutex<Reloaded>,
    cleared: Mutex<Cleared>,
    mailboxes: Mailboxes,
    limits: Arc<Limits>,
    /// The beginning of the workers' time.
    started: Instant,
    start_time: SystemTime,
    draining: AtomicBool,
    log: Arc<Log>,
    rates: Mutex<Rates>,
}

/// A configuration that is in force, with what became of it.
#[derive(Debug)]
pub(crate) struct InForce {
    /// Which since the daemon started, from 1.
    pub(crate) generation: u64,
    pub(crate) since: SystemTime,
    pub(crate) plan: Plan,
    /// Where the sessions of each listener lead.
    pub(crate) targets: Vec<(SocketAddr, Target)>,
    /// Every attachment that has or had sessions, by number.
    pub(crate) attachments: Vec<(AttachmentName, AttachmentId, Arc<Census>)>,
    /// Of all of them.
    pub(crate) total: Arc<Census>,
}

/// How the last reload ended; before the first, the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reloaded {
    pub(crate) ok: bool,
    pub(crate) at: SystemTime,
    /// Reloads that were refused.
    pub(crate) refused: u64,
}

/// What `clear` set to zero: screens show what was counted since.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cleared {
    pub(crate) counters: Counters,
    of: HashMap<AttachmentId, ClearedAttachment>,
}

/// Of one attachment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClearedAttachment {
    /// Sessions that had begun.
    pub(crate) created: u64,
    pub(crate) at: Time,
}

impl Cleared {
    /// What was cleared of an attachment, if anything was.
    pub(crate) fn of(&self, number: AttachmentId) -> Option<ClearedAttachment> {
        self.of.get(&number).copied()
    }
}

/// What sessions that have not ended have carried so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Carried {
    pub(crate) reads: [u64; 2],
    /// To the client, and to the server.
    pub(crate) bytes: [u64; 2],
}

impl Carried {
    pub(crate) fn add(&mut self, reads: [u64; 2], bytes: [u64; 2]) {
        self.reads.iter_mut().zip(reads).for_each(|(sum, more)| *sum += more);
        self.bytes.iter_mut().zip(bytes).for_each(|(sum, more)| *sum += more);
    }
}

impl InForce {
    /// The first or next of the daemon.
    pub(crate) fn new(
        generation: u64,
        plan: Plan,
        targets: Vec<(SocketAddr, Target)>,
        attachments: &Attachments,
    ) -> Self {
        let mut numbered: Vec<_> = attachments
            .iter()
            .map(|(name, number)| (name.clone(), number, attachments.census(number)))
            .collect();
        numbered.sort_by_key(|(_, number, _)| *number);
        let since = SystemTime::now();
        let total = Arc::clone(attachments.total());
        Self { generation, since, plan, targets, attachments: numbered, total }
    }

    /// The numbers of attachments of the configuration of which something holds.
    pub(crate) fn attachments_where(&self, holds: impl Fn(&Attachment) -> bool) -> Vec<AttachmentId> {
        let wanted: Vec<_> = self
            .plan
            .attachments
            .iter()
            .filter(|attachment| holds(attachment))
            .map(AttachmentName::of_model)
            .collect();
        self.numbers(|name| wanted.contains(name))
    }

    /// The numbers of the attachments of a proxy, zone-pair or interface; an error if there is none.
    pub(crate) fn attachments_named(&self, wanted: &str) -> Result<Vec<AttachmentId>, String> {
        let found = self.numbers(|name| name.name == wanted);
        if found.is_empty() { Err(format!("There is no zone-pair or proxy {wanted}")) } else { Ok(found) }
    }

    /// The numbers of the attachments that a place has for a top-level class.
    pub(crate) fn numbers_of_class(&self, place: &Name, class: &str) -> Vec<AttachmentId> {
        self.numbers(|of| of.name == place.text && of.class == class)
    }

    /// The numbers of those attachments whose names something holds of.
    pub(crate) fn numbers(&self, holds: impl Fn(&AttachmentName) -> bool) -> Vec<AttachmentId> {
        self.attachments.iter().filter(|(name, ..)| holds(name)).map(|(_, number, _)| *number).collect()
    }
}

impl Running {
    pub(crate) fn new(in_force: InForce, workers: &WorkerPool, log: Arc<Log>) -> Self {
        let last_reload = Reloaded { ok: true, at: in_force.since, refused: 0 };
        Self {
            in_force: Mutex::new(Arc::new(in_force)),
            last_reload: Mutex::new(last_reload),
            cleared: Mutex::default(),
            mailboxes: workers.mailboxes().clone(),
            limits: Arc::clone(workers.limits()),
            started: workers.started(),
            start_time: SystemTime::now(),
            draining: AtomicBool::new(false),
            log,
            rates: Mutex::default(),
        }
    }

    pub(crate) fn in_force(&self) -> Arc<InForce> {
        Arc::clone(&lock(&self.in_force))
    }

    /// Another configuration is in force, or the same with other servers.
    pub(crate) fn put_in_force(&self, mut next: InForce) {
        let mut in_force = lock(&self.in_force);
        if next.generation == in_force.generation {
            next.since = in_force.since;
        }
        *in_force = Arc::new(next);
    }

    pub(crate) fn last_reload(&self) -> Reloaded {
        *lock(&self.last_reload)
    }

    /// A reload was carried out or refused.
    pub(crate) fn reloaded(&self, ok: bool) {
        let mut last = lock(&self.last_reload);
        *last = Reloaded { ok, at: SystemTime::now(), refused: last.refused + u64::from(!ok) };
    }

    pub(crate) fn cleared(&self) -> Cleared {
        lock(&self.cleared).clone()
    }

    /// From now on screens show of these attachments what is counted after this.
    pub(crate) fn clear(&self, numbers: &[AttachmentId], counters: &Counters) {
        let (at, in_force) = (self.now(), self.in_force());
        let mut cleared = lock(&self.cleared);
        for (_, number, census) in in_force.attachments.iter().filter(|(_, of, _)| numbers.contains(of)) {
            cleared.counters.set(*number, counters);
            let created = census.population(at).created;
            cleared.of.insert(*number, ClearedAttachment { created, at });
        }
    }

    pub(crate) const fn mailboxes(&self) -> &Mailboxes {
        &self.mailboxes
    }

    pub(crate) const fn start_time(&self) -> SystemTime {
        self.start_time
    }

    /// The daemon is stopping.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// What sessions that have not ended have carried so far, by attachment.
    pub(crate) async fn carried_by_open(&self) -> HashMap<AttachmentId, Carried> {
        let mut carried: HashMap<AttachmentId, Carried> = HashMap::new();
        let each = self.mailboxes.each_session(|view| {
            let sum = carried.entry(view.info.attachment).or_default();
            sum.add(view.reads.map(u64::from), [view.bytes_to_client, view.bytes_to_server]);
        });
        each.await;
        carried
    }

    /// Takes a sample of how much sessions have carried. This is asked once in [`rates::INTERVAL`].
    pub(crate) async fn sample_rates(&self) {
        let (open, ended) = (self.carried_by_open().await, self.mailboxes.counters().await);
        let bytes = |number| {
            let open = open.get(&number).map_or([0; 2], |open| open.bytes);
            let ended = ended.of(number).map_or([0; 2], |ended| ended.bytes);
            open.into_iter().chain(ended).sum()
        };
        let numbers = self.in_force().numbers(|_| true);
        let carried = numbers.into_iter().map(|number| (number, bytes(number))).collect();
        lock(&self.rates).sample(self.now(), carried);
    }

    pub(crate) fn rates(&self) -> Rates {
        lock(&self.rates).clone()
    }

    /// What limits sessions: the name of each domain, and how it is.
    pub(crate) fn limits(&self) -> Vec<(String, DomainView)> {
        let views = self.limits.views(self.now());
        views.into_iter().map(|(limited, view)| (limited.domain.to_string(), view)).collect()
    }

    /// The workers' time.
    pub(crate) fn now(&self) -> Time {
        Time(u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

/// What is behind these locks is replaced whole: it is good also after a thread has panicked.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Spoken;
    use crate::report::{self, Sinks};
    use std::time::Duration;

    #[test]
    fn a_configuration_with_other_servers_is_in_force_as_long_as_before() {
        let (reporter, _writer) = report::start(Sinks::events_to(std::io::sink()));
        let workers = WorkerPool::new(Some(1), &reporter).unwrap();
        let in_force = |generation, age| {
            let plan = Plan::without_file("127.0.0.1:0".parse().unwrap(), Vec::new(), Spoken::Smtp);
            let in_force = InForce::new(generation, plan, Vec::new(), &Attachments::default());
            InForce { since: SystemTime::UNIX_EPOCH + Duration::from_secs(age), ..in_force }
        };
        let running = Running::new(in_force(1, 10), &workers, reporter.log());
        let since = |next| {
            running.put_in_force(next);
            running.in_force().since.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
        };
        assert_eq!([since(in_force(1, 20)), since(in_force(2, 30))], [10, 30]);
        workers.stop();
    }
}
