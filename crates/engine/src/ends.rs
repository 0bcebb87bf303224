//! The ends of a session: which sides are closed, how long it may take, and why it ended.

use proto::{Side, Time};

use crate::bounds::Timers;
use crate::effect::Out;
use crate::event::Reason;

/// Both ends of one session. Every protocol has one, and closes its sides only through it.
#[derive(Debug)]
pub(crate) struct Ends {
    /// Sides to which nothing more is sent, by `Side as usize`.
    finished: [bool; 2],
    /// When either side last sent something.
    last_activity: Time,
    /// When the state began that has a timer of its own.
    since: Time,
    reason: Reason,
}

/// Which timer runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Neither side sends anything.
    Idle,
    /// Neither side sends anything before the login of a mailbox.
    Login,
    /// The client sends the rest of a message that was refused.
    Swallow,
    /// The server answers what precedes our last reply.
    BeforeLast,
    /// The server answers the end of a message.
    EndOfData,
    /// The client leaves after our last reply; it was heard last at this time.
    Closing { heard: Time },
}

impl Ends {
    pub(crate) const fn new(now: Time) -> Self {
        Self { finished: [false; 2], last_activity: now, since: now, reason: Reason::Closed }
    }

    /// One of the sides sent something.
    pub(crate) const fn active(&mut self, now: Time) {
        self.last_activity = now;
    }

    /// A state with a timer of its own begins.
    pub(crate) const fn start_timer(&mut self, now: Time) {
        self.since = now;
    }

    /// When `expire` is due, if the timer for `limit` runs and nothing happens before.
    pub(crate) fn deadline(&self, limit: Limit, timers: &Timers) -> Time {
        match limit {
            Limit::Idle => self.last_activity.plus_seconds(timers.idle),
            Limit::Login => self.last_activity.plus_seconds(timers.idle.max(timers.login)),
            Limit::Swallow => self.since.plus_seconds(timers.swallow),
            Limit::BeforeLast => self.since.plus_seconds(timers.before_last),
            Limit::EndOfData => self.since.plus_seconds(timers.end_of_data),
            Limit::Closing { heard } => {
                let whole = self.since.plus_seconds(timers.closing);
                whole.min(heard.plus_seconds(timers.closing_silence))
            }
        }
    }

    /// Sends FIN to a side that has not been closed. Whether this closed it.
    pub(crate) fn finish(&mut self, side: Side, out: &mut Out<'_>) -> bool {
        let closes = self.close(side);
        if closes {
            out.finish(side);
        }
        closes
    }

    /// Sends RST to a side that has not been closed. Whether this closed it.
    pub(crate) fn abort(&mut self, side: Side, out: &mut Out<'_>) -> bool {
        let closes = self.close(side);
        if closes {
            out.abort(side);
        }
        closes
    }

    fn close(&mut self, side: Side) -> bool {
        self.finished.get_mut(side as usize).is_some_and(|finished| !std::mem::replace(finished, true))
    }

    /// Whether nothing more is sent to a side.
    pub(crate) fn is_finished(&self, side: Side) -> bool {
        self.finished.get(side as usize).copied().unwrap_or(true)
    }

    pub(crate) fn are_finished(&self) -> bool {
        self.finished == [true; 2]
    }

    pub(crate) const fn reason(&self) -> Reason {
        self.reason
    }

    /// The session ends for this reason, whatever was the reason before.
    pub(crate) const fn set_reason(&mut self, reason: Reason) {
        self.reason = reason;
    }

    /// The session ends for this reason, unless there is one already.
    pub(crate) fn add_reason(&mut self, reason: Reason) {
        if self.reason == Reason::Closed {
            self.reason = reason;
        }
    }
}
