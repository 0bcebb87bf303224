//! What `debug` streams to whoever asked: each worker tells of its own sessions, and waits for nobody.
//!
//! While nobody asks, a session pays for one look at a number with each read.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt::Arguments;

use engine::event::Treatment;
use engine::trace::Trace;
use engine::{Event, SessionConfig};
use policy::model::Protocol;
use proto::{Side, Time};
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

use crate::report::{Recorder, SessionInfo};

/// What is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Topics(u8);

impl Topics {
    /// Segments of the dialogue.
    pub(crate) const SMTP: Self = Self(1);
    pub(crate) const POP3: Self = Self(2);
    pub(crate) const IMAP: Self = Self(4);
    /// Classes that act, and what no protocol allows.
    pub(crate) const EVENTS: Self = Self(8);
    /// Sessions that begin, and that end.
    pub(crate) const CREATION: Self = Self(16);
    pub(crate) const DELETION: Self = Self(32);

    pub(crate) const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    const fn has(self, one: Self) -> bool {
        self.0 & one.0 != 0
    }

    /// The dialogue of a protocol.
    const fn of(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Smtp => Self::SMTP,
            Protocol::Pop3 => Self::POP3,
            Protocol::Imap => Self::IMAP,
            Protocol::Tcp => Self(0),
        }
    }
}

/// Somebody who asked.
#[derive(Clone, Debug)]
pub(crate) struct Subscriber {
    pub(crate) topics: Topics,
    /// Whole lines. One that finds no room is lost, and counted.
    pub(crate) lines: Sender<String>,
}

/// What one worker tells.
#[derive(Debug, Default)]
pub(crate) struct Debugging {
    /// What anybody asked for.
    topics: Cell<Topics>,
    subscribers: RefCell<Vec<Subscribed>>,
    /// Of the sessions that began since, by number.
    traces: RefCell<HashMap<u64, Trace>>,
}

#[derive(Debug)]
struct Subscribed {
    to: Subscriber,
    /// Lines since one found room.
    lost: u64,
}

impl Debugging {
    /// Somebody asks from now on.
    pub(super) fn subscribe(&self, to: Subscriber) {
        self.topics.set(self.topics.get().with(to.topics));
        self.subscribers.borrow_mut().push(Subscribed { to, lost: 0 });
    }

    /// Whether anybody asks for anything.
    pub(super) const fn is_on(&self) -> bool {
        self.topics.get().0 != 0
    }

    /// A session begins.
    pub(super) fn begin(
        &self,
        now: Time,
        session: &SessionInfo,
        config: &SessionConfig,
        recorder: &Recorder,
    ) {
        let tell = self.teller(now, recorder);
        let topic = Topics::of(config.protocol);
        if config.inspect.is_parsed()
            && self.topics.get().has(topic)
            && let Some(trace) = Trace::of(config.protocol)
        {
            self.traces.borrow_mut().insert(session.id.number(), trace);
        }
        tell(Topics::CREATION, format_args!("CBAC OBJ_CREATE: create sis {}", named(session, config)));
    }

    /// A session has ended.
    pub(super) fn end(&self, now: Time, session: &SessionInfo, config: &SessionConfig, recorder: &Recorder) {
        self.traces.borrow_mut().remove(&session.id.number());
        let tell = self.teller(now, recorder);
        tell(Topics::DELETION, format_args!("CBAC OBJ_DELETE: delete sis {}", named(session, config)));
    }

    /// A side of a session has sent this.
    pub(super) fn segment(
        &self,
        now: Time,
        session: &SessionInfo,
        config: &SessionConfig,
        recorder: &Recorder,
        (from, bytes): (Side, &[u8]),
    ) {
        if let Some(trace) = self.traces.borrow_mut().get_mut(&session.id.number()) {
            let tell = self.teller(now, recorder);
            let topic = Topics::of(config.protocol);
            trace.segment(from, bytes, &mut |line| tell(topic, line));
        }
    }

