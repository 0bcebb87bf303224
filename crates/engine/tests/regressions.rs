//! The smallest dialogues that once went wrong.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

use std::sync::Arc;

use engine::bounds::Bounds;
use engine::config::{Inspect, Watch};
use engine::{Effect, End, Event, Session, SessionConfig};
use policy::CompiledPolicy;
use policy::model::Conformance;
use policy::profile::{Ink, Letter, Profile, VerbSet};
use proto::smtp::extension::Extensions;
use proto::smtp::verb::Verb;
use proto::{Side, Time};

/// A session with two peers, and what came of what they said.
struct Talk {
    session: Session,
    held: [Vec<u8>; 2],
    /// What each side got: octets, `finish` and `abort`. By `Side as usize`.
    got: [String; 2],
    reports: Vec<String>,
}

impl Talk {
    fn with(at: SessionConfig) -> Self {
        let session = Session::new(Arc::new(at), Time(1));
        Self {
            session,
            held: [Vec::new(), Vec::new()],
            got: [String::new(), String::new()],
            reports: Vec::new(),
        }
    }

    fn client(&mut self, said: &str) -> &mut Self {
        self.say(Side::Client, said)
    }

    /// What the server says, and then what the client was waiting to say.
    fn server(&mut self, said: &str) -> &mut Self {
        self.say(Side::Server, said).say(Side::Client, "")
    }

    fn say(&mut self, side: Side, said: &str) -> &mut Self {
        let mut held = std::mem::take(&mut self.held[side as usize]);
        held.extend_from_slice(said.as_bytes());
        let Self { session, got, reports, .. } = self;
        let took = session.offer(Time(2), side, &held, &mut |effect: Effect<'_>| match effect {
            Effect::Report(Event::Anomaly(anomaly)) => reports.push(anomaly.kind.name().to_owned()),
            effect => tell(got, effect),
        });
        held.drain(..took.bytes);
        self.held[side as usize] = held;
        self
    }
}

/// Adds what a side gets.
fn tell(got: &mut [String; 2], effect: Effect<'_>) {
    match effect {
        Effect::Send { to, bytes, .. } => got[to as usize].push_str(&String::from_utf8_lossy(bytes)),
        Effect::Finish(side) => got[side as usize].push_str("finish"),
        Effect::Abort(side) => got[side as usize].push_str("abort"),
        Effect::Secure(_) | Effect::Report(_) => {}
    }
}

#[test]
fn what_waits_is_odd_once_however_often_it_is_offered() {
    let mut talk = Talk::with(SessionConfig { watch: Watch::Observe, ..SessionConfig::default() });
    talk.client("MAIL").client(" FROM").client(":<a@x.example>\r\n");
    assert_eq!(talk.reports, ["early-talker"]);
    let mut talk = Talk::with(SessionConfig { watch: Watch::Observe, ..SessionConfig::default() });
    talk.client("\x01").client("\x02").client("\x03\r\n").server("220 mx\r\n");
    assert_eq!(talk.reports[..2], ["not-smtp", "early-talker"]);
    assert!(!talk.reports[2..].iter().any(|kind| kind == "not-smtp" || kind == "early-talker"));
}

#[test]
fn a_line_beyond_all_bounds_ends_the_session_whether_or_not_its_end_came_with_it() {
    let bounds = Bounds { command_line: 10, skip: 20, ..Bounds::default() };
    for pieces in
        [&["a command of more than twenty octets\r\n"][..], &["a command of mo", "re than twenty octets\r\n"]]
    {
        let mut talk = Talk::with(SessionConfig { bounds, ..SessionConfig::default() });
        talk.server("220 mx\r\n");
        for piece in pieces {
            talk.client(piece);
        }
        let last = "220 mx\r\n500 5.5.2 Line too long (ref 000000-1)\r\n421 4.7.0 Line without end (ref 000000-1)\r\nfinish";
        assert_eq!(talk.got, [last, "finish"], "{pieces:?}");
    }
}

#[test]
fn nothing_follows_our_last_word() {
    let bounds = Bounds { command_line: 10, skip: 20, ..Bounds::default() };
    let mut talk =
        Talk::with(SessionConfig { conformance: Conformance::Compat, bounds, ..SessionConfig::default() });
    talk.server("220 mx\r\n").client("a command of more than twenty octets");
    let last = "220 mx\r\n500 5.5.2 Line too long (ref 000000-1)\r\n421 4.7.0 Line without end (ref 000000-1)\r\nfinish";
    assert_eq!(talk.got[Side::Client as usize], last);
    talk.server("250 and a reply that nobody asked for\r\n");
    assert_eq!(talk.got[Side::Client as usize], last);
}

