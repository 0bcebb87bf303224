//! The table of a worker's sessions: which to wake, and when.
//!
//! One coarse clock serves them all, so that a session costs no timer of its own, and an idle one
//! some forty bytes here and nothing else.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Waker};

use proto::Time;
use slab::Slab;

#[derive(Debug, Default)]
pub(crate) struct Sessions(RefCell<Slab<Entry>>);

#[derive(Debug)]
struct Entry {
    deadline: Time,
    waker: Option<Waker>,
}

/// A session's entry in the table; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct SessionEntry {
    sessions: Rc<Sessions>,
    key: usize,
}

impl Sessions {
    pub(crate) fn enter(self: &Rc<Self>) -> SessionEntry {
        let key = self.0.borrow_mut().insert(Entry { deadline: Time(u64::MAX), waker: None });
        SessionEntry { sessions: Rc::clone(self), key }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Wakes every session whose deadline has come.
    pub(crate) fn wake_due(&self, now: Time) {
        self.wake(|entry| entry.deadline <= now);
    }

    pub(crate) fn wake_all(&self) {
        self.wake(|_| true);
    }

    fn wake(&self, is_due: impl Fn(&Entry) -> bool) {
        for (_, entry) in &*self.0.borrow() {
            if is_due(entry)
                && let Some(waker) = &entry.waker
            {
                waker.wake_by_ref();
            }
        }
    }
}

impl SessionEntry {
    pub(crate) fn set_deadline(&self, deadline: Time) {
        if let Some(entry) = self.sessions.0.borrow_mut().get_mut(self.key) {
            entry.deadline = deadline;
        }
    }

    /// The task to wake; it is the same one for all of a session's life.
    pub(crate) fn listen(&self, cx: &Context<'_>) {
        if let Some(entry) = self.sessions.0.borrow_mut().get_mut(self.key)
            && entry.waker.is_none()
        {
            entry.waker = Some(cx.waker().clone());
        }
    }
}

impl Drop for SessionEntry {
    fn drop(&mut self) {
        self.sessions.0.borrow_mut().try_remove(self.key);
    }
}
