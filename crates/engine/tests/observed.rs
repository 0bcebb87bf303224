//! What an observer of a recorded dialogue is told, also where the record has holes.

use std::sync::Arc;

use engine::config::{SessionConfig, Watch};
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
        let config = SessionConfig {
            watch: Watch::Observe,
            conformance: Conformance::Standard,
            ..SessionConfig::default()
        };
        Self { session: Session::new(Arc::new(config), Time(0)), told: Vec::new() }
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

    fn assumes(&mut self, next: &str) -> bool {
        let told = &mut self.told;
        self.session.assume(Time(0), next.as_bytes(), &mut |effect: Effect<'_>| note(told, effect))
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

#[test]
fn a_message_that_was_cut_off_is_told_as_far_as_it_came() {
    let mut observer = Observer::new();
    observer.hears(TO_DATA);
    observer.hears(&[(C, "A: b\r\nContent-Type: text/html\r\n\r\nxyz")]);
    let told = observer.ends();
    assert!(find(&told, "Part {")[0].contains("encoding: None"), "{told:?}");
    let [message] = find(&told, "Message {")[..] else { panic!("{told:?}") };
    assert!(message.contains("body_bytes: 3,") && message.ends_with("complete: false }"), "{message}");
}

#[test]
fn a_server_that_takes_a_message_before_it_ends_answers_nothing_of_what_we_follow() {
    let mut observer = Observer::new();
    observer.hears(TO_DATA);
    observer.hears(&[(C, "A: b\r\n\r\nx\n.\nQUIT\r\n"), (S, "250 taken\r\n"), (S, "500 what\r\n")]);
    observer.hears(&[(C, "y\r\n.\r\n"), (S, "250 ok\r\n")]);
    let told = observer.ends();
    assert_eq!(find(&told, "unasked-reply").len(), 2, "{told:?}");
    let [reply] = find(&told, "MessageReply")[..] else { panic!("{told:?}") };
    assert!(reply.ends_with("code: 250 }"), "{reply}");
}

#[test]
fn what_was_not_recorded_is_assumed_and_not_told() {
    let mut observer = Observer::new();
    assert!(observer.assumes("EHLO a"));
    let said = ["HELO a\r\n", "AUTH LOGIN\r\n", "YQ==\r\n", "MAIL FROM:<a@x>\r\n", "DATA\r\n"];
    for (said, next) in said.iter().zip(["AUTH LOGIN\r\n", "YQ==\r\n", "MAIL FROM:<a@x>\r\n", "", ""]) {
        observer.hears(&[(C, said)]);
        assert!(observer.assumes(next));
    }
    assert_eq!(observer.session.data_awaited(), u64::MAX);
    assert!(!observer.assumes(""), "the end of the message was not seen");
    observer.hears(&[(C, "A: b\r\n\r\n.\r\n")]);
    assert!(observer.assumes("") && !observer.assumes(""));
    let told = observer.ends();
    assert_eq!(find(&told, "Command {").len(), 4, "{told:?}");
    assert_eq!(find(&told, "Reply").len(), 0, "{told:?}");
    assert_eq!(find(&told, "complete: true").len(), 1, "{told:?}");
}

#[test]
fn nothing_is_assumed_of_a_session_that_is_enforced() {
    let mut session = Session::new(Arc::new(SessionConfig::default()), Time(0));
    assert!(!session.assume(Time(0), b"", &mut |_: Effect<'_>| {}));
}

#[test]
fn whatever_begins_a_transaction_begins_one_of_a_recording() {
    let told = |verb: &str| {
        let begin = format!("{verb} FROM:<a@x.example> SIZE=3\r\n");
        let mut observer = Observer::new();
        observer.hears(&[
            (S, "220 mx\r\n"),
            (C, "EHLO c\r\n"),
            (S, "250-mx\r\n250 SIZE\r\n"),
            (C, &begin),
            (S, "250 ok\r\n"),
            (C, "RCPT TO:<b@y.example>\r\n"),
            (S, "250 ok\r\n"),
            (C, "DATA\r\n"),
            (S, "354 go on\r\n"),
            (C, "x\r\n.\r\n"),
            (S, "250 ok\r\n"),
        ]);
        let told = observer.ends();
        // The command itself is told as it was typed.
        told.into_iter().filter(|line| !line.starts_with("Command")).collect::<Vec<_>>()
    };
    let mail = told("MAIL");
    for what in ["Begin", "Recipient", "Message"] {
        assert!(mail.iter().any(|line| line.starts_with(what)), "{what}: {mail:?}");
    }
    for verb in ["SEND", "SOML", "saml"] {
        assert_eq!(told(verb), mail, "{verb}");
    }
}
