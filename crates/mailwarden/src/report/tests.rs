//! Every record as each renderer writes it, compared with `tests/reports`.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::num::NonZeroU16;

use engine::admission::{Instance, Limit, Pressure, Transition};
use engine::config::Inspect;
use engine::event::{
    Anomaly, AnomalyKind, Login, LoginOutcome, Match, MessageSize, Outcome, Part, Recipient, Reference,
    Transaction, Treatment, Via,
};
use policy::attach::LimitDomain;
use policy::criterion::{CriterionKind, Reads};
use policy::diagnostic::Severity;
use policy::model::{Action, ClockZone, EventsDetail, Logging, Protocol};
use policy::profile::{LogForm, Profile};
use policy::scope::Scope;
use proto::{Side, Time};

use super::entry::entries;
use super::frame::Framer;
use super::session::SessionId;
use super::*;
use crate::attachments::AttachmentId;
use crate::golden;

/// A session of an audited proxy, through a top-level class.
fn config() -> SessionConfig {
    let (name, class) = ("mx".to_owned(), "MAIL".to_owned());
    let detail = EventsDetail::Headers;
    SessionConfig { name, class, detail, audit_trail: true, ..SessionConfig::default() }
}

fn session() -> SessionInfo {
    SessionInfo {
        id: SessionId::new(Run::from_bits(0x3f0c_62a1_9be4), 2, 1041),
        attachment: AttachmentId::default(),
        client: "192.0.2.7:40112".parse().unwrap(),
        server: "[2001:db8::25]:25".parse().unwrap(),
        started: Time(0),
    }
}

/// The seventh reference of the session.
fn reference() -> Option<Reference> {
    Some(Reference { session: session().id.reference(), number: NonZeroU16::new(7)? })
}

/// The default, wherever the test runs.
fn in_utc() -> Logging {
    let zone = Some(ClockZone { name: "UTC".to_owned(), hours: 0, minutes: 0 });
    Logging { zone, ..Logging::default() }
}

/// A record as each renderer writes it; `-` where one has nothing to say.
fn rendered(event: Reported<'_>) -> String {
    // A Sunday; the day is one digit, and so are hour and microsecond.
    let time = WallTime::from_unix_micros(1_780_218_123_000_045);
    let record = Record { time, event };
    let (mut json, mut messages, mut log) = (Vec::new(), Vec::new(), Vec::new());
    json::append(&mut json, &record, &mut Stamps::default());
    syslog::append(&mut messages, &record);
    Framer::of_file(&in_utc()).append_lines(&mut log, entries(&messages));
    if !json.is_empty() {
        let event: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json::schema::disagreement(&event), None, "{event:#}");
    }
    let line = |line: Vec<u8>| match String::from_utf8(line).unwrap() {
        line if line.is_empty() => "-\n".to_owned(),
        line => line,
    };
    format!("json: {}cisco_ios: {}", line(json), line(log))
}