    /// Something is reported of a session.
    pub(super) fn event(
        &self,
        now: Time,
        session: &SessionInfo,
        config: &SessionConfig,
        recorder: &Recorder,
        event: &Event<'_>,
    ) {
        let tell = self.teller(now, recorder);
        if let Some(trace) = self.traces.borrow_mut().get_mut(&session.id.number()) {
            let topic = Topics::of(config.protocol);
            trace.event(event, &mut |line| tell(topic, line));
        }
        match event {
            Event::Match(found) if found.count == 1 => tell(
                Topics::EVENTS,
                format_args!(
                    "CBAC sis {}: policy {} class {} matched {}, {}",
                    named(session, config),
                    found.policy,
                    found.class,
                    found.criterion,
                    found.action_name()
                ),
            ),
            Event::Anomaly(anomaly) if anomaly.count == 1 && anomaly.treatment > Treatment::Silent => tell(
                Topics::EVENTS,
                format_args!(
                    "CBAC sis {}: {}, {}",
                    named(session, config),
                    anomaly.kind.name(),
                    anomaly.treatment.name()
                ),
            ),
            _ => {}
        }
    }

    /// Tells whoever asked for a topic.
    fn teller<'t>(&'t self, now: Time, recorder: &'t Recorder) -> impl Fn(Topics, Arguments<'_>) + 't {
        move |topic, line| {
            if self.topics.get().has(topic) {
                let line = format!("*{}: {line}\n", recorder.stamp(now));
                self.tell(topic, &line);
            }
        }
    }

    fn tell(&self, topic: Topics, line: &str) {
        let mut subscribers = self.subscribers.borrow_mut();
        let before = subscribers.len();
        subscribers.retain_mut(|subscribed| {
            let Subscribed { to, lost } = subscribed;
            if !to.topics.has(topic) {
                return !to.lines.is_closed();
            }
            let text = if *lost > 0 { format!("% {lost} lines were lost\n{line}") } else { line.to_owned() };
            match to.lines.try_send(text) {
                Ok(()) => *lost = 0,
                Err(TrySendError::Full(_)) => *lost += 1,
                Err(TrySendError::Closed(_)) => return false,
            }
            true
        });
        if subscribers.len() < before {
            let wanted = subscribers.iter().map(|subscribed| subscribed.to.topics);
            self.topics.set(wanted.fold(Topics::default(), Topics::with));
            if !self.is_on() {
                self.traces.borrow_mut().clear();
            }
        }
    }
}

/// `6724EA (192.0.2.7:40112)=>(198.51.100.25:25) smtp`.
fn named(session: &SessionInfo, config: &SessionConfig) -> String {
    let SessionInfo { id, client, server, .. } = session;
    format!("{:X} ({client})=>({server}) {}", id.reference(), config.inspection_name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc::channel;

    #[test]
    fn a_listener_that_is_too_slow_is_told_how_many_lines_it_lost() {
        let debugging = Debugging::default();
        let (lines, mut told) = channel(2);
        debugging.subscribe(Subscriber { topics: Topics::EVENTS, lines });
        (0..5).for_each(|number| debugging.tell(Topics::EVENTS, &format!("{number}\n")));
        debugging.tell(Topics::SMTP, "not asked for\n");
        let got = [(); 2].map(|()| told.try_recv().unwrap());
        assert_eq!(got, ["0\n", "1\n"]);
        debugging.tell(Topics::EVENTS, "5\n");
        assert_eq!(told.try_recv().unwrap(), "% 3 lines were lost\n5\n");
        assert!(told.try_recv().is_err());
    }

    #[test]
    fn nothing_is_told_once_nobody_listens() {
        let debugging = Debugging::default();
        let (lines, told) = channel(2);
        let topics = Topics::SMTP.with(Topics::EVENTS);
        debugging.subscribe(Subscriber { topics, lines });
        assert!(debugging.is_on());
        drop(told);
        debugging.tell(Topics::CREATION, "somebody came\n");
        assert!(!debugging.is_on());
    }
}