#[test]
fn a_bare_cr_in_an_auth_exchange_hides_no_command() {
    for (conformance, last) in [
        (Conformance::Standard, "500 5.5.2 Control character in command (ref 000000-1)\r\n"),
        (Conformance::Strict, "500 5.5.2 Control character in command (ref 000000-1)\r\nfinish"),
    ] {
        let mut talk = Talk::with(SessionConfig { conformance, ..SessionConfig::default() });
        talk.server("220 mx\r\n").client("AUTH LOGIN\r\n").server("334 VXNlcg==\r\n");
        talk.client("dGVzdA==\rMAIL FROM:<hidden@example.com>\r\n");
        let [client, server] = &talk.got;
        assert_eq!(client, &format!("220 mx\r\n334 VXNlcg==\r\n{last}"));
        assert!(!server.contains("hidden"), "{server}");
    }
}

#[test]
fn the_reply_to_an_earlier_rset_does_not_open_the_barrier_of_data() {
    let mut talk = Talk::with(SessionConfig::default());
    talk.server("220 mx\r\n").client("EHLO c\r\n").server("250-mx\r\n250 PIPELINING\r\n");
    talk.client("RSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nSubject: no command\r\n");
    talk.server("250 ok\r\n");
    assert!(talk.got[Side::Server as usize].ends_with("DATA\r\n"), "{}", talk.got[Side::Server as usize]);
}

#[test]
fn the_reply_to_an_earlier_rset_does_not_end_a_later_transaction() {
    let mut talk = Talk::with(SessionConfig::default());
    talk.server("220 mx\r\n").client("EHLO c\r\n").server("250-mx\r\n250 PIPELINING\r\n");
    talk.client("RSET\r\nMAIL FROM:<a@b>\r\n").server("250 reset\r\n250 sender\r\n");
    // A second MAIL is one within a transaction: nothing goes on before its reply.
    talk.client("MAIL FROM:<e@f>\r\nNOOP\r\n");
    assert!(talk.got[Side::Server as usize].ends_with("<e@f>\r\n"), "{}", talk.got[Side::Server as usize]);
}

#[test]
fn a_message_without_a_body_ends_although_the_next_command_came_with_it() {
    for message in ["", "Subject: a\r\n"] {
        let mut talk = Talk::with(SessionConfig {
            policy: Some(header_policy()),
            profile: Profile::C3PL,
            ..SessionConfig::default()
        });
        talk.server("220 mx\r\n").client("MAIL FROM:<a@b>\r\n").server("250 ok\r\n");
        talk.client("DATA\r\n").server("354 go\r\n");
        talk.client(&format!("{message}.\r\nQUIT\r\n")).server("250 taken\r\n");
        let server = &talk.got[Side::Server as usize];
        assert!(server.ends_with(&format!("DATA\r\n{message}.\r\nQUIT\r\n")), "{server}");
    }
}

