//! File descriptors: as many for sessions as the daemon does not need itself, so that a flood of clients leaves it
//! able to read a configuration, to open listeners and files.
//!
//! Who finds none waits; the shortage is reported once, not for each client.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What all workers share.
#[derive(Debug)]
pub(crate) struct Descriptors {
    /// How many sessions may still begin.
    room: Arc<Semaphore>,
    /// How many may run together.
    sessions: Mutex<usize>,
    /// When a descriptor was lacking last.
    short: Mutex<Option<Instant>>,
    /// The daemon opens what it needs: nobody who ran out of descriptors tries again before it has.
    held: AtomicBool,
}

/// The descriptors of one session: client and server.
const PER_SESSION: usize = 2;

/// Limit: descriptors that sessions leave to the daemon beside what it has open, for a reload: the configuration,
/// files for reports before the old ones are closed, and listeners.
const RESERVE: usize = 16;

/// The same for each worker: every listener has a socket for each.
const RESERVE_OF_A_WORKER: usize = 4;

/// So long no descriptor must be lacking before another shortage is reported.
const CALM: Duration = Duration::from_secs(60);

impl Default for Descriptors {
    /// Room for nobody yet.
    fn default() -> Self {
        Self {
            room: Arc::new(Semaphore::new(0)),
            sessions: Mutex::new(0),
            short: Mutex::new(None),
            held: AtomicBool::new(false),
        }
    }
}

impl Descriptors {
    /// Adapts the number of sessions to the limit of the process, of which so many descriptors are taken or kept by
    /// others. Sessions above a lower number go on.
    pub(super) fn divide(&self, others: usize, workers: usize) {
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let kept = others + RESERVE + workers * RESERVE_OF_A_WORKER;
        let wanted = (limit.saturating_sub(kept) / PER_SESSION).clamp(1, Semaphore::MAX_PERMITS);
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        match wanted.checked_sub(*sessions) {
            Some(more) => {
                self.room.add_permits(more);
                *sessions = wanted;
            }
            None => *sessions -= self.room.forget_permits(*sessions - wanted),
        }
    }

    /// Waits until a session may begin; it may last as long as what is returned. `report` is told of a shortage.
    pub(super) async fn room(&self, report: impl Fn(&str)) -> Option<OwnedSemaphorePermit> {
        if let Ok(room) = Arc::clone(&self.room).try_acquire_owned() {
            return Some(room);
        }
        self.ran_out("the limit of the process allows no more sessions", report);
        // Never closed, so that it is never refused.
        Arc::clone(&self.room).acquire_owned().await.ok()
    }

    /// A descriptor was lacking.
    pub(super) fn ran_out(&self, why: &str, report: impl Fn(&str)) {
        let mut short = self.short.lock().unwrap_or_else(PoisonError::into_inner);
        if short.replace(Instant::now()).is_none_or(|last| last.elapsed() >= CALM) {
            report(&format!("out of file descriptors ({why}): new clients wait"));
        }
    }

    /// Until it is dropped, nobody who ran out of descriptors tries to get one: the daemon opens what it needs.
    pub(crate) fn hold(self: Arc<Self>) -> Hold {
        self.held.store(true, Ordering::Relaxed);
        Hold(self)
    }

    pub(super) fn is_held(&self) -> bool {
        self.held.load(Ordering::Relaxed)
    }
}

/// The daemon goes first.
#[derive(Debug)]
pub(crate) struct Hold(Arc<Descriptors>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.held.store(false, Ordering::Relaxed);
    }
}

/// Whether an error says that there is no descriptor left, for the process or for the machine.
pub(super) fn is_shortage(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
}

/// How many descriptors the process has open; a guess where the kernel does not tell.
pub(super) fn open_now() -> usize {
    const USUAL: usize = 64;
    std::fs::read_dir("/proc/self/fd").map_or(USUAL, Iterator::count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[tokio::test]
    async fn a_shortage_is_reported_once_and_room_comes_back() {
        let descriptors = Descriptors::default();
        descriptors.room.add_permits(1);
        let told = RefCell::new(Vec::new());
        let report = |what: &str| told.borrow_mut().push(what.to_owned());
        let first = descriptors.room(report).await;
        let wait = async {
            for _ in 0..100 {
                descriptors.ran_out("again", report);
            }
            drop(first);
        };
        let (second, ()) = tokio::join!(descriptors.room(report), wait);
        assert!(second.is_some());
        assert_eq!(told.borrow().len(), 1, "{told:?}");
    }

    #[test]
    fn sessions_get_what_others_leave_and_a_lower_number_takes_nothing_back() {
        let descriptors = Descriptors::default();
        let limit = usize::try_from(getrlimit(Resource::Nofile).current.unwrap()).unwrap();
        let of = |others: usize| (limit - others - RESERVE - 2 * RESERVE_OF_A_WORKER) / PER_SESSION;
        descriptors.divide(10, 2);
        assert_eq!(descriptors.room.available_permits(), of(10));
        let running = descriptors.room.try_acquire_many(2).unwrap();
        descriptors.divide(30, 2);
        assert_eq!(descriptors.room.available_permits(), of(30) - 2);
        drop(running);
        descriptors.divide(limit, 2);
        assert_eq!(descriptors.room.available_permits(), 1);
    }

    #[test]
    fn an_error_of_the_table_is_told_from_one_of_a_connection() {
        for errno in [Errno::MFILE, Errno::NFILE] {
            assert!(is_shortage(&errno.into()));
        }
        assert!(!is_shortage(&Errno::CONNABORTED.into()) && !is_shortage(&io::Error::other("x")));
    }
}
