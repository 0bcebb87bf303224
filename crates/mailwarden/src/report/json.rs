//! Events as JSON lines: one object each, one struct for each kind; keys do not change.

mod fields;
mod limit;
#[cfg(test)]
pub(super) mod schema;

use engine::Event;
use serde::Serialize;

use super::time::Stamps;
use super::{Origin, Record, Reported};
use fields::{
    AnomalyFields, ConfigFields, LoginFields, MatchFields, Nothing, ServerFields, SessionEndFields,
    SessionFields, TlsFields, TransactionFields,
};
use limit::LimitFields;

/// Appends the line of a record; nothing for one that is not an event.
pub(super) fn append(out: &mut Vec<u8>, record: &Record<'_>, stamps: &mut Stamps) {
    let mut to = EventLine { lines: out, time: stamps.rfc3339(record.time) };
    match record.event {
        Reported::Event(origin, event) => {
            let detail = origin.config.detail;
            match event {
                Event::SessionStart => to.put("session_start", Some(origin), Nothing {}),
                Event::Transaction(of) => {
                    to.put("transaction", Some(origin), TransactionFields::of(of, detail));
                }
                Event::Match(of) => to.put("match", Some(origin), MatchFields::of(of, detail)),
                Event::Anomaly(of) => to.put("anomaly", Some(origin), AnomalyFields::of(of, detail)),
                Event::Login(login) => to.put("login", Some(origin), LoginFields::of(login)),
                Event::Tls { criteria } => to.put("tls", Some(origin), TlsFields { criteria }),
                // Replies are counted; units are of dialogues that are only observed, which nobody reports.
                Event::Reply(_) | Event::Observed(_) => {}
            }
        }
        Reported::SessionEnd(origin, end) => {
            to.put("session_end", Some(origin), SessionEndFields::of(&end));
        }
        Reported::Configuration(configured) => to.put("config", None, ConfigFields::of(configured)),
        Reported::Server { proxy, address, state } => {
            to.put("server", None, ServerFields::of(proxy, address, state));
        }
        Reported::Limit(report) => to.put("limit", None, LimitFields::of(report)),
        // It has no session; the log says so where that is wanted.
        Reported::SessionDropped(_) => {}
        // The complaints are in the event of their configuration.
        Reported::Complaint { .. }
        | Reported::Command { .. }
        | Reported::Notice { .. }
        | Reported::Failure { .. }
        | Reported::Dropped { .. }
        | Reported::Stopped { .. } => {}
    }
}

/// Where a line goes, and its time.
struct EventLine<'o> {
    lines: &'o mut Vec<u8>,
    time: &'o str,
}

impl EventLine<'_> {
    fn put(&mut self, event: &'static str, origin: Option<Origin<'_>>, fields: impl Serialize) {
        let line = Line { time: self.time, event, session: origin.map(SessionFields::of), fields };
        let whole = self.lines.len();
        // Neither a Vec nor these structs fail; if one did, half a line would be worse than none.
        match serde_json::to_writer(&mut *self.lines, &line) {
            Ok(()) => self.lines.push(b'\n'),
            Err(_) => self.lines.truncate(whole),
        }
    }
}

/// What every event has.
#[derive(Serialize)]
struct Line<'r, F> {
    /// RFC 3339, UTC, microseconds.
    time: &'r str,
    event: &'static str,
    /// Of all events but `config`, `server` and `limit`.
    #[serde(flatten)]
    session: Option<SessionFields<'r>>,
    #[serde(flatten)]
    fields: F,
}
