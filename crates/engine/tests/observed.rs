//! What an observer of a recorded dialogue is told, also where the record has holes.

use std::sync::Arc;

use engine::attachment::{Attachment, Watch};
use engine::{Effect, End, Event, Session};
use policy::model::Conformance;
use proto::{Side, Time};

const C: Side = Side::Client;
const S: Side = Side::Server;

/// A session that only looks on, and what it told, a line each.
struct Observer {
    session: Session,
    told: Vec<String>,
}

impl Observer {
    fn new() -> Self {
        let attachment =
            Attachment { watch: Watch::Observe, conformance: Conformance::Standard, ..Attachment::default() };
        Self { session: Session::new(Arc::new(attachment), Time(0)), told: Vec::new() }
    }

    fn hears(&mut self, dialogue: &[(Side, &str)]) {
        for &(from, said) in dialogue {
            let told = &mut self.told;
            let took = self
                .session
                .offer(Time(0), from, said.as_bytes(), &mut |effect: Effect<'_>| note(told, effect));
            assert_eq!(took.bytes, said.len(), "{said:?} {took:?}");
        }
    }

    fn ends(mut self) -> Vec<String> {
        let told = &mut self.told;
        self.session.ended(Time(0), C, End::Fin, &mut |effect: Effect<'_>| note(told, effect));
        self.told
    }
}

fn note(told: &mut Vec<String>, effect: Effect<'_>) {
    match effect {
        Effect::Report(Event::Observed(observed)) => told.push(format!("{observed:?}")),
        Effect::Report(Event::Anomaly(anomaly)) => told.push(anomaly.kind.name().to_owned()),
        _ => {}
    }
}

const TO_DATA: &[(Side, &str)] = &[
    (S, "220 mx\r\n"),
    (C, "HELO a\r\n"),
    (S, "250 mx\r\n"),
    (C, "MAIL FROM:<a@x>\r\n"),
    (S, "250 ok\r\n"),
    (C, "RCPT TO:<b@y>\r\n"),
    (S, "250 ok\r\n"),
    (C, "DATA\r\n"),
    (S, "354 go\r\n"),
];

fn find<'t>(told: &'t [String], what: &str) -> Vec<&'t str> {
    told.iter().map(String::as_str).filter(|told| told.contains(what)).collect()
}

#[test]
fn sizes_count_octets_as_received_whatever_was_mended() {
    let mut observer = Observer::new();
    observer.hears(TO_DATA);
    observer.hears(&[(C, "A: b\nC: d\r\n\r\nx\ny\r\n.\r\n")]);
    let told = observer.ends();
    let [message] = find(&told, "Message {")[..] else { panic!("{told:?}") };
    assert!(message.contains("header_bytes: 11, body_bytes: 5,"), "{message}");
}