#[test]
fn nothing_passes_through_a_pinhole_that_has_closed() {
    let mut talk = Talk::with(SessionConfig { inspect: Inspect::Opaque, ..SessionConfig::default() });
    talk.client("a");
    let late = Time(1).plus_seconds(1_000_000);
    let got = &mut talk.got;
    talk.session.expire(late, &mut |effect: Effect<'_>| tell(got, effect));
    talk.session.ended(late, Side::Client, End::Fin, &mut |effect: Effect<'_>| tell(got, effect));
    talk.client("b").server("c");
    assert_eq!(talk.got, ["finish", "afinish"]);
}

#[test]
fn the_profile_decides_which_verbs_and_keywords_are_masked_and_with_which_letters() {
    let profile = Profile {
        verbs: VerbSet::of(&[Verb::Ehlo]),
        hidden: Extensions::of(&["SIZE"]),
        ink: Ink { command: Letter::Capital, keyword: Letter::Small, running: false },
        ..Profile::NONE
    };
    let mut talk = Talk::with(SessionConfig { profile, ..SessionConfig::default() });
    talk.server("220 mx\r\n").client("EHLO c.example\r\n").server("250-mx\r\n250 SIZE 9\r\n");
    talk.client("NOOP\r\n");
    assert_eq!(talk.got, ["220 mx\r\n250-mx\r\n250 xxxxxx\r\n", "EHLO c.example\r\nXXXX\r\n"]);
    assert_eq!(talk.reports, ["unknown-verb"]);
}

/// A policy that looks at the fields of a header.
fn header_policy() -> Arc<CompiledPolicy> {
    let text = "parameter-map type regex r\n pattern lottery\n\
                class-map type inspect smtp match-any c\n match header regex r\n\
                policy-map type inspect smtp p\n class type inspect smtp c\n  reset\n";
    let policy = policy::load("policy", text.as_bytes()).configuration.unwrap();
    Arc::new(CompiledPolicy::compile(&policy, "p", &Profile::C3PL).unwrap())
}

#[test]
fn every_reply_that_the_client_gets_is_reported_with_its_author() {
    let table: [(Inspect, &[(Side, &str)], &str); 3] = [
        (
            Inspect::Smtp,
            &[
                (Side::Server, "220 mx\r\n"),
                (Side::Client, "EHLO c\r\n"),
                (Side::Server, "250-mx\r\n250 PIPELINING\r\n"),
                (Side::Client, "MAIL FROM:<a@b>\r\nRCPT TO:<a\u{7}@b>\r\n"),
                (Side::Server, "250 ok\r\n"),
            ],
            "server 220, server 250, server 250, mailwarden 500",
        ),
        (
            Inspect::Pop3,
            &[
                (Side::Server, "+OK\r\n"),
                (Side::Client, "CAPA\r\n"),
                (Side::Server, "+OK\r\nSASL PLAIN\r\n.\r\n"),
                (Side::Client, "STAT\u{7}\r\n"),
            ],
            "server +OK, server +OK, mailwarden -ERR",
        ),
        (
            Inspect::Imap,
            &[
                (Side::Server, "* OK hello\r\n"),
                (Side::Client, "a NOOP\r\n"),
                (Side::Server, "a OK done\r\n"),
                (Side::Client, "b NO\u{7}OP\r\n"),
            ],
            "server OK, server OK, mailwarden BYE",
        ),
    ];
    for (inspect, dialogue, expected) in table {
        let mut session =
            Session::new(Arc::new(SessionConfig { inspect, ..SessionConfig::default() }), Time(1));
        let mut replies = Vec::new();
        for (side, said) in dialogue {
            session.offer(Time(2), *side, said.as_bytes(), &mut |effect: Effect<'_>| {
                if let Effect::Report(Event::Reply(reply)) = effect {
                    replies.push(format!("{} {}", reply.by.name(), reply.code));
                }
            });
        }
        assert_eq!(replies.join(", "), expected, "{inspect:?}");
    }
}

#[test]
fn an_operator_ends_a_session_and_never_between_a_message_and_its_answer() {
    let clear = |talk: &mut Talk| {
        let Talk { session, got, .. } = talk;
        session.clear(Time(3), &mut |effect: Effect<'_>| tell(got, effect));
    };
    let mut idle = Talk::with(SessionConfig::default());
    idle.server("220 mx\r\n").client("EHLO c\r\n").server("250 mx\r\n");
    clear(&mut idle);
    let [to_client, to_server] = &idle.got;
    assert!(
        to_client.ends_with("421 4.3.2 Service shutting down\r\nfinish") && to_server.ends_with("finish")
    );

    let mut sent = Talk::with(SessionConfig::default());
    sent.server("220 mx\r\n").client("EHLO c\r\n").server("250 mx\r\n");
    sent.client("MAIL FROM:<a@b>\r\n").server("250 ok\r\n").client("RCPT TO:<c@d>\r\n").server("250 ok\r\n");
    sent.client("DATA\r\n").server("354 go on\r\n").client("Subject: s\r\n\r\nx\r\n.\r\n");
    clear(&mut sent);
    assert!(sent.got[1].ends_with("\r\n.\r\n"), "the server has the message, and its answer is awaited");
    sent.server("250 stored\r\n");
    assert!(sent.got[0].contains("250 stored\r\n421 "), "{:?}", sent.got);

    let mut mailbox = Talk::with(SessionConfig { inspect: Inspect::Pop3, ..SessionConfig::default() });
    mailbox.server("+OK\r\n").client("USER a\r\n").server("+OK\r\n").client("PASS b\r\n").server("+OK\r\n");
    mailbox.client("RETR 1\r\n");
    clear(&mut mailbox);
    assert!(mailbox.got.iter().all(|got| got.ends_with("finish")), "{:?}", mailbox.got);
}

#[test]
fn an_operator_ends_at_once_what_nobody_parses() {
    let talk = |inspect| Talk::with(SessionConfig { inspect, ..SessionConfig::default() });
    let hello = "\u{16}\u{3}\u{1}hello";
    let mut encrypted = talk(Inspect::Smtp);
    encrypted.server("220 mx\r\n").client("EHLO c\r\n").server("250-mx\r\n250 STARTTLS\r\n");
    encrypted.client("STARTTLS\r\n").server("220 go\r\n").client(hello).server(hello);
    let mut logged_in = talk(Inspect::Imap);
    logged_in.server("* OK\r\n").client("a LOGIN b c\r\n").server("a OK\r\n").client("b SELECT inbox\r\n");
    let mut pinhole = talk(Inspect::Opaque);
    pinhole.server("anything").client("at all");
    for (name, mut talk) in [("encrypted", encrypted), ("logged in", logged_in), ("pinhole", pinhole)] {
        let Talk { session, got, .. } = &mut talk;
        session.clear(Time(3), &mut |effect: Effect<'_>| tell(got, effect));
        assert!(got.iter().all(|got| got.ends_with("finish")), "{name}: {got:?}");
        assert_eq!(session.reason(), engine::event::Reason::Drained, "{name}");
    }
}
