//! What is told of limits, and how often.

use std::net::{IpAddr, SocketAddr};

use proto::Time;

use super::thresholds::Limit;

/// Something an operator is told of the limits of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// More are opening than `max-incomplete high` allows, or more clients came in a minute: opening sessions go as
    /// others come.
    Aggressive(Pressure),
    /// They go no more.
    Calm(Pressure),
    /// More are opening to a server than it is allowed; the oldest goes for each that comes.
    HostExceeded {
        host: IpAddr,
        sessions: u32,
    },
    /// The same, and nobody gets to the server for some time.
    HostBlocked {
        host: IpAddr,
        sessions: u32,
        minutes: u32,
    },
    HostUnblocked {
        host: IpAddr,
    },
    /// Too many logins of a client, or to an account, have failed: for some minutes there are none.
    LoginsBlocked(Instance),
    /// Clients were refused; of an account, logins to it.
    Refused(Instance),
    /// Opening sessions went for others.
    Evicted(Instance),
}

/// What a domain has when it gets aggressive or calms down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pressure {
    /// The threshold that was passed first.
    pub limit: Limit,
    pub incomplete: u32,
    /// The threshold of `incomplete`: high or low.
    pub threshold: u32,
    /// Clients accepted in the last minute.
    pub rate: u32,
    /// The threshold of `rate`: high or low.
    pub rate_threshold: u32,
}

/// The last of what happened `times` times because of one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instance {
    pub limit: Limit,
    /// What was counted, and what it may be at most.
    pub count: u32,
    pub threshold: u32,
    pub client: SocketAddr,
    pub server: SocketAddr,
    /// As the caller named it.
    pub attachment: u32,
    pub times: u32,
    /// How long somebody is blocked; 0 where nobody is.
    pub minutes: u32,
}

/// How often the same is told. A flood would fill the log in minutes, and say nothing new in it.
const TOLD_EVERY_SECONDS: u64 = 60;

/// What happens again and again: the first time is told, and after a minute how often it happened since.
#[derive(Debug, Default)]
pub(super) struct Sums(Vec<Sum>);

#[derive(Debug)]
struct Sum {
    tell: fn(Instance) -> Transition,
    /// The last one, with how often it happened since something was told.
    last: Instance,
    due: Time,
}

impl Sums {
    /// One more, and what is told of it at once.
    pub(super) fn add(
        &mut self,
        now: Time,
        tell: fn(Instance) -> Transition,
        instance: Instance,
    ) -> Option<Transition> {
        let is_same = |sum: &&mut Sum| {
            std::mem::discriminant(&(sum.tell)(sum.last)) == std::mem::discriminant(&tell(instance))
                && sum.last.limit == instance.limit
        };
        if let Some(sum) = self.0.iter_mut().find(is_same) {
            sum.last = Instance { times: sum.last.times.saturating_add(instance.times), ..instance };
            return None;
        }
        let due = now.plus_seconds(TOLD_EVERY_SECONDS);
        self.0.push(Sum { tell, last: Instance { times: 0, ..instance }, due });
        Some(tell(instance))
    }

    /// What is due. Of what has not happened for a minute the next time is told at once.
    pub(super) fn expire(&mut self, now: Time) -> Vec<Transition> {
        let mut told = Vec::new();
        self.0.retain_mut(|sum| {
            if now < sum.due {
                return true;
            }
            let is_over = sum.last.times == 0;
            if !is_over {
                told.push((sum.tell)(sum.last));
                sum.last.times = 0;
                sum.due = now.plus_seconds(TOLD_EVERY_SECONDS);
            }
            !is_over
        });
        told
    }
}