/// Compares records, under their titles, with `tests/reports`.
fn golden(name: &str, cases: &[(&str, Reported<'_>)]) {
    let mut got = String::new();
    for (title, event) in cases {
        writeln!(got, "# {title}\n{}", rendered(*event)).unwrap();
    }
    golden::compare(&format!("tests/reports/{name}.expected"), &got);
}

/// Compares events of the session.
fn golden_events(name: &str, cases: &[(&str, &SessionConfig, Event<'_>)]) {
    let session = session();
    let cases = cases
        .iter()
        .map(|(title, config, event)| (*title, Reported::Event(Origin { session: &session, config }, event)));
    golden(name, &cases.collect::<Vec<_>>());
}

#[test]
fn session_start() {
    let audited = config();
    let plain = SessionConfig { name: "mx".to_owned(), ..SessionConfig::default() };
    let tcp = SessionConfig { protocol: Protocol::Tcp, ..audited.clone() };
    let passed =
        SessionConfig { inspect: Inspect::Opaque, logs_handling: true, audit_trail: false, ..tcp.clone() };
    let esmtp = SessionConfig { profile: Profile::CLASSIC_ESMTP, ..audited.clone() };
    let both = SessionConfig { audit_trail: true, ..passed.clone() };
    golden_events(
        "session_start",
        &[
            ("with pass log", &passed, Event::SessionStart),
            ("with both", &both, Event::SessionStart),
            ("of a rule for esmtp", &esmtp, Event::SessionStart),
            ("with audit-trail", &audited, Event::SessionStart),
            ("without", &plain, Event::SessionStart),
            ("another protocol", &tcp, Event::SessionStart),
        ],
    );
}

/// A limit of a class on IOS, unless the form says otherwise.
fn limit(form: LogForm, transition: Transition) -> LimitReport {
    let domain = match form {
        LogForm::Ios => LimitDomain::Class { attachment: "mx".to_owned(), class: Some("MAIL".to_owned()) },
        LogForm::Asa => LimitDomain::Traffic {
            policy: "global_policy".to_owned(),
            class: "inspection_default".to_owned(),
        },
    };
    let proxy = matches!(transition, Transition::Refused(_) | Transition::Evicted(_)).then(|| "mx".into());
    LimitReport { limited: Limited { domain: domain.into(), alert: true, form }, proxy, transition }
}

#[test]
fn limits() {
    let host = "192.0.2.25".parse().unwrap();
    let full = Pressure {
        limit: Limit::MaxIncomplete,
        incomplete: 501,
        threshold: 500,
        rate: 250,
        rate_threshold: 2_147_483_647,
    };
    let fast = Pressure {
        limit: Limit::OneMinute,
        incomplete: 3,
        threshold: 2_147_483_647,
        rate: 501,
        rate_threshold: 500,
    };
    let instance = |limit, times| Instance {
        limit,
        count: 100,
        threshold: 100,
        client: session().client,
        server: session().server,
        attachment: 0,
        times,
        minutes: 0,
    };
    let logins = |limit, times| Instance { count: 5, threshold: 5, minutes: 15, ..instance(limit, times) };
    let ios = |transition| limit(LogForm::Ios, transition);
    let asa = |of, times| limit(LogForm::Asa, Transition::Refused(instance(of, times)));
    let classic = LimitReport {
        limited: Limited { domain: LimitDomain::Classic.into(), alert: true, form: LogForm::Ios },
        ..ios(Transition::Calm(Pressure {
            incomplete: 0,
            threshold: 400,
            rate: 0,
            rate_threshold: 400,
            ..full
        }))
    };
    let quiet = ios(Transition::Aggressive(full));
    let quiet = LimitReport { limited: Limited { alert: false, ..quiet.limited }, ..quiet };
    let cases = [
        ("too many opening sessions", ios(Transition::Aggressive(full))),
        ("too many in a minute", ios(Transition::Aggressive(fast))),
        ("calm again, of all classic inspection", classic),
        ("too many opening to a host", ios(Transition::HostExceeded { host, sessions: 50 })),
        ("a host is blocked", ios(Transition::HostBlocked { host, sessions: 50, minutes: 1 })),
        ("and is blocked no more", ios(Transition::HostUnblocked { host })),
        ("a refused client", ios(Transition::Refused(instance(Limit::SessionsMaximum, 1)))),
        ("refused clients of the last minute", ios(Transition::Refused(instance(Limit::Hosts, 4711)))),
        (
            "opening sessions that went for others",
            ios(Transition::Evicted(instance(Limit::MaxIncomplete, 12))),
        ),
        ("embryonic-conn-max", asa(Limit::EmbryonicConnMax, 1)),
        ("conn-max", asa(Limit::ConnMax, 300)),
        ("per-client-embryonic-max", asa(Limit::PerClientEmbryonicMax, 1)),
        ("per-client-max", asa(Limit::PerClientMax, 1)),
        ("failed logins of a client", ios(Transition::LoginsBlocked(logins(Limit::ClientLogins, 1)))),
        ("failed logins to an account", ios(Transition::LoginsBlocked(logins(Limit::AccountLogins, 30)))),
        ("a login to it", asa(Limit::AccountLogins, 1)),
        ("with alert off", quiet),
    ];
    golden("limit", &cases.each_ref().map(|(title, report)| (*title, Reported::Limit(report))));
}

/// A session under a map of the ASA.
fn asa() -> SessionConfig {
    let profile = Profile { logs_tls: true, ..Profile::ASA };
    let detail = EventsDetail::Envelope;
    SessionConfig { name: "mx".to_owned(), profile, detail, ..SessionConfig::default() }
}

#[test]
fn in_the_words_of_the_asa() {
    let header = Match {
        policy: "_default_esmtp_map",
        class: "Class 4",
        criterion: "header line length gt 998",
        kind: CriterionKind::HeaderLineLength,
        scope: Scope::Message,
        value: b"References: 1001",
        action: Some(Action::Close),
        log: true,
        transaction: Some(0),
        sender: Some(b"bob@deals.example"),
        reference: reference(),
        count: 1,
    };
    let reset = Match { action: Some(Action::Reset), log: false, ..header };
    let logged = Match {
        class: "Class 3",
        criterion: "body line length gt 998",
        kind: CriterionKind::BodyLineLength,
        value: b"2048",
        action: None,
        reference: None,
        ..header
    };
    let masked = Match {
        class: "Class 7",
        criterion: "ehlo-reply-parameter others",
        kind: CriterionKind::EhloKeyword,
        value: b"CHUNKING",
        action: Some(Action::Mask),
        ..logged
    };
    let relay = Match {
        class: "mail-relay",
        criterion: "mail-relay",
        kind: CriterionKind::RelayDomain,
        value: b"bob@elsewhere.example",
        ..header
    };
    let paced = policy::model::PerSecond(std::num::NonZeroU32::MIN);
    let rate = Match {
        class: "Class 1",
        criterion: "cmd verb NOOP",
        kind: CriterionKind::Verb,
        value: b"NOOP",
        action: Some(Action::Pace(paced)),
        count: 12,
        ..header
    };
    let anomaly = |kind, value, treatment| Anomaly {
        kind,
        from: Side::Client,
        value,
        treatment,
        reference: None,
        count: 1,
    };
    let pipe = anomaly(AnomalyKind::Pipe, b"|prog@example.com", Treatment::Reset);
    let verb = anomaly(AnomalyKind::UnknownVerb, b"EXPN", Treatment::Masked);
    let size =
        anomaly(AnomalyKind::SizeExceeded, b"declared size is: 100, actual size is 2312", Treatment::Logged);
    let other = anomaly(AnomalyKind::Nul, b"", Treatment::Normalized);
    let config = asa();
    golden_events(
        "asa",
        &[
            ("302013", &config, Event::SessionStart),
            ("108004 and 507003", &config, Event::Match(header)),
            ("507003 alone, without log", &config, Event::Match(reset)),
            ("108005", &config, Event::Match(logged)),
            ("108004 of a response", &config, Event::Match(masked)),
            ("108004 of a parameter", &config, Event::Match(relay)),
            ("108004 of what waits", &config, Event::Match(rate)),
            ("108003", &config, Event::Anomaly(pipe)),
            ("108002", &config, Event::Anomaly(verb)),
            ("108006", &config, Event::Anomaly(size)),
            ("an anomaly that the ASA has no words for", &config, Event::Anomaly(other)),
            ("108007", &config, Event::Tls { criteria: &["sender-address length gt 320"] }),
        ],
    );
}

#[test]
fn a_teardown_in_the_words_of_the_asa() {
    let (session, config) = (session(), asa());
    let end = |reason| {
        let (bytes_client, bytes_server, duration) = (1_204, 388, Duration::from_secs(3_725));
        let counts = Counts::default();
        let end = SessionEnd { reason, bytes_client, bytes_server, reads: [3, 4], counts, duration };
        Reported::SessionEnd(Origin { session: &session, config: &config }, end)
    };
    golden(
        "asa_teardown",
        &[
            ("both have closed", end(Reason::Closed)),
            ("ended by a rule", end(Reason::Refused)),
            ("idle", end(Reason::Idle)),
        ],
    );
}

#[test]
fn session_dropped() {
    let session = session();
    let logged = SessionConfig { logs_handling: true, ..config() };
    let dropped = |config| Reported::SessionDropped(Origin { session: &session, config });
    golden("session_dropped", &[("with drop log", dropped(&logged)), ("with drop", dropped(&config()))]);
}

#[test]
fn session_end() {
    let (session, audited) = (session(), config());
    let plain = SessionConfig { name: "mx".to_owned(), ..SessionConfig::default() };
    let end = SessionEnd {
        reason: Reason::ServerLost,
        bytes_client: 1_204,
        bytes_server: 388,
        reads: [3, 4],
        counts: Counts { commands: 7, refusals: 2 },
        duration: Duration::from_micros(1_250_500),
    };
    let of = |config| Origin { session: &session, config };
    golden(
        "session_end",
        &[
            ("with audit-trail", Reported::SessionEnd(of(&audited), end)),
            ("without", Reported::SessionEnd(of(&plain), end)),
        ],
    );
}

#[test]
fn transaction() {
    let size =
        MessageSize { header_bytes: 310, body_bytes: 5_120, longest_header_line: 78, longest_body_line: 72 };
    let listed = [
        Recipient { address: b"bob@example.net", reply: Some(250) },
        Recipient { address: b"\xff\x1b\"@example.net", reply: Some(550) },
        Recipient { address: b"", reply: None },
    ];
    let parts = [
        Part { content_type: b"multipart/mixed", encoding: None, filename: None },
        Part { content_type: b"application/zip", encoding: Some(b"base64"), filename: Some(b"a\r\n.zip") },
    ];
    let accepted = Transaction {
        number: 0,
        helo: b"mail.example.com",
        sender: b"alice@example.com",
        recipients: 5,
        listed: &listed,
        accepted: 2,
        via: Via::Data,
        message: Some(size),
        message_id: Some(b"<1@example.com>"),
        subject: Some(b"=?utf-8?q?Gr=C3=BC=C3=9Fe?="),
        parts: &parts,
        more_parts: 3,
        outcome: Outcome::Accepted,
        reply: Some(250),
        reply_text: b"2.0.0 Ok: queued as 4Bx1",
        replies: &[],
    };
    let by_lmtp = Transaction { reply: Some(452), replies: &[250, 452], ..accepted };
    let refused = Transaction {
        outcome: Outcome::RefusedByPolicy,
        message: None,
        reply: Some(554),
        reply_text: b"5.7.1 Message refused by policy (ref 3f2a91-7)",
        ..accepted
    };
    // The sender is empty in notifications (RFC 5321 §6.1).
    let given_up = Transaction {
        sender: b"",
        via: Via::Bdat,
        message: None,
        message_id: None,
        subject: None,
        parts: &[],
        more_parts: 0,
        outcome: Outcome::Unfinished,
        reply: None,
        reply_text: b"",
        ..accepted
    };
    // What the engine reports where nothing is kept.
    let bare = Transaction { helo: b"", listed: &[], reply_text: b"", reply: Some(250), ..given_up };
    let untold = SessionConfig { detail: EventsDetail::None, ..config() };
    golden_events(
        "transaction",
        &[
            ("accepted by the server", &config(), Event::Transaction(accepted)),
            (
                "answered for each recipient",
                &SessionConfig { lmtp: true, ..config() },
                Event::Transaction(by_lmtp),
            ),
            ("refused by a rule", &config(), Event::Transaction(refused)),
            ("given up before its end", &config(), Event::Transaction(given_up)),
            ("with `events detail none`", &untold, Event::Transaction(bare)),
        ],
    );
}

#[test]
fn class_match() {
    let reset = Match {
        policy: "EDGE",
        class: "DEALS",
        criterion: "sender address regex DEALS",
        kind: CriterionKind::Sender,
        scope: Scope::Transaction,
        value: b"bob@deals.example",
        action: Some(Action::Reset),
        log: true,
        transaction: Some(0),
        sender: Some(b"bob@deals.example"),
        reference: reference(),
        count: 1,
    };
    let unrefused = Match { reference: None, ..reset };
    let quiet =
        Match { action: Some(Action::Mask), log: false, transaction: None, sender: None, ..unrefused };
    let hostile = Match { value: b"\x1b[2J\"\\\r\n\xff\xc3\xa9", action: None, ..unrefused };
    let repeated = Match { value: b"", transaction: None, sender: None, count: 17, ..reset };
    let (audited, alone) = (config(), SessionConfig { class: String::new(), ..config() });
    let untold = SessionConfig { detail: EventsDetail::None, ..config() };
    let mut cases = vec![
        ("reset and log", &audited, Event::Match(reset)),
        ("mask without log", &audited, Event::Match(quiet)),
        ("log alone, of bytes that are neither text nor harmless", &audited, Event::Match(hostile)),
        ("without a top-level class", &alone, Event::Match(reset)),
        ("summed up", &audited, Event::Match(repeated)),
        ("with `events detail none`", &untold, Event::Match(reset)),
    ];
    // What is said of mailboxes is in `login`.
    let of_mail = CriterionKind::ALL.iter().filter(|kind| !matches!(kind.reads(), Reads::Sign(_)));
    cases.extend(
        of_mail.map(|kind| (kind.row().subject, &audited, Event::Match(Match { kind: *kind, ..reset }))),
    );
    golden_events("match", &cases);
}

#[test]
fn anomaly() {
    let normalized = Anomaly {
        kind: AnomalyKind::BareLf,
        from: Side::Client,
        value: b"\n",
        treatment: Treatment::Normalized,
        reference: None,
        count: 1,
    };
    let repeated = Anomaly { value: b"", count: 3, ..normalized };
    let refused = Anomaly {
        kind: AnomalyKind::CommandControl,
        treatment: Treatment::Refused,
        reference: reference(),
        ..normalized
    };
    let verbs = Anomaly {
        kind: AnomalyKind::UnknownVerb,
        value: b"",
        treatment: Treatment::Masked,
        count: 99,
        ..normalized
    };
    let silent = Anomaly { treatment: Treatment::Silent, ..normalized };
    let verb = Anomaly {
        kind: AnomalyKind::UnknownVerb,
        value: b"XYZZY\x07",
        treatment: Treatment::Masked,
        ..normalized
    };
    let reply = Anomaly {
        kind: AnomalyKind::BadReply,
        from: Side::Server,
        value: b"\xff\xff 250",
        treatment: Treatment::Reset,
        ..refused
    };
    let unalerted = SessionConfig { alert: false, ..config() };
    let untold = SessionConfig { detail: EventsDetail::None, ..config() };
    golden_events(
        "anomaly",
        &[
            ("normalized", &config(), Event::Anomaly(normalized)),
            ("silent", &config(), Event::Anomaly(silent)),
            ("a verb outside the list", &config(), Event::Anomaly(verb)),
            ("of the server", &config(), Event::Anomaly(reply)),
            ("without alerts", &unalerted, Event::Anomaly(reply)),
            ("refused", &config(), Event::Anomaly(refused)),
            ("summed up", &config(), Event::Anomaly(repeated)),
            ("verbs outside the list, summed up", &config(), Event::Anomaly(verbs)),
            ("with `events detail none`", &untold, Event::Anomaly(verb)),
        ],
    );
}

#[test]
fn login() {
    let of = |protocol| SessionConfig { protocol, ..config() };
    let (pop3, imap) = (of(Protocol::Pop3), of(Protocol::Imap));
    let accepted = Login {
        mechanism: b"CRAM-MD5",
        account: Some(b"alice"),
        is_clear_text: false,
        outcome: LoginOutcome::Accepted,
    };
    let refused =
        Login { mechanism: b"", account: None, is_clear_text: true, outcome: LoginOutcome::RefusedByPolicy };
    let invalid = Match {
        policy: "BOXES",
        class: "ODD",
        criterion: "invalid-command",
        kind: CriterionKind::InvalidCommand,
        scope: Scope::Command,
        value: b"STAT",
        action: Some(Action::Reset),
        log: true,
        transaction: None,
        sender: None,
        reference: reference(),
        count: 1,
    };
    let clear_text = Match {
        criterion: "login clear-text",
        kind: CriterionKind::ClearTextLogin,
        value: b"USER",
        ..invalid
    };
    let demanded = Anomaly {
        kind: AnomalyKind::ClearTextLogin,
        from: Side::Client,
        value: b"",
        treatment: Treatment::Reset,
        reference: reference(),
        count: 1,
    };
    let stray =
        Anomaly { kind: AnomalyKind::StrayLine, from: Side::Server, value: b"* 5 EXISTS", ..demanded };
    golden_events(
        "login",
        &[
            ("accepted", &pop3, Event::Login(accepted)),
            ("refused, of a mechanism that is not known", &imap, Event::Login(refused)),
            ("invalid command, POP3", &pop3, Event::Match(invalid)),
            (
                "invalid command, IMAP, without reset",
                &imap,
                Event::Match(Match { action: None, reference: None, ..invalid }),
            ),
            ("clear text, POP3", &pop3, Event::Match(clear_text)),
            ("clear text, IMAP", &imap, Event::Match(clear_text)),
            ("clear text, where the dialect forbids it", &pop3, Event::Anomaly(demanded)),
            ("another anomaly of IMAP", &imap, Event::Anomaly(stray)),
        ],
    );
}

#[test]
fn tls() {
    let criteria = ["sender address regex DEALS", "header length gt 4096"];
    golden_events("tls", &[("STARTTLS", &config(), Event::Tls { criteria: &criteria })]);
}

#[test]
fn commands() {
    let of = |form| Reported::Command { form, user: "root", command: "clear conn address 192.0.2.7" };
    golden("command", &[("on IOS", of(LogForm::Ios)), ("on an ASA", of(LogForm::Asa))]);
}

#[test]
fn daemon() {
    let totals = Totals { sessions: 12, transactions: 9, matches: 3, anomalies: 1 };
    let file = "/etc/mailwarden/edge.conf";
    let applied = Configured {
        file: file.to_owned(),
        ok: true,
        result: "applied".to_owned(),
        errors: 0,
        warnings: 1,
        holds: Some(Holds {
            class_maps: 3,
            policy_maps: 2,
            parameter_maps: 1,
            inspection_rules: 0,
            access_lists: 4,
            zone_pairs: 0,
            service_policies: 0,
            proxies: 1,
        }),
        complaints: vec![Complaint {
            severity: Severity::Warning,
            code: "dangling-star",
            line: 4,
            column: 10,
            message: "`*` at the end of `\u{1b}[2J*` has no effect".to_owned(),
            help: Some("remove it".to_owned()),
        }],
    };
    let refused = Configured {
        file: "\u{1b}[2J.conf".to_owned(),
        ok: false,
        result: "1 error, not applied".to_owned(),
        errors: 1,
        warnings: 0,
        holds: None,
        complaints: vec![Complaint {
            severity: Severity::Error,
            help: None,
            ..applied.complaints[0].clone()
        }],
    };
    let unread = Configured::unread(file.to_owned(), "No such file or directory (os error 2)".to_owned());
    let address = "[2001:db8::25]:25".parse().unwrap();
    let down = ServerState::Down { why: "no answer in 5 seconds", wait: Duration::from_secs(30) };
    let complaint = &applied.complaints[0];
    let error = &refused.complaints[0];
    golden(
        "daemon",
        &[
            ("a configuration in force", Reported::Configuration(&applied)),
            ("a warning about it", Reported::Complaint { file, complaint }),
            ("a configuration with a hostile name, refused", Reported::Configuration(&refused)),
            ("an error in it", Reported::Complaint { file: &refused.file, complaint: error }),
            ("a configuration that cannot be read", Reported::Configuration(&unread)),
            (
                "what is in force",
                Reported::Notice { what: "Proxy mx: listening on 0.0.0.0:25; server 192.0.2.1:25" },
            ),
            ("a server that does not answer", Reported::Server { proxy: "mx", address, state: down }),
            (
                "a server that answers again",
                Reported::Server { proxy: "mx", address, state: ServerState::Up },
            ),
            ("a failure", Reported::Failure { what: "accept failed: Too many open files (os error 24)" }),
            ("lines dropped", Reported::Dropped { lines: 17 }),
            ("stopped", Reported::Stopped { totals: &totals }),
        ],
    );
}

#[test]
fn to_the_journal_every_line_carries_its_priority_and_no_time() {
    let line = |event| {
        let record = Record { time: WallTime::EPOCH, event };
        let (mut messages, mut line) = (Vec::new(), Vec::new());
        syslog::append(&mut messages, &record);
        Framer::of_journal().append_lines(&mut line, entries(&messages));
        String::from_utf8(line).unwrap()
    };
    assert_eq!(line(Reported::Failure { what: "x-7-y: z" }), "<3>%FW-3-MAILWARDEN: x-7-y: z\n");
    assert_eq!(line(Reported::Notice { what: "x" }), "<6>%FW-6-MAILWARDEN: x\n");
    let address = "192.0.2.1:25".parse().unwrap();
    let up = Reported::Server { proxy: "mx", address, state: ServerState::Up };
    assert_eq!(line(up), "<5>%FW-5-MAILWARDEN: Server 192.0.2.1:25 is up again\n");
    let (session, config) = (session(), config());
    let start = Event::SessionStart;
    let start = line(Reported::Event(Origin { session: &session, config: &config }, &start));
    assert!(start.starts_with("<6>%FW-6-SESS_AUDIT_TRAIL_START: "), "{start}");
}

/// The names of all messages in a text: `%FW-6-SESS_AUDIT_TRAIL`.
fn message_names(text: &str) -> BTreeSet<&str> {
    let starts = text.match_indices('%').filter_map(|(at, _)| text.get(at..));
    let names = starts.map(|rest| {
        let end = rest.find(|c: char| c != '%' && c != '-' && c != '_' && !c.is_ascii_alphanumeric());
        &rest[..end.unwrap_or(rest.len())]
    });
    names.filter(|name| name.matches('-').count() == 2 && !name.ends_with('-')).collect()
}

#[test]
fn every_message_that_is_written_is_documented_and_every_documented_one_is_written() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(folder.join("docs/messages.md")).unwrap();
    let goldens = std::fs::read_dir(folder.join("tests/reports")).unwrap();
    let goldens: String = goldens.map(|it| std::fs::read_to_string(it.unwrap().path()).unwrap()).collect();
    let mut written = message_names(&goldens);
    // Made of the name of the protocol, of which one is enough for a golden.
    written.insert("%APPFW-4-POP3_ANOMALY");
    assert_eq!(message_names(&page), written);
}
